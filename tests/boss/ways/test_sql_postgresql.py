"""The SQL way on PostgreSQL: a real server, started for the test where there is one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import gevent
import pytest
from sqlalchemy import create_engine, text

from cti.boss.server import InterfaceServer
from cti.boss.ways.sql.options import SqlTarget
from cti.core.events import LookupEnded, RequestEnded
from tests.boss.served import served
from tests.store.test_postgresql import server  # noqa: F401

FILE = """
backends:
  pg: {way: sql, url: "URL", concurrency: {max: 4}, breaker: {min_calls: 1000}}
lookups:
  row.get:
    in: {msisdn: phone, least: decimal}
    out: {amount: decimal, paid: bool, due: "date?", note: "text?"}
    to:
      backend: pg
      sql: >-
        SELECT amount, paid, due, note FROM t
        WHERE msisdn = :msisdn AND amount >= CAST(:least AS numeric)
  slow.get: {in: {}, out: {n: int}, deadline_ms: 300, to: {backend: pg, sql: SELECT 1 AS n FROM pg_sleep(60)}}
  sly.get: {in: {}, out: {n: int}, to: {backend: pg, sql: SELECT 1 AS n}}
requests:
  row.put:
    in: {msisdn: phone, amount: decimal}
    out: {amount: decimal}
    to:
      backend: pg
      write: >-
        INSERT INTO t (msisdn, amount, paid, key) VALUES (:msisdn, CAST(:amount AS numeric), false, :key)
        ON CONFLICT (key) DO NOTHING
      read: SELECT amount FROM t WHERE key = :key
"""
NUMBER = "13800000000"


@pytest.fixture
def office(server: Any, tmp_path: Path) -> Iterator[tuple[InterfaceServer, Any]]:  # noqa: F811
    engine = create_engine(server.url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS t"))
        connection.execute(
            text("CREATE TABLE t (msisdn text, amount numeric(12,2), paid bool, due date, note text, key text UNIQUE)")
        )
        connection.execute(text("INSERT INTO t VALUES (:n, 123456789.01, true, '2026-03-01', '陈𠮷')"), {"n": NUMBER})
    with served(FILE.replace("URL", server.url), tmp_path) as found:
        yield found, engine
    engine.dispose()


def test_values_come_with_their_types(office: tuple[InterfaceServer, Any]) -> None:
    told = office[0].ask("row.get", {"msisdn": NUMBER, "least": Decimal("0.01")}, 60.0)
    assert told == LookupEnded(
        0, "ok", {"amount": Decimal("123456789.01"), "paid": True, "due": date(2026, 3, 1), "note": "陈𠮷"}
    )
    assert office[0].ask("row.get", {"msisdn": NUMBER, "least": 10**9}, 60.0).outcome == "not_found"
    office[0].probe("pg", 60.0)


def test_a_statement_is_stopped_by_the_server_and_the_hub_goes_on(office: tuple[InterfaceServer, Any]) -> None:
    boss, engine = office
    job = gevent.spawn(boss.ask, "slow.get", {}, 60.0)
    turns = 0
    while not job.ready():
        gevent.sleep(0.005)
        turns += 1
    assert job.value is not None
    assert (job.value.outcome, turns > 5) == ("timeout", True)
    query = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE query LIKE '%pg_sleep(60)%' AND state = 'active' AND pid <> pg_backend_pid()"
    )
    until = time.monotonic() + 60

    def runs() -> int:
        """In a transaction of its own: one transaction sees pg_stat_activity as it was when it first looked."""
        with engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    while (still := runs()) and time.monotonic() < until:
        gevent.sleep(0.05)
    assert still == 0


def test_a_look_up_cannot_write(office: tuple[InterfaceServer, Any]) -> None:
    boss, engine = office
    target = boss.plan.lookups["sly.get"].routes[0].to[0]
    object.__setattr__(target, "options", SqlTarget(sql="WITH x AS (DELETE FROM t RETURNING 1) SELECT 1 AS n FROM x"))
    assert boss.ask("sly.get", {}, 60.0).outcome == "error"
    assert boss.facts()[0]["last_failure"][0] == "sql-25006"
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM t")).scalar() == 1


def test_a_write_is_there_once(office: tuple[InterfaceServer, Any]) -> None:
    boss, engine = office
    ended = [boss.request("row.put", {"msisdn": NUMBER, "amount": Decimal("1.50")}, "call/1") for _ in range(2)]
    assert ended == [RequestEnded(0, "done", {"amount": Decimal("1.50")})] * 2
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM t WHERE key = 'call/1'")).scalar() == 1
        connection.execute(text("DROP TABLE t"))
        connection.commit()
    assert boss.request("row.put", {"msisdn": NUMBER, "amount": 1}, "call/2") == RequestEnded(0, "error")
    assert boss.facts()[0]["last_failure"][0] == "sql-42p01"


def test_a_server_that_is_away_is_an_error_and_back_it_answers(server: Any, tmp_path: Path) -> None:  # noqa: F811
    with served(FILE.replace("URL", server.url), tmp_path) as boss:
        assert boss.ask("sly.get", {}, 60.0).outcome == "ok"
        server.stop()
        try:
            assert boss.ask("sly.get", {}, 60.0).outcome == "error"
        finally:
            server.start()
        assert boss.ask("sly.get", {}, 60.0).outcome == "ok"
