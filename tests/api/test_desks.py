"""Callbacks, notices and blocked numbers over HTTP: what is asked is kept, masked and audited."""

from __future__ import annotations

from typing import Any

import pytest

from cti.core.callbacks import Callback
from cti.store.audit import AuditFilter
from tests.api.site import Platform
from tests.runtime.accountkit import NOW

NUMBER = "13800001234"
SAY = {"en-US": "There is no water."}


@pytest.fixture
def desk(platform: Platform) -> Platform:
    platform.office.person("boss", "supervisor@*") if platform.services.store.people.find_user(
        "u-boss"
    ) is None else None
    return platform


def add(platform: Platform, id_: str, **values: Any) -> Callback:
    one = Callback(id_, f"{NUMBER}{len(id_)}"[:11], NOW, NOW, **{"queue": "service", **values})
    kept = platform.services.store.callbacks.add(one, 1000)
    assert kept is not None
    return kept


def actions(platform: Platform, target: str) -> list[str]:
    lines = platform.services.store.audit.lines(limit=20, where=AuditFilter(target=target, allowed=True))
    return [line.action for line in reversed(lines)]


def test_a_callback_is_shown_masked_changed_and_cancelled(desk: Platform) -> None:
    one = add(desk, "cb-one")
    path = f"/v1/callbacks/{one.callback_id}"
    shown = desk.do("boss", "GET", path).json
    assert (shown["number"], shown["state"], shown["queue"]) == ("138****1234", "waiting", "service")
    clear = desk.do("boss", "GET", path, params={"unmask": "true", "reason": "dispute"}).json
    assert clear["number"] == NUMBER
    changed = desk.do("boss", "PATCH", path, {"when": "2030-03-02T10:00+08:00", "attempts": 5}).json
    assert (changed["due_at"], changed["attempts_allowed"]) == ("2030-03-02T02:00:00.000+00:00", 5)
    assert desk.do("boss", "PATCH", path, {}).json["error_id"] == "bad-request"
    assert desk.do("boss", "DELETE", path).status_code == 204
    again = desk.do("boss", "DELETE", path)
    assert (again.status_code, again.json["error_id"]) == (409, "callback-over")
    assert actions(desk, f"callback:{one.callback_id}")[-2:] == ["callback.change", "callback.cancel"]


def test_a_list_in_pages_of_the_queues_that_one_may_see(desk: Platform) -> None:
    for number in range(3):
        values = {"queue": "lines"}
        desk.services.store.callbacks.add(
            Callback(f"cb-l{number}", f"1390000{number:04}", NOW + number, NOW, **values), 99
        )
    page = desk.do("boss", "GET", "/v1/callbacks", params={"queue": "lines", "limit": 2}).json
    assert [one["callback_id"] for one in page["items"]] == ["cb-l2", "cb-l1"]
    rest = desk.do("boss", "GET", "/v1/callbacks", params={"queue": "lines", "limit": 2, "after": page["next"]}).json
    assert [one["callback_id"] for one in rest["items"]] == ["cb-l0"]
    assert desk.do("lead", "GET", "/v1/callbacks", params={"queue": "lines"}).json["items"] == []
    assert desk.do("boss", "GET", "/v1/callbacks", params={"state": "nope"}).status_code == 400
    assert desk.do("boss", "GET", "/v1/callbacks", params={"after": "nope"}).json["error_id"] == "bad-cursor"


@pytest.mark.parametrize(
    ("body", "error_id"),
    [
        ({"number": NUMBER}, "bad-request"),
        ({"number": NUMBER, "queue": "service", "flow": "x"}, "bad-request"),
        ({"number": "1380,&|{", "queue": "service"}, "bad-number"),
        ({"number": NUMBER, "queue": "service", "when": "tomorrow"}, "bad-time"),
        ({"number": NUMBER, "queue": "service", "attempts": 0}, "bad-request"),
        ({"number": NUMBER, "queue": "service"}, "switch-unavailable"),
    ],
)
def test_what_cannot_be_promised(desk: Platform, body: dict[str, Any], error_id: str) -> None:
    assert desk.do("boss", "POST", "/v1/callbacks", body).json["error_id"] == error_id


def test_a_notice_is_set_changed_and_ended(desk: Platform) -> None:
    body = {"notice_id": "water", "say": SAY, "areas": ["010"], "ends": "2030-03-02T10:00+08:00"}
    made = desk.do("lead", "POST", "/v1/notices", body)
    assert (made.status_code, made.json["created_by"]) == (201, "lead")
    assert desk.do("lead", "POST", "/v1/notices", body).json["error_id"] == "notice-exists"
    changed = desk.do("lead", "PUT", "/v1/notices/water", {"say": SAY, "priority": 7}).json
    assert (changed["priority"], changed["areas"], changed["version"]) == (7, None, 2)
    assert desk.do("anna", "GET", "/v1/notices/water").json["heard"] == 0
    assert desk.do("lead", "DELETE", "/v1/notices/water").status_code == 204
    assert desk.do("lead", "DELETE", "/v1/notices/water").json["error_id"] == "unknown-notice"
    assert desk.do("lead", "GET", "/v1/notices/water").json["ended_at"] is not None
    assert actions(desk, "notice:water") == ["notice.set", "notice.change", "notice.end"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"notice_id": "a b", "say": SAY}, "is no id"),
        ({"notice_id": "x"}, "needs 'say'"),
        ({"notice_id": "x", "say": {"klingon": "x"}}, "no language tag"),
        ({"notice_id": "x", "say": SAY, "starts": "2030-03-02"}, "offset"),
        (
            {"notice_id": "x", "say": SAY, "starts": "2030-03-02T10:00Z", "ends": "2030-03-02T09:00Z"},
            "before it starts",
        ),
        ({"notice_id": "x", "say": SAY, "numbers": ["10;DROP"]}, "is no number"),
        ({"notice_id": "x", "say": SAY, "priority": 101}, "priority"),
    ],
)
def test_a_bad_notice_is_told_what_is_wrong(desk: Platform, body: dict[str, Any], said: str) -> None:
    answer = desk.do("lead", "POST", "/v1/notices", body)
    assert (answer.status_code, answer.json["error_id"]) == (422, "bad-notice")
    assert said in answer.json["detail"]


def test_a_number_is_blocked_and_let_in_again(desk: Platform) -> None:
    body = {"number": "+86 138-0000-9999", "reason": "threats", "until": "2030-03-02T10:00+08:00"}
    made = desk.do("lead", "POST", "/v1/blocked", body)
    assert (made.status_code, made.json["number"], made.json["created_by"]) == (201, "138****9999", "lead")
    store, id_ = desk.services.store.blocked, made.json["blocked_id"]
    assert store.blind("13800009999") in store.held(NOW)
    assert id_ in [one["blocked_id"] for one in desk.do("anna", "GET", "/v1/blocked").json["items"]]
    assert desk.do("lead", "DELETE", f"/v1/blocked/{id_}").status_code == 204
    assert store.blind("13800009999") not in store.held(NOW)
    assert actions(desk, f"blocked:{id_}") == ["number.block", "number.lift"]
    for wrong in ({"number": "alice", "reason": "x"}, {"number": NUMBER}, {**body, "until": "2001-01-01T00:00Z"}):
        assert desk.do("lead", "POST", "/v1/blocked", wrong).status_code in (400, 422)
