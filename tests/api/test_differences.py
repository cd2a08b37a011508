"""What a migration's new way says otherwise: counts, masked samples, and that they are cleared by who may."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gevent
import pytest

from cti.core.access import Permission
from tests.api.officesite import ANSWER
from tests.api.site import Platform

PATH = "/v1/backends/differences"
BILL = {"amount": "30.00", "holder": "Wang Wei", "new_rc": "", "new_amount": "30.00", "new_holder": "Wang Wei"}


@pytest.fixture
def desk(platform: Platform) -> Iterator[Platform]:
    platform.boss.server.asking.shadows.clear()
    yield platform
    platform.boss.server.asking.shadows.clear()
    platform.boss.way.answer = ANSWER


def bill(desk: Platform, **answer: str) -> None:
    desk.boss.way.answer = {**BILL, **answer}
    arguments = {"msisdn": "13800001234", "month": "2026-02"}
    assert desk.do("anna", "POST", "/v1/lookups/bill.get", {"arguments": arguments}).json["outcome"] == "ok"
    with gevent.Timeout(30, AssertionError("not in time")):
        while desk.boss.server.asking.shadows.running:
            gevent.sleep(0.002)


def items(desk: Platform, path: str = PATH, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk.do("super", "GET", path, params=query).json["items"]
    return found


def test_each_look_up_that_is_shadowed_has_its_counts(desk: Platform) -> None:
    assert [(one["lookup"], one["same"], one["outcomes"]) for one in items(desk)] == [("bill.get", 0, [])]
    bill(desk)
    bill(desk, new_amount="30.01")
    bill(desk, new_rc="LOCKED")
    bill(desk, new_rc="NEVER HEARD OF")
    (found,) = items(desk)
    assert (found["same"], found["different"], found["fields"]) == (1, 2, {"amount": 1})
    assert found["outcomes"] == [
        {"usual": "ok", "new": "not_found", "count": 1},
        {"usual": "ok", "new": "ok", "count": 2},
    ]
    assert (found["failed"], found["skipped"]) == ({"unknown-code": 1}, {})


def test_samples_are_masked_the_newest_first_and_paged(desk: Platform) -> None:
    bill(desk, new_amount="30.01")
    bill(desk, new_amount="31.00", new_holder="Li Lei")
    newest, oldest = items(desk, f"{PATH}/bill.get")
    assert newest["fields"] == [
        {"name": "amount", "usual": "30.00", "new": "31.00"},
        {"name": "holder", "usual": "W*******", "new": "L*****"},
    ]
    assert newest["arguments"] == {"msisdn": "138****1234", "month": "2026-02"}
    assert newest["masked"] == ["holder", "msisdn"]
    assert newest["usual"] == newest["new"] == {"backend": "crm", "outcome": "ok"}
    page = desk.do("super", "GET", f"{PATH}/bill.get", params={"limit": "1"}).json
    assert page["items"] == [newest]
    assert items(desk, f"{PATH}/bill.get", after=page["next"]) == [oldest]
    assert desk.do("super", "GET", f"{PATH}/balance.get").json["error_id"] == "unknown-lookup"


def test_clearing_is_done_once_and_audited(desk: Platform) -> None:
    bill(desk, new_amount="30.01")
    body = {"lookup": "bill.get", "reason": "repaired"}
    keyed = {"Idempotency-Key": "clear-differences"}
    assert desk.do("root", "POST", f"{PATH}/clear", body, headers=keyed).json == {"cleared": 1}
    assert items(desk)[0]["different"] == 0
    bill(desk, new_amount="30.01")
    assert desk.do("root", "POST", f"{PATH}/clear", body, headers=keyed).json == {"cleared": 1}
    assert items(desk)[0]["different"] == 1
    lines = [line for line in desk.services.store.audit.lines(limit=20) if line.action == "differences.clear"]
    assert [(line.target, line.reason, line.permission) for line in lines] == [
        ("lookup:bill.get", "repaired", Permission.BACKENDS_CONTROL)
    ]
    assert desk.do("root", "POST", f"{PATH}/clear", {"reason": "all"}).json == {"cleared": 1}


@pytest.mark.parametrize(
    ("body", "error_id"),
    [
        ({"lookup": "bill.get"}, "bad-request"),
        ({"reason": "  "}, "bad-request"),
        ({"reason": "x", "lookup": 7}, "bad-request"),
        ({"reason": "x", "lokup": "bill.get"}, "bad-request"),
        ({"reason": "x", "lookup": "balance.get"}, "unknown-lookup"),
    ],
)
def test_what_cannot_be_cleared_is_told_and_nothing_is(desk: Platform, body: Any, error_id: str) -> None:
    bill(desk, new_amount="30.01")
    assert desk.do("root", "POST", f"{PATH}/clear", body).json["error_id"] == error_id
    assert items(desk)[0]["different"] == 1
