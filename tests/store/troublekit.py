"""A store into which calls are put, and a database that somebody else has locked."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent

from cti.core.calls import TerminalCause
from cti.core.records import CallEnded, CallStarted, NodeVisit, Record
from cti.store import SqlStore, WriterSettings

SMALL = WriterSettings(queue_limit=10, batch=4, gather_s=0.001, retry_first_s=0.01, retry_most_s=0.02)
HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


def call(n: int) -> list[Record]:
    call_id = f"c{n:05d}"
    return [
        CallStarted(call_id, "fs1", "4001", 1000.0 + n, caller=f"138{n:08d}"),
        NodeVisit(call_id, "hotline", "main", "menu", 1, 1000.0 + n, 1001.0 + n, "1"),
        CallEnded(call_id, 1002.0 + n, TerminalCause.FLOW_END, goals=("balance",)),
    ]


def put_calls(store: SqlStore, numbers: range) -> None:
    for n in numbers:
        for record in call(n):
            store.record(record)


def ids(store: SqlStore) -> list[str]:
    return [row.call_id for row in store.list_calls(limit=1000)][::-1]


def expected(numbers: range) -> list[str]:
    return [f"c{n:05d}" for n in numbers]


@contextmanager
def locked(db: Path) -> Iterator[None]:
    """Another process holds the database."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(db)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        try:
            yield
        finally:
            holder.stdin.close()
            holder.wait(timeout=10)


def until(condition: Callable[[], bool], what: str, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, what
        gevent.sleep(0.005)
