"""Look-ups by SQL over real SQLite files."""

from __future__ import annotations

import logging
import sqlite3
import time
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
from cti.boss.ways.sql import KIND
from cti.boss.ways.sql.options import SqlTarget
from cti.core.errors import ConfigError
from cti.core.events import LookupEnded
from tests.boss.served import served

ASKING = """
backends:
  t: {way: sql, url: "sqlite:///t.db"}
lookups:
  row.get:
    in: {msisdn: phone}
    out: {amount: decimal, note: "text?"}
    outcomes: [locked]
    to:
      backend: t
      sql: SELECT amount, note, outcome FROM t WHERE msisdn = :msisdn
      code: outcome
      good: ["", ok]
      errors: {locked: locked}
  slow.get:
    in: {msisdn: phone}
    out: {n: int}
    deadline_ms: 60000
    to:
      backend: t
      sql: >-
        WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
        SELECT count(*) AS n FROM c WHERE :msisdn <> ''
  write.get:
    in: {}
    out: {x: int}
    to: {backend: t, sql: WITH x AS (SELECT 1) SELECT 1 AS x FROM x}
"""
SLOW = {"msisdn": "13800000000"}
SHORT = ASKING.replace("deadline_ms: 60000", "deadline_ms: 200")


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[InterfaceServer]:
    ensure_demo_database(tmp_path / "boss-demo.db")
    with served(DEMO_INTERFACES.read_bytes(), tmp_path) as server:
        yield server


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "t.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE t (msisdn TEXT, amount, note, outcome)")
    return file


def ask(file: Path, *rows: tuple[Any, ...], source: str = "row.get", msisdn: str = "13800000000") -> LookupEnded:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DELETE FROM t")
        connection.executemany("INSERT INTO t VALUES ('13800000000', ?, ?, ?)", rows)
    with served(ASKING, file.parent) as server:
        return server.ask(source, {"msisdn": msisdn}, 5.0)


# ---- the demo's back office --------------------------------------------------------------------------------


@pytest.mark.parametrize("msisdn", ["13800000000", "+8613800000000", "008613800000000", "138 0000 0000"])
def test_a_subscriber_is_found_however_the_number_is_spelled(demo: InterfaceServer, msisdn: str) -> None:
    assert demo.ask("subscriber.get", {"msisdn": msisdn}, 5.0) == LookupEnded(
        0,
        "ok",
        {
            "name": "王伟",
            "line": "mobile",
            "tier": "standard",
            "area": "010",
            "balance": Decimal("88.50"),
            "language": "zh-CN",
            "package": "畅享套餐38元",
            "due": None,
        },
    )


def test_values_come_with_the_types_of_the_signature(demo: InterfaceServer) -> None:
    bill = demo.ask("bill.last", {"msisdn": "+861088880000"}, 5.0).values
    assert {name: type(value) for name, value in bill.items()} == {
        "month": str,
        "amount": Decimal,
        "due": date,
        "paid": bool,
    }
    fixed = demo.ask("subscriber.get", {"msisdn": "01088880000"}, 5.0).values
    assert (fixed["line"], fixed["balance"], type(fixed["due"])) == ("fixed", Decimal("128.00"), date)


@pytest.mark.parametrize(
    ("source", "arguments", "outcome"),
    [
        ("subscriber.get", {"msisdn": "13999999999"}, "not_found"),
        ("subscriber.get", {"msisdn": "13800000013"}, "locked"),
        ("subscriber.get", {"msisdn": "' OR 1=1 --"}, "error"),
        ("subscriber.get", {"msisdn": None}, "error"),
        ("subscriber.get", {}, "error"),
        ("subscriber.get", {"msisdn": "13800000000", "tier": "vip"}, "error"),
        ("nobody.get", {"msisdn": "13800000000"}, "error"),
        ("pin.check", {"msisdn": "13800000001", "pin": "0001"}, "ok"),
        ("pin.check", {"msisdn": "13800000001", "pin": "' OR '1'='1"}, "wrong"),
        ("pin.check", {"msisdn": "13800000013", "pin": "0013"}, "locked"),
    ],
)
def test_outcomes(demo: InterfaceServer, source: str, arguments: dict[str, object], outcome: str) -> None:
    ended = demo.ask(source, arguments, 5.0)
    assert (ended.outcome, dict(ended.values)) == (outcome, {})


