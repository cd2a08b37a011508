"""Look-ups of agents, masked by classes, and how the back office's systems are."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from cti.boss.way import WayError
from cti.store.audit import AuditFilter
from tests.api.officesite import ANSWER
from tests.api.site import Platform

PATH = "/v1/lookups/balance.get"
NUMBER = "13800001234"


@pytest.fixture
def desk(platform: Platform) -> Iterator[Platform]:
    if platform.services.store.people.find_user("u-chief") is None:
        platform.office.person("chief", "supervisor@*")
    platform.boss.way.answer = ANSWER
    yield platform
    platform.boss.way.answer = ANSWER


def ask(desk: Platform, who: str = "anna", number: Any = NUMBER, **query: str) -> Any:
    return desk.do(who, "POST", PATH, {"arguments": {"msisdn": number}}, params=query)


def test_personal_data_is_masked_by_its_class(desk: Platform) -> None:
    answer = ask(desk, number="13800009001").json
    assert answer["outcome"] == "ok"
    assert answer["values"] == {
        "balance": "12.50",
        "name": "W*******",
        "msisdn": "138****1234",
        "pin": "******",
        "due": "2026-03-01",
    }
    assert answer["masked"] == ["msisdn", "name", "pin"]
    assert (answer["how"], answer["backend"], answer["reason"]) == ("asked", "crm", None)
    assert "steps" not in answer


def test_what_is_kept_is_masked_for_each_who_asks(desk: Platform) -> None:
    clear = ask(desk, "chief", number="13800009002", unmask="true", reason="dispute").json
    assert (clear["values"]["name"], clear["values"]["pin"], clear["masked"]) == ("Wang Wei", "4711", [])
    kept = ask(desk, number="13800009002", explain="true").json
    assert (kept["how"], kept["values"]["name"], kept["steps"]) == ("fresh", "W*******", [])
    lines = desk.services.store.audit.lines(limit=5, where=AuditFilter(target="lookup:balance.get"))
    assert [(line.author.name, line.permission, line.allowed, line.reason) for line in lines][:1] == [
        ("chief", "data.unmask", True, "dispute")
    ]


@pytest.mark.parametrize(("who", "query"), [("anna", {"reason": "x"}), ("super", {"reason": "x"}), ("chief", {})])
def test_who_may_not_see_it_in_clear_is_refused(desk: Platform, who: str, query: dict[str, str]) -> None:
    assert ask(desk, who, unmask="true", **query).status_code == (400 if who == "chief" else 403)


def test_a_back_end_that_fails_is_an_outcome_and_shown_to_operators(
    desk: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    desk.boss.way.answer = WayError("error", "reset", sent=True)
    answer = ask(desk, number="13800009003", explain="true").json
    assert (answer["outcome"], answer["reason"], answer["values"]) == ("error", "reset", {})
    assert answer["steps"] == ["route 1: always", "crm: error, reset"]
    (crm,) = desk.do("super", "GET", "/v1/backends").json["items"]
    assert (crm["name"], crm["way"], crm["last_failure"]["reason"]) == ("crm", "told", "reset")
    assert crm["failures"]["reset"] >= 1
    assert sum(part["count"] for part in crm["latency"]) == crm["asked"]
    assert crm["latency"][-1]["up_to_s"] is None
    assert "13800009003" not in caplog.text + str(crm)


def test_an_outcome_of_the_business_is_an_outcome(desk: Platform) -> None:
    desk.boss.way.answer = {"rc": "LOCKED"}
    assert ask(desk, number="13800009004").json["outcome"] == "locked"


@pytest.mark.parametrize(
    ("path", "body", "error_id"),
    [
        ("/v1/lookups/nothing.get", {"arguments": {}}, "unknown-lookup"),
        (PATH, {"arguments": {"msisdn": "13800001234x"}}, "bad-arguments"),
        (PATH, {"arguments": {"msisdn": NUMBER, "more": 1}}, "bad-arguments"),
        (PATH, {"arguments": {}}, "bad-arguments"),
        (PATH, {}, "bad-arguments"),
        (PATH, {"arguments": [1]}, "bad-request"),
        (PATH, {"argument": {}}, "bad-request"),
    ],
)
def test_bad_questions_are_told_and_not_asked(desk: Platform, path: str, body: Any, error_id: str) -> None:
    before = len(desk.boss.way.asked)
    answer = desk.do("anna", "POST", path, body)
    assert answer.json["error_id"] == error_id
    assert NUMBER not in answer.text
    assert len(desk.boss.way.asked) == before
