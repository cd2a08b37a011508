"""A back office behind interface tables: a process of its own that takes rows of one and writes rows of the other.

``python -m tests.boss.offices.table_office URL``: it works until its stdin is closed. Account `n` has n/100; numbers
that end in 9 are unknown, in 8 locked, in 7 never answered, in 6 answered twice; `answered` counts what was done.
"""

from __future__ import annotations

import contextlib
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import create_engine, text

ROOT = Path(__file__).parents[3]
TABLES = """
CREATE TABLE if_req (serial VARCHAR(64) PRIMARY KEY, op VARCHAR(16) NOT NULL, state CHAR(1) NOT NULL,
    created_at TIMESTAMP NOT NULL, msisdn VARCHAR(20) NOT NULL, amount NUMERIC(12, 2));
CREATE TABLE if_rsp (serial VARCHAR(64) NOT NULL, rc VARCHAR(4) NOT NULL, balance NUMERIC(12, 2), note VARCHAR(40))
"""
_TAKE = "UPDATE if_req SET state = '1' WHERE serial IN (SELECT serial FROM if_req WHERE state = '0' LIMIT 500)"


def create(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for name in ("if_req", "if_rsp"):
            connection.execute(text(f"DROP TABLE IF EXISTS {name}"))
        for statement in TABLES.split(";"):
            connection.execute(text(statement))
    engine.dispose()


@contextlib.contextmanager
def office(url: str, pause_s: float = 0.005) -> Iterator[subprocess.Popen[bytes]]:
    """At work once this is entered."""
    command = [sys.executable, "-m", "tests.boss.offices.table_office", url, str(pause_s)]
    running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    assert running.stdout is not None
    assert running.stdout.readline() == b"at work\n"
    try:
        yield running
    finally:
        if running.poll() is None:
            running.communicate()


def answers(serial: str, op: str, msisdn: str) -> list[dict[str, object]]:
    kind = msisdn[-1]
    if kind == "7":
        return []
    code = {"9": "1001", "8": "1007"}.get(kind, "0000")
    balance = int(msisdn[-6:]) / 100 if code == "0000" and op == "BAL" else None
    row: dict[str, object] = {"s": serial, "c": code, "b": balance, "n": "陈" if op == "BAL" else f"T-{serial[-6:]}"}
    return [row, row] if kind == "6" else [row]


def main(url: str, pause_s: float) -> None:
    engine = create_engine(url)
    print("at work", flush=True)
    while not select.select([sys.stdin], [], [], pause_s)[0]:
        with engine.begin() as connection:
            if not connection.execute(text(_TAKE)).rowcount:
                continue
            taken = connection.execute(text("SELECT serial, op, msisdn FROM if_req WHERE state = '1'")).all()
            rows = [row for serial, op, msisdn in taken for row in answers(serial, op, msisdn)]
            if rows:
                connection.execute(text("INSERT INTO if_rsp VALUES (:s, :c, :b, :n)"), rows)
            connection.execute(text("UPDATE if_req SET state = '2' WHERE state = '1'"))
    engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
