"""Look-ups over real SQLite files."""

from __future__ import annotations

import sqlite3
from datetime import date
from decimal import Decimal
from pathlib import Path
from threading import Event as ThreadEvent

import gevent
import pytest

from cti.boss import DEMO_LOOKUPS, SqlLookups, ensure_demo_database, load_lookups
from cti.boss.definitions import LookupsRefused
from cti.core.errors import ConfigError
from cti.core.events import LookupEnded


@pytest.fixture
def demo(tmp_path: Path) -> SqlLookups:
    file = ensure_demo_database(tmp_path / "boss.db")
    return SqlLookups(load_lookups(DEMO_LOOKUPS), f"sqlite:///{file}")


def test_a_row_comes_back_with_the_types_of_the_signature(demo: SqlLookups) -> None:
    answer = demo.ask("subscriber.get", {"msisdn": "13800000000"}, 2.0)
    assert answer.outcome == "ok"
    assert answer.values["balance"] == Decimal("88.50")
    assert {name: answer.values[name] for name in ("tier", "line", "due")} == {
        "tier": "standard",
        "line": "mobile",
        "due": None,
    }
    fixed = demo.ask("subscriber.get", {"msisdn": "01088880001"}, 2.0)
    assert (fixed.values["line"], type(fixed.values["due"])) == ("fixed", date)


@pytest.mark.parametrize(
    ("source", "arguments", "outcome"),
    [
        ("subscriber.get", {"msisdn": "13999999999"}, "not_found"),
        ("subscriber.get", {"msisdn": "' OR 1=1 --"}, "error"),
        ("subscriber.get", {"msisdn": None}, "error"),
        ("subscriber.get", {}, "error"),
        ("nobody.get", {"msisdn": "13800000000"}, "error"),
    ],
)
def test_what_goes_wrong_is_an_outcome(
    demo: SqlLookups, source: str, arguments: dict[str, object], outcome: str
) -> None:
    assert demo.ask(source, arguments, 2.0) == LookupEnded(0, outcome)


def test_the_demo_database_is_made_once_and_whole(tmp_path: Path) -> None:
    file = ensure_demo_database(tmp_path / "new" / "boss.db")
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE subscriber SET balance = '1.00' WHERE msisdn = '13800000000'")
        counts = connection.execute("SELECT line, count(*) FROM subscriber GROUP BY line ORDER BY line").fetchall()
    assert counts == [("fixed", 10), ("mobile", 40)]
    ensure_demo_database(file)
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT balance FROM subscriber WHERE msisdn = '13800000000'").fetchone() == ("1.00",)
    assert [entry.name for entry in file.parent.iterdir()] == ["boss.db"]


def test_a_database_that_is_not_there_or_broken_is_an_error_not_a_crash(tmp_path: Path) -> None:
    lookups = load_lookups(DEMO_LOOKUPS)
    (tmp_path / "broken.db").write_bytes(b"this is no database" * 100)
    for url in (f"sqlite:///{tmp_path}/none/boss.db", f"sqlite:///{tmp_path}/broken.db"):
        assert SqlLookups(lookups, url).ask("subscriber.get", {"msisdn": "13800000000"}, 2.0).outcome == "error"


def test_an_answer_that_does_not_fit_the_signature_is_an_error(demo: SqlLookups, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "boss.db") as connection:
        connection.execute("UPDATE subscriber SET balance = 'much' WHERE msisdn = '13800000000'")
    assert demo.ask("subscriber.get", {"msisdn": "13800000000"}, 2.0).outcome == "error"


def test_a_database_that_hangs_costs_its_slots_and_no_more(demo: SqlLookups, monkeypatch: pytest.MonkeyPatch) -> None:
    release = ThreadEvent()
    small = SqlLookups(load_lookups(DEMO_LOOKUPS), str(demo._engine.url), at_once=2)
    monkeypatch.setattr(small, "_query", lambda *_: release.wait(30.0) and None)
    asked = [gevent.spawn(small.ask, "subscriber.get", {"msisdn": "13800000000"}, 0.05) for _ in range(4)]
    gevent.joinall(asked, timeout=10.0)
    assert sorted(job.value.outcome for job in asked) == ["throttled", "throttled", "timeout", "timeout"]
    assert small.ask("subscriber.get", {"msisdn": "13800000000"}, 0.05).outcome == "throttled"
    release.set()
    small._threads.join()
    monkeypatch.undo()
    assert small.ask("subscriber.get", {"msisdn": "13800000000"}, 2.0).outcome == "ok"


def test_all_mistakes_of_a_file_are_told_at_once_with_their_places(tmp_path: Path) -> None:
    file = tmp_path / "lookups.yaml"
    file.write_text(
        "lookups:\n"
        "  balance:\n"
        "    in: {msisdn: phon}\n"
        "    out: {balance: decimal}\n"
        "    sql: SELECT balance FROM t WHERE m = :msisd\n"
        "  a.b: {in: {m: phone}, out: {x: int}, sqll: x}\n"
        "  c.d: {in: {m: phone}, out: {x: int}, sql: DELETE FROM t, deadline: soon}\n"
    )
    with pytest.raises(LookupsRefused) as refused:
        load_lookups(file)
    found = [(issue.place.line, issue.code) for issue in refused.value.issues]
    assert found == [
        (2, "bad-value"),
        (3, "bad-type"),
        (5, "undefined-variable"),
        (6, "unknown-option"),
        (6, "missing-option"),
        (7, "bad-sql"),
        (7, "bad-value"),
    ]


def test_a_file_that_is_missing_or_empty_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the look-ups"):
        load_lookups(tmp_path / "none.yaml")
    (tmp_path / "empty.yaml").write_text("")
    with pytest.raises(LookupsRefused):
        load_lookups(tmp_path / "empty.yaml")
