"""The demo's system of packages: a process of its own behind interface tables, in a database of its own.

``python -m cti.boss.demo_packages DATABASE TABLES`` makes `if_req` and `if_rsp` in TABLES unless they are there, prints
``at work``, and ends when its standard input does. Whoever asks writes a row into `if_req`; its answer is the row of
`if_rsp` with the same serial: ``rc`` 0000, or 1001 where there is no package.
"""

from __future__ import annotations

import select
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

LOOK_S = 0.02
_TABLES = """
CREATE TABLE IF NOT EXISTS if_req (
    serial TEXT PRIMARY KEY, op TEXT NOT NULL, state TEXT NOT NULL, created_at TIMESTAMP NOT NULL, msisdn TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS if_rsp (
    serial TEXT PRIMARY KEY, rc TEXT NOT NULL, name TEXT, data_left_mb INTEGER, minutes_left INTEGER, renews TEXT
);
"""
_ASKED = "SELECT serial, msisdn FROM if_req WHERE state = '0' AND op = 'PKG' ORDER BY created_at LIMIT 500"
_PACKAGE = "SELECT name, data_left_mb, minutes_left, renews FROM package WHERE msisdn = ?"


class Packages:
    """``subscribers`` is only read."""

    def __init__(self, subscribers: Path, tables: Path) -> None:
        self._subscribers = sqlite3.connect(f"file:{subscribers}?mode=ro", uri=True)
        self._tables = sqlite3.connect(tables, timeout=30.0)
        self._tables.execute("PRAGMA journal_mode = WAL")  # who asks and who answers do not wait for each other
        self._tables.executescript(_TABLES)
        self._seen = -1

    def look(self) -> int:
        """Answer what stands there; how many."""
        (changes,) = self._tables.execute("PRAGMA data_version").fetchone()
        if changes == self._seen:
            return 0  # nobody else has written since
        self._seen = changes
        with self._tables:
            self._tables.execute("BEGIN IMMEDIATE")
            asked = self._tables.execute(_ASKED).fetchall()
            rows = [self._answer(serial, msisdn) for serial, msisdn in asked]
            self._tables.executemany("INSERT OR IGNORE INTO if_rsp VALUES (?, ?, ?, ?, ?, ?)", rows)
            self._tables.executemany("UPDATE if_req SET state = '2' WHERE serial = ?", [(row[0],) for row in rows])
        return len(rows)

    def close(self) -> None:
        for one in (self._subscribers, self._tables):
            one.close()

    def _answer(self, serial: str, msisdn: str) -> tuple[object, ...]:
        found = self._subscribers.execute(_PACKAGE, (msisdn,)).fetchone()
        return (serial, "1001", None, None, None, None) if found is None else (serial, "0000", *found)


def main() -> None:
    with closing(Packages(Path(sys.argv[1]), Path(sys.argv[2]))) as packages:
        print("at work", flush=True)
        while not select.select([sys.stdin], [], [], LOOK_S)[0]:
            while packages.look():
                pass


if __name__ == "__main__":
    main()
