"""Requests by SQL over real SQLite files: once for each key, whole or not at all."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import gevent
import pytest

from cti.boss import DEMO_INTERFACES, ensure_demo_database
from cti.boss.server import InterfaceServer
from cti.core.events import RequestEnded
from tests.boss.served import served

FAULT = {"number": "01088880000", "kind": "noise"}
WRITING = """
backends:
  t: {way: sql, url: "sqlite:///t.db"}
requests:
  row.put:
    in: {n: int, secret: "text?!"}
    out: {n: int}
    deadline_ms: 400
    to:
      backend: t
      write:
        - INSERT INTO t (key, n) VALUES (:key, :n) ON CONFLICT (key) DO NOTHING
        - UPDATE t SET n = n WHERE key = :key AND :secret IS NULL
      read: SELECT n, outcome FROM t WHERE key = :key
      code: outcome
      good: ["", done]
      errors: {rejected: rejected}
"""


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[tuple[InterfaceServer, Path]]:
    file = ensure_demo_database(tmp_path / "boss-demo.db")
    with served(DEMO_INTERFACES.read_bytes(), tmp_path) as server:
        yield server, file


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "t.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE t (key TEXT UNIQUE, n INTEGER CHECK (n < 100), outcome TEXT)")
    return file


def rows(file: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(sql).fetchall()


def put(file: Path, key: str = "k", deadline_ms: int = 30_000, **arguments: Any) -> RequestEnded:
    with served(WRITING.replace("deadline_ms: 400", f"deadline_ms: {deadline_ms}"), file.parent) as server:
        return server.request("row.put", arguments, key)


def test_the_same_key_again_gives_the_first_answer_and_writes_nothing(demo: tuple[InterfaceServer, Path]) -> None:
    server, file = demo
    first = server.request("fault.file", FAULT, "call/1")
    assert first == RequestEnded(0, "done", {"ticket": "000001"})
    assert server.request("fault.file", {**FAULT, "kind": "slow"}, "call/1") == first
    assert server.request("fault.file", FAULT, "call/2").values != first.values
    assert rows(file, "SELECT key, kind FROM fault ORDER BY id") == [("call/1", "noise"), ("call/2", "noise")]


def test_money_is_added_once(demo: tuple[InterfaceServer, Path]) -> None:
    server, file = demo
    card = {"msisdn": "13800000000", "voucher": "860000000001"}
    for _ in range(3):
        ended = server.request("topup.apply", card, "call/1")
        assert ended.values == {"amount": Decimal("20.00"), "balance": Decimal("108.50")}
    assert server.request("topup.apply", card, "call/2").outcome == "rejected"
    assert server.request("topup.apply", {**card, "voucher": "1"}, "call/3").outcome == "rejected"
    stranger = {"msisdn": "13899999999", "voucher": "860000000002"}
    assert server.request("topup.apply", stranger, "call/4").outcome == "rejected"
    assert rows(file, "SELECT code FROM voucher WHERE key IS NOT NULL") == [("860000000001",)]


def test_each_bill_is_claimed_once(demo: tuple[InterfaceServer, Path]) -> None:
    """The due, unpaid ones of mobile numbers, the earliest first; a repeated key is told the same again."""
    server, file = demo
    claimed = [server.request("bill.remind", {"until": date(2026, 3, 15)}, f"run/{n}") for n in range(41)]
    assert claimed[0].values == {
        "msisdn": "13800000000", "amount": Decimal("41.11"), "due": date(2026, 3, 15), "language": "zh-CN",
    }  # fmt: skip
    assert [ended.outcome for ended in claimed] == ["done"] * 40 + ["rejected"]
    assert len({str(ended.values["msisdn"]) for ended in claimed[:40]}) == 40
    assert server.request("bill.remind", {"until": date(2026, 3, 15)}, "run/5") == claimed[5]
    assert len(rows(file, "SELECT * FROM reminder")) == 40


@pytest.mark.parametrize(
    ("source", "arguments", "outcome"),
    [
        ("fault.file", {**FAULT, "number": "01099999999"}, "rejected"),
        ("fault.file", {**FAULT, "kind": "strange"}, "rejected"),
        ("fault.file", {"kind": "noise"}, "rejected"),
        ("fault.file", {**FAULT, "more": 1}, "rejected"),
        ("nothing.file", FAULT, "error"),
        ("complaint.file", {"about": "bill"}, "done"),
        ("package.order", {"msisdn": "13800000007", "name": "x"}, "rejected"),
        ("subscriber.lock", {"msisdn": "13800000000"}, "done"),
        ("service.rate", {"score": 5}, "done"),
        ("form.file", {"document": "a.tif"}, "done"),
        ("form.file", {"number": "01088880001"}, "rejected"),
        ("bill.remind", {"until": "2026-03-14"}, "rejected"),
    ],
)
def test_outcomes_of_the_demo(demo: tuple[InterfaceServer, Path], source: str, arguments: Any, outcome: str) -> None:
    assert demo[0].request(source, arguments, "call/1").outcome == outcome


def test_what_the_database_refuses_is_an_error_and_leaves_nothing(table: Path) -> None:
    assert put(table, n=100).outcome == "error"
    assert rows(table, "SELECT * FROM t") == []
    with closing(sqlite3.connect(table)) as connection, connection:
        connection.execute("INSERT INTO t VALUES ('no', 1, 'rejected'), ('odd', 1, 'strange')")
    assert [put(table, key, n=2).outcome for key in ("no", "odd", "k")] == ["rejected", "error", "done"]
    table.unlink()
    table.touch()
    assert put(table, n=1).outcome == "error"


def test_a_locked_database_is_an_error_or_unknown_and_asking_again_tells(table: Path) -> None:
    with closing(sqlite3.connect(table, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert put(table, deadline_ms=400, n=1).outcome in (
            "error",
            "unknown",
        )  # as the database or the deadline comes first
        other.execute("ROLLBACK")
    assert put(table, n=1) == RequestEnded(0, "done", {"n": 1})
    assert rows(table, "SELECT n FROM t") == [(1,)]


def test_more_at_once_than_there_are_threads_is_throttled(table: Path) -> None:
    text = WRITING.replace('t.db"}', 't.db", concurrency: {max: 1, queue: 0}}')
    with served(text, table.parent) as server:
        both = [gevent.spawn(server.request, "row.put", {"n": n}, f"k{n}") for n in (1, 2)]
        assert sorted(job.get().outcome for job in both) == ["done", "throttled"]


def test_what_was_not_committed_is_not_there_when_the_answer_does_not_fit(table: Path) -> None:
    text = WRITING.replace("SELECT n, outcome", "SELECT 'much' AS n, outcome")
    with served(text, table.parent) as server:
        assert server.request("row.put", {"n": 1}, "k") == RequestEnded(0, "error")
    assert rows(table, "SELECT * FROM t") == []


def test_no_secret_is_logged(table: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    put(table, n=100, secret="geheim42")
    put(table, n="x", secret="geheim42")
    assert "geheim42" not in caplog.text
    assert "row.put" in caplog.text
