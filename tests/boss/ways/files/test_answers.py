"""Files with answers: which lines count, which files are trusted, and what is found of those that come late."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import gevent
import pytest
from sqlalchemy import select

from cti.boss.way import AWAITED, WayError
from cti.boss.ways.files.answers import Answers
from cti.boss.ways.files.options import AnswerOptions
from cti.boss.ways.files.proving import BadFile
from cti.store.schema_request_files import request_files
from tests.boss.rig import until
from tests.boss.ways.files.sendkit import ANSWERS, BEGIN, DAY, NUMBER, Rig, answer, order, problem, put_in, rig, sent
from tests.boss.ways.files.site import Site

__all__ = ["rig"]  # the fixture


def test_an_answer_that_comes_too_late_is_found_by_who_asks_again(make: Callable[..., Site], rig: Rig) -> None:
    site = make("local")
    way = rig.way(site)
    with pytest.raises(WayError, match=AWAITED) as raised:
        way.ask(order(wait_s=0.2))
    assert (raised.value.outcome, raised.value.sent) == ("timeout", True)
    sent(site)
    answer(site, 1, "call/1|00|1\n")
    until(lambda: way.facts()["answered"] == 1)
    assert way.ask(order())["fee"] == Decimal("0.01")


@pytest.mark.parametrize(
    ("text", "reason", "counted"),
    [
        ("call/1|00|1\ncall/1|99|1\n", "answered-twice", "twice"),
        ("call/1|00|1\ncall/9|00|1\n", "unknown-key", "strange"),
        ("call/1|00|1\ncall/1|00|x\n", "bad-field", "bad_rows"),
        ("call/1|00|1\ncall/1\n", "missing-field", "bad_rows"),
        ("call/1|00|1\n|00|1\n", "missing-field", "bad_rows"),
        ("call/1|00|1\ncall/1|00|1|more\n", "extra-field", "bad_rows"),
        (b"call/1|00|1\ncall/1|\xff\xff|1\n", "bad-encoding", "bad_rows"),
        ("call/1|00|1\ncall/1|00|NaN\n", "bad-field", "bad_rows"),
    ],
)
def test_a_line_that_does_not_belong_is_counted_and_the_others_count(
    text: str | bytes, reason: str, counted: str, make: Callable[..., Site], rig: Rig, caplog: Any
) -> None:
    site = make("local")
    way = rig.way(site)
    asked = gevent.spawn(way.ask, order())
    sent(site)
    answer(site, 1, text)
    assert asked.get(timeout=60)["code"] == "00"
    until(lambda: way.facts()[counted] == 1)
    until(lambda: f"{reason} (1)" in caplog.text)
    assert NUMBER not in caplog.text
    assert "call/" not in caplog.text


@pytest.mark.parametrize(
    ("chk", "reason"),
    [
        (None, "chk-missing"),
        ("", "chk-unreadable"),
        ("other|{bytes}|{rows}|{md5}", "chk-name"),
        ("{name}|999|{rows}|{md5}", "truncated"),
        ("{name}|1|{rows}|{md5}", "chk-bytes"),
        ("{name}|{bytes}|3|{md5}", "chk-rows"),
        ("{name}|{bytes}|{rows}|00", "chk-digest"),
    ],
)
def test_a_file_that_is_not_what_its_chk_says_is_named_until_it_is(
    chk: str | None, reason: str, make: Callable[..., Site], rig: Rig
) -> None:
    site = make("local")
    way = rig.way(site)
    asked = gevent.spawn(way.ask, order())
    sent(site)
    file = answer(site, 1, "call/1|00|1\n", chk)
    problem(way, reason)
    assert not asked.ready()
    file.with_name(f"{file.name}.chk").unlink(missing_ok=True)
    file.unlink()
    answer(site, 1, "call/1|00|1250\n")
    assert asked.get(timeout=60)["fee"] == Decimal("12.50")


def test_gaps_duplicates_and_names_that_lead_elsewhere_are_told(
    make: Callable[..., Site], rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    site = make("local")
    told = rig.way(site)
    asked = gevent.spawn(told.ask, order())
    sent(site)
    answer(site, 2, "call/1|00|1\n")
    assert asked.get(timeout=60)["code"] == "00"  # an answer is one, whatever else is missing
    problem(told, "sequence-gap")
    answer(site, 1, "call/1|00|1\n")  # the content of the other one
    until(lambda: f"RSP_{DAY}_001.txt has the content of another file" in caplog.text)
    until(lambda: told.facts()["answers.problem"] == "")
    assert told.facts()["twice"] == 0
    answer(site, 2, "call/1|00|100000\n")  # a name that was taken up already
    problem(told, "duplicate")
    (site.folder / "x..\\RSP_20270101_001.txt").write_text("")
    (site.folder / f"RSP_{DAY}_002.txt").unlink()
    problem(told, "bad-name")
    assert told.facts()["answered"] == 1


def test_a_gap_may_be_waited_for(make: Callable[..., Site], rig: Rig) -> None:
    site = make("local")
    way = rig.way(site, answers={**ANSWERS, "gap": "hold"})
    asked = gevent.spawn(way.ask, order())
    sent(site)
    answer(site, 2, "call/1|00|2\n")
    problem(way, "sequence-gap")
    assert not asked.ready()
    answer(site, 1, "call/1|00|1\n")
    assert asked.get(timeout=60)["fee"] == Decimal("0.01")  # in their order
    until(lambda: way.facts()["twice"] == 1)


def test_without_chk_an_answer_counts_when_it_has_stopped_growing_and_may_be_removed(site: Site, rig: Rig) -> None:
    way = rig.way(site, answers={**ANSWERS, "ready": "stable", "after": "remove"})
    asked = gevent.spawn(way.ask, order())
    sent(site)
    file = answer(site, 1, "call/1|00|1\n", chk=None)
    assert asked.get(timeout=60)["code"] == "00"
    until(lambda: not file.exists())


def test_what_still_grows_is_left(site: Site) -> None:
    options = AnswerOptions.model_validate({**ANSWERS, "ready": "stable"})
    answers = Answers(options, site.open())
    file = answer(site, 1, "a|00|1\n", chk=None)
    for more in ("b|00|1\n", ""):
        [entry] = answers.look({})
        with pytest.raises(BadFile, match="growing"):
            answers.read(entry)
        with file.open("a") as open_file:
            open_file.write(more)
    [entry] = answers.look({})
    assert [key for key, _ in answers.read(entry).rows] == ["a", "b"]


def test_what_is_kept_shows_no_data_and_is_forgotten_in_time(make: Callable[..., Site], rig: Rig) -> None:
    site = make("local")
    way = rig.way(site, every_s=3600)
    put_in(way, "call/1")
    assert NUMBER.encode() not in rig.kept()
    rig.ahead_s = 3600.0
    until(lambda: way.facts()["files"] == 1)
    assert NUMBER.encode() not in rig.kept()
    files = rig.store.accounts.request_files
    files.purge("orders", BEGIN + 10 * 86_400, ())
    assert len(rig.rows()) == 1  # no answer yet
    assert files.take_up("orders", "x", "0" * 64, 1, [("call/1", {"code": "00"})], BEGIN).answered == 1  # type: ignore[union-attr]
    files.purge("orders", BEGIN + 10 * 86_400, ["x"])
    assert (rig.rows(), files.taken("orders")) == ([], {"x": 1})
    with rig.store._engine.connect() as connection:
        assert len(connection.execute(select(request_files)).all()) == 1  # the last number is known
