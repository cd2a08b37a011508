"""Look-ups over real SQLite files."""

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

from cti.boss import DEMO_LOOKUPS, SqlLookups, ensure_demo_database, load_definitions, parse_definitions
from cti.core.errors import ConfigError
from cti.core.events import LookupEnded

ASKING = """
lookups:
  row.get:
    in: {msisdn: phone}
    out: {amount: decimal, note: "text?"}
    outcomes: [locked]
    sql: SELECT amount, note, outcome FROM t WHERE msisdn = :msisdn
  slow.get:
    in: {msisdn: phone}
    out: {n: int}
    deadline_ms: 60000
    sql: >-
      WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
      SELECT count(*) AS n FROM c WHERE :msisdn <> ''
  write.get:
    in: {}
    out: {x: int}
    sql: WITH x AS (SELECT 1) SELECT 1 AS x FROM x
"""
SLOW = {"msisdn": "13800000000"}


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[SqlLookups]:
    file = ensure_demo_database(tmp_path / "boss.db")
    with closing(SqlLookups(load_definitions(DEMO_LOOKUPS).lookups, f"sqlite:///{file}")) as lookups:
        yield lookups


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
    with closing(SqlLookups(parse_definitions(ASKING, "lookups.yaml").lookups, f"sqlite:///{file}")) as lookups:
        return lookups.ask(source, {"msisdn": msisdn}, 5.0)


# ---- the demo's back office --------------------------------------------------------------------------------


@pytest.mark.parametrize("msisdn", ["13800000000", "+8613800000000", "008613800000000", "138 0000 0000"])
def test_a_subscriber_is_found_however_the_number_is_spelled(demo: SqlLookups, msisdn: str) -> None:
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


def test_values_come_with_the_types_of_the_signature(demo: SqlLookups) -> None:
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
def test_outcomes(demo: SqlLookups, source: str, arguments: dict[str, object], outcome: str) -> None:
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


def test_every_demo_subscriber_answers_every_demo_question(demo: SqlLookups) -> None:
    numbers = [f"1380000{n:04d}" for n in range(40)] + [f"0108888{n:04d}" for n in range(10)]
    for source in ("subscriber.get", "balance.get", "bill.last", "package.get"):
        outcomes = [demo.ask(source, {"msisdn": number}, 5.0).outcome for number in numbers]
        assert outcomes == ["locked" if source == "subscriber.get" and n == 13 else "ok" for n in range(50)]


def test_a_demo_database_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        ensure_demo_database(tmp_path / "file" / "boss.db")


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
        with closing(SqlLookups(parse_definitions(ASKING, "f").lookups, f"sqlite:///{table}")) as lookups:
            assert lookups.ask("row.get", {"msisdn": "13800000000"}, 5.0).outcome == "error"
    assert "amount: the value is no decimal" in caplog.text
    assert "no such column: note" in caplog.text
    assert "secret-balance" not in caplog.text
    assert "13800000000" not in caplog.text


def test_a_look_up_cannot_write(table: Path) -> None:
    lookups = parse_definitions(ASKING, "lookups.yaml").lookups
    definition = lookups["write.get"]
    object.__setattr__(definition, "sql", "DELETE FROM t RETURNING 1 AS x")
    with closing(sqlite3.connect(table)) as connection, connection:
        connection.execute("INSERT INTO t VALUES ('1', 2, 3, 4)")
    with closing(SqlLookups(lookups, f"sqlite:///{table}")) as boss:
        assert boss.ask("write.get", {}, 5.0).outcome == "error"
    with closing(sqlite3.connect(table)) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (1,)


def test_a_broken_database_is_an_error_and_a_missing_one_is_told_at_start(tmp_path: Path) -> None:
    lookups = load_definitions(DEMO_LOOKUPS).lookups
    (tmp_path / "broken.db").write_bytes(b"this is no database" * 100)
    broken = SqlLookups(lookups, f"sqlite:///{tmp_path}/broken.db")
    assert broken.ask("subscriber.get", SLOW, 5.0) == LookupEnded(0, "error")
    for url in (f"sqlite:///{tmp_path}/none.db", "sqlite://", "nonsense", "mysql+nothing://x"):
        with pytest.raises(ConfigError):
            SqlLookups(lookups, url)
    assert not (tmp_path / "none.db").exists()


# ---- deadlines and the bulkhead ----------------------------------------------------------------------------


def test_a_slow_question_ends_at_the_callers_deadline_and_gives_its_thread_back(table: Path) -> None:
    with closing(SqlLookups(parse_definitions(ASKING, "f").lookups, f"sqlite:///{table}", at_once=1)) as lookups:
        before = time.monotonic()
        assert lookups.ask("slow.get", SLOW, 0.2) == LookupEnded(0, "timeout")
        assert 0.15 < time.monotonic() - before < 3.0
        # The statement itself was stopped at the deadline: the only slot is free again.
        assert lookups.ask("row.get", SLOW, 5.0) == LookupEnded(0, "not_found")


def test_the_look_ups_own_deadline_holds_when_it_is_shorter(table: Path) -> None:
    short = ASKING.replace("deadline_ms: 60000", "deadline_ms: 100")
    with closing(SqlLookups(parse_definitions(short, "f").lookups, f"sqlite:///{table}")) as lookups:
        before = time.monotonic()
        assert lookups.ask("slow.get", SLOW, 60.0) == LookupEnded(0, "timeout")
        assert time.monotonic() - before < 3.0


def test_a_busy_back_end_throttles_instead_of_piling_up(table: Path) -> None:
    with closing(
        SqlLookups(parse_definitions(ASKING, "f").lookups, f"sqlite:///{table}", at_once=2, waiting=1)
    ) as lookups:
        jobs = [gevent.spawn(lookups.ask, "slow.get", SLOW, 1.5) for _ in range(5)]
        gevent.joinall(jobs, timeout=20.0, raise_error=True)
        assert sorted(job.value.outcome for job in jobs) == ["throttled"] * 3 + ["timeout"] * 2
        assert lookups.ask("row.get", SLOW, 5.0).outcome == "not_found"


def test_a_caller_that_gives_up_leaves_the_others_alone(table: Path) -> None:
    with closing(SqlLookups(parse_definitions(ASKING, "f").lookups, f"sqlite:///{table}", at_once=1)) as lookups:
        gone = gevent.spawn(lookups.ask, "slow.get", SLOW, 0.3)
        gevent.idle()
        gone.kill()
        assert lookups.ask("row.get", SLOW, 5.0).outcome in ("not_found", "throttled")
        gevent.joinall([gone], timeout=5.0)
        deadline = time.monotonic() + 5.0
        while lookups.ask("row.get", SLOW, 5.0).outcome == "throttled":
            assert time.monotonic() < deadline, "the slot never came back"


def test_the_hub_goes_on_while_the_database_works(table: Path) -> None:
    with closing(SqlLookups(parse_definitions(ASKING, "f").lookups, f"sqlite:///{table}")) as lookups:
        job = gevent.spawn(lookups.ask, "slow.get", SLOW, 0.3)
        turns = 0
        while not job.ready():
            gevent.sleep(0.001)
            turns += 1
        assert turns > 20


def test_signatures_are_those_of_the_file(demo: SqlLookups) -> None:
    signature = load_definitions(DEMO_LOOKUPS).lookups["subscriber.get"].signature
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
