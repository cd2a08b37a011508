"""Writes over real SQLite files: once for each key, whole or not at all."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.threadpool import ThreadPool

from cti.boss import (
    DEMO_LOOKUPS,
    LookupsRefused,
    SqlRequests,
    ensure_demo_database,
    load_definitions,
    parse_definitions,
)
from cti.core.events import RequestEnded

FAULT = {"number": "01088880000", "kind": "noise"}
WRITING = """
requests:
  row.put:
    in: {n: int, secret: "text?!"}
    out: {n: int}
    deadline_ms: 400
    write:
      - INSERT INTO t (key, n) VALUES (:key, :n) ON CONFLICT (key) DO NOTHING
      - UPDATE t SET n = n WHERE key = :key AND :secret IS NULL
    read: SELECT n, outcome FROM t WHERE key = :key
"""


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[tuple[SqlRequests, Path]]:
    file = ensure_demo_database(tmp_path / "boss.db")
    with closing(SqlRequests(load_definitions(DEMO_LOOKUPS).requests, f"sqlite:///{file}")) as requests:
        yield requests, file


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "t.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE t (key TEXT UNIQUE, n INTEGER CHECK (n < 100), outcome TEXT)")
    return file


def rows(file: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(sql).fetchall()


def put(file: Path, key: str = "k", **arguments: Any) -> RequestEnded:
    with closing(SqlRequests(parse_definitions(WRITING, "f").requests, f"sqlite:///{file}")) as requests:
        return requests.request("row.put", arguments, key)


def test_the_same_key_again_gives_the_first_answer_and_writes_nothing(demo: tuple[SqlRequests, Path]) -> None:
    requests, file = demo
    first = requests.request("fault.file", FAULT, "call/1")
    assert first == RequestEnded(0, "done", {"ticket": "000001"})
    assert requests.request("fault.file", {**FAULT, "kind": "slow"}, "call/1") == first
    assert requests.request("fault.file", FAULT, "call/2").values != first.values
    assert rows(file, "SELECT key, kind FROM fault ORDER BY id") == [("call/1", "noise"), ("call/2", "noise")]


def test_money_is_added_once(demo: tuple[SqlRequests, Path]) -> None:
    requests, file = demo
    card = {"msisdn": "13800000000", "voucher": "860000000001"}
    for _ in range(3):
        ended = requests.request("topup.apply", card, "call/1")
        assert ended.values == {"amount": Decimal("20.00"), "balance": Decimal("108.50")}
    assert requests.request("topup.apply", card, "call/2").outcome == "rejected"
    assert requests.request("topup.apply", {**card, "voucher": "1"}, "call/3").outcome == "rejected"
    stranger = {"msisdn": "13899999999", "voucher": "860000000002"}
    assert requests.request("topup.apply", stranger, "call/4").outcome == "rejected"
    assert rows(file, "SELECT code FROM voucher WHERE key IS NOT NULL") == [("860000000001",)]


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
    ],
)
def test_outcomes_of_the_demo(demo: tuple[SqlRequests, Path], source: str, arguments: Any, outcome: str) -> None:
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
        assert put(table, n=1).outcome == "unknown"  # nothing was heard until its deadline
        other.execute("ROLLBACK")
    assert put(table, n=1) == RequestEnded(0, "done", {"n": 1})
    assert rows(table, "SELECT n FROM t") == [(1,)]


def test_more_at_once_than_there_are_threads_is_throttled(table: Path) -> None:
    definitions = parse_definitions(WRITING, "f").requests
    with closing(SqlRequests(definitions, f"sqlite:///{table}", at_once=1)) as requests:
        assert isinstance(requests._pool, ThreadPool)
        both = [gevent.spawn(requests.request, "row.put", {"n": n}, f"k{n}") for n in (1, 2)]
        assert sorted(job.get().outcome for job in both) == ["done", "throttled"]


def test_no_secret_is_logged(table: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    put(table, n=100, secret="geheim42")
    put(table, n="x", secret="geheim42")
    assert "geheim42" not in caplog.text
    assert "row.put" in caplog.text


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("read: SELECT", "read: DELETE", (10, 11, "bad-sql")),
        ("- INSERT INTO", "- SELECT 1 INTO", (8, 9, "bad-sql")),
        ("WHERE key = :key\n", "WHERE n = :n\n", (10, 11, "bad-sql")),
        (":n)", ":m)", (8, 7, "bad-sql")),
        ("in: {n: int,", "in: {n: int, key: text,", (3, 3, "bad-name")),
        ("    read:", "    reed:", (3, 3, "missing-option")),
        ("NOTHING", "NOTHING; DROP TABLE t", (8, 9, "bad-sql")),
    ],
)
def test_mistakes_have_their_place(old: str, new: str, where: tuple[int, int, str]) -> None:
    with pytest.raises(LookupsRefused) as refused:
        parse_definitions(WRITING.replace(old, new), "f")
    found = [(issue.place.line, issue.place.col, issue.code) for issue in refused.value.issues]
    assert where in found, refused.value.issues


def test_one_name_is_one_thing() -> None:
    text = WRITING + "lookups:\n  row.put: {in: {m: phone}, out: {x: int}, sql: 'SELECT x FROM t WHERE m = :m'}\n"
    with pytest.raises(LookupsRefused, match="a look-up already"):
        parse_definitions(text, "f")
