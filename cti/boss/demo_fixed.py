"""The demo's billing system of fixed lines: a process of its own, not the mobile one, that is asked by HTTP.

``python -m cti.boss.demo_fixed DATABASE`` serves on a free port of loopback, prints it, and ends when its standard
input does. ``GET /accounts/<number>`` answers with JSON: 200, 404 where there is no such line, 423 where it is locked.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import gevent
from gevent.pywsgi import WSGIServer

_QUERY = """
SELECT s.balance, s.status AS state, s.name, s.line, s.tier, s.area, s.language, p.name AS package, s.due
FROM subscriber s JOIN package p ON p.msisdn = s.msisdn WHERE s.msisdn = ? AND s.line = 'fixed'
"""


class FixedBilling:
    """Serves until it is stopped."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._server = WSGIServer(("127.0.0.1", 0), self._answer, log=None)
        self._server.start()

    @property
    def port(self) -> int:
        return int(self._server.server_port or 0)

    def stop(self) -> None:
        self._server.stop(timeout=1)

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        folder, _, number = environ["PATH_INFO"].strip("/").partition("/")
        account = self._account(number) if folder == "accounts" else None
        status = "404 Not Found" if account is None else "423 Locked" if account["state"] == "locked" else "200 OK"
        start(status, [("Content-Type", "application/json")])
        return [json.dumps(account or {}).encode()]

    def _account(self, number: str) -> dict[str, Any] | None:
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            row = connection.execute(_QUERY, (number,)).fetchone()
        return None if row is None else dict(row)


def main() -> None:
    billing = FixedBilling(Path(sys.argv[1]))
    print(billing.port, flush=True)
    gevent.get_hub().threadpool.apply(sys.stdin.buffer.read)
    billing.stop()


if __name__ == "__main__":
    main()