def test_the_demo_database_is_made_once_and_whole(tmp_path: Path) -> None:
    file = ensure_demo_database(tmp_path / "new" / "boss.db")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE subscriber SET balance = '1.00' WHERE msisdn = '13800000000'")
        counts = connection.execute("SELECT line, count(*) FROM subscriber GROUP BY line ORDER BY line").fetchall()
    assert counts == [("fixed", 10), ("mobile", 40)]
    ensure_demo_database(file)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT balance FROM subscriber WHERE msisdn = '13800000000'").fetchone() == ("1.00",)
    assert [entry.name for entry in file.parent.iterdir()] == ["boss.db"]


def test_every_demo_subscriber_answers_every_demo_question(demo: InterfaceServer) -> None:
    numbers = [f"1380000{n:04d}" for n in range(40)] + [f"0108888{n:04d}" for n in range(10)]
    for source in ("subscriber.get", "balance.get", "bill.last", "package.get"):
        outcomes = [demo.ask(source, {"msisdn": number}, 5.0).outcome for number in numbers]
        assert outcomes == ["locked" if source == "subscriber.get" and n == 13 else "ok" for n in range(50)]


def test_a_demo_database_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        ensure_demo_database(tmp_path / "file" / "boss.db")


def test_signatures_are_those_of_the_file(demo: InterfaceServer) -> None:
    signature = demo.plan.lookups["subscriber.get"].signature
    assert {name: str(kind) for name, kind in signature.inputs.items()} == {"msisdn": "phone"}
    assert {name: str(kind) for name, kind in signature.outputs.items()} == {
        "name": "text!",
        "line": "enum[mobile, fixed]",
        "tier": "enum[standard, vip, senior]",
        "area": "text",
        "balance": "decimal",
        "language": "enum[zh-CN, en-US]",
        "package": "text",
        "due": "date?",
    }
    assert signature.exits == ("ok", "not_found", "locked", "timeout", "error", "throttled")


# ---- answers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "amount"),
    [("0.10", "0.10"), (0.1, "0.1"), (12, "12"), ("123456789012345.67", "123456789012345.67"), (-0.05, "-0.05")],
)
def test_money_stays_exact(table: Path, stored: object, amount: str) -> None:
    assert ask(table, (stored, None, None)).values == {"amount": Decimal(amount), "note": None}


@pytest.mark.parametrize(
    ("rows", "outcome"),
    [
        ([], "not_found"),
        ([("1.00", "x", "ok")], "ok"),
        ([(None, None, "locked")], "locked"),
        ([("1.00", None, "exploded")], "error"),
        ([("much", None, None)], "error"),
        ([(None, None, None)], "error"),
        ([("1.00", None, None), ("2.00", None, None)], "error"),
        ([("1.00", b"\xff\x00", None)], "error"),
        ([("NaN", None, None)], "error"),
    ],
)
def test_an_answer_that_does_not_fit_is_an_error(table: Path, rows: list[tuple[Any, ...]], outcome: str) -> None:
    assert ask(table, *rows).outcome == outcome


def test_the_log_says_what_is_wrong_and_shows_no_data(table: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert ask(table, ("secret-balance", None, None)).outcome == "error"
        assert ask(table, msisdn="13800000000x").outcome == "error"
        with closing(sqlite3.connect(table)) as connection:
            connection.execute("ALTER TABLE t RENAME COLUMN note TO remark")
        with served(ASKING, table.parent) as server:
            assert server.ask("row.get", {"msisdn": "13800000000"}, 5.0).outcome == "error"
            assert server.facts()[0]["failures"] == {"sqlite-error": 1}
    assert "amount: the value is no decimal" in caplog.text
    assert "no such column: note" in caplog.text
    assert "secret-balance" not in caplog.text
    assert "13800000000" not in caplog.text


def test_a_look_up_cannot_write(table: Path) -> None:
    with closing(sqlite3.connect(table)) as connection, connection:
        connection.execute("INSERT INTO t VALUES ('1', 2, 3, 4)")
    with served(ASKING, table.parent) as server:
        target = server.plan.lookups["write.get"].routes[0].to[0]
        # As if the proof had overlooked something.
        object.__setattr__(target, "options", SqlTarget(sql="DELETE FROM t RETURNING 1 AS x"))
        assert server.ask("write.get", {}, 5.0).outcome == "error"
    with closing(sqlite3.connect(table)) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (1,)


def test_a_broken_database_is_an_error_and_a_missing_one_is_told_at_start(tmp_path: Path) -> None:
    (tmp_path / "t.db").write_bytes(b"this is no database" * 100)
    with served(ASKING, tmp_path) as broken:
        assert broken.ask("row.get", SLOW, 5.0) == LookupEnded(0, "error")
    (tmp_path / "t.db").unlink()
    with pytest.raises(ConfigError, match="back end 't'"), served(ASKING, tmp_path):
        pass
    assert not (tmp_path / "t.db").exists()
    for url in ("mysql+nothing://x/y", "${NO_SUCH_VARIABLE}"):
        with pytest.raises(ConfigError), served(ASKING.replace("sqlite:///t.db", url), tmp_path):
            pass


# ---- deadlines and the bulkhead ----------------------------------------------------------------------------


def test_a_slow_question_is_stopped_at_its_deadline_and_gives_its_thread_back(table: Path) -> None:
    text = SHORT.replace('t.db"}', 't.db", concurrency: {max: 1, queue_ms: 60000}}')
    with served(text, table.parent) as server:
        assert server.ask("slow.get", SLOW, 60.0) == LookupEnded(0, "timeout")
        # The statement itself was stopped: the only slot is free again.
        assert server.ask("row.get", SLOW, 60.0).outcome in ("not_found", "timeout")
        assert server.facts()[0]["running"] == 0


def test_the_callers_deadline_holds_when_it_is_shorter(table: Path) -> None:
    with served(ASKING.replace("60000", "1500"), table.parent) as server:
        before = time.monotonic()
        assert server.ask("slow.get", SLOW, 0.1) == LookupEnded(0, "timeout")
        assert time.monotonic() - before < 1.5


def test_a_busy_back_end_throttles_instead_of_piling_up(table: Path) -> None:
    text = ASKING.replace("60000", "1500").replace('t.db"}', 't.db", concurrency: {max: 2, queue: 1, queue_ms: 1}}')
    with served(text, table.parent) as server:
        several = [{"msisdn": f"1380000000{n}"} for n in range(5)]
        jobs = [gevent.spawn(server.ask, "slow.get", one, 60.0) for one in several]
        gevent.joinall(jobs, timeout=60.0, raise_error=True)
        assert sorted(job.value.outcome for job in jobs) == ["throttled"] * 3 + ["timeout"] * 2


def test_the_hub_goes_on_while_the_database_works(table: Path) -> None:
    with served(SHORT, table.parent) as server:
        job = gevent.spawn(server.ask, "slow.get", SLOW, 60.0)
        turns = 0
        while not job.ready():
            gevent.sleep(0.001)
            turns += 1
        assert turns > 5


def test_a_probe_and_what_operators_see(table: Path) -> None:
    with served(ASKING, table.parent) as server:
        server.probe("t", 30.0)
        assert ask(table).outcome == "not_found"
        server.ask("row.get", SLOW, 60.0)
        (facts,) = server.facts()
        assert (facts["name"], facts["kind"], facts["breaker"], facts["asked"]) == ("t", "sql", "closed", 1)
        assert facts["services"] == {"t": "closed"}
        assert sum(facts["latency"]) == 1


def test_the_table_has_the_breaker() -> None:
    assert KIND.service(SqlTarget(sql="SELECT 'from x' FROM Bill.LAST b WHERE 1")) == "bill.last"
    assert KIND.service(SqlTarget(write=("INSERT INTO fault (key) VALUES (:key)",), read="SELECT 1")) == "fault"
    assert KIND.service(SqlTarget(sql="SELECT 1")) == "sql"
