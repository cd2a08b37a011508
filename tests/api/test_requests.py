"""Orders to the back office that are not waited for, dead letters, and whose data are shown in clear."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from cti.boss import async_desk
from cti.boss.way import WayError
from cti.core.noted_writes import Noted
from cti.store.audit import AuditFilter
from tests.api.floorsite import come, sit
from tests.api.site import NOW, Platform
from tests.boss.rig import until

NUMBER = "13800001234"
ORDER = {"request": "package.order", "arguments": {"msisdn": NUMBER, "product": "fibre"}}
SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
DONE = {"balance": "12.50", "name": "Wang Wei", "rc": ""}
LOST = WayError("timeout", "no-answer", sent=True)


@pytest.fixture
def desk(fresh: Platform) -> Iterator[Platform]:
    fresh.office.person("chief", "supervisor@*")
    fresh.boss.way.answer = DONE
    yield fresh
    fresh.ordered.stop()
    fresh.boss.server.close()


def order(desk: Platform, who: str = "anna", **more: Any) -> Any:
    headers = {"Idempotency-Key": more.pop("key")} if "key" in more else {}
    authorised = {"Authorization": f"Bearer {desk.token(who)}", **headers}
    return desk.anybody.simulate_post("/v1/requests", json={**ORDER, **more}, headers=authorised)


def work(desk: Platform) -> None:
    """What is due is done."""
    while desk.ordered.round() or len(desk.ordered._asked) or len(desk.ordered._told):
        until(lambda: not len(desk.ordered._asked) and not len(desk.ordered._told))


def test_an_order_is_accepted_at_once_and_done_later(desk: Platform) -> None:
    answer = order(desk, callback={"url": "https://crm.example/done", "secret": SECRET})
    assert answer.status_code == 202
    told = answer.json
    assert (told["state"], told["outcome"], told["values"]) == ("waiting", None, {})
    assert (told["arguments"], told["masked"]) == ({"msisdn": "138****1234", "product": "fibre"}, ["msisdn"])
    assert told["callback"] == {"url": "https://crm.example/done", "state": None}
    assert answer.headers["location"].endswith(f"/v1/requests/{told['request_id']}")
    assert desk.boss.way.asked == []
    work(desk)
    path = f"/v1/requests/{told['request_id']}"
    found = desk.do("anna", "GET", path).json
    assert (found["state"], found["values"]) == ("done", {"balance": "12.50", "name": "W*******"})
    assert found["callback"]["state"] == "delivered"
    ((url, message),) = desk.receiver.sent
    assert (url, json.loads(message.body)["data"]["values"]) == (found["callback"]["url"], found["values"])
    assert desk.do("ben", "GET", path).status_code == 404
    assert desk.do("chief", "GET", path).status_code == 404


def test_the_same_key_is_one_order_even_where_the_answer_was_lost(desk: Platform) -> None:
    first = order(desk, key="k1").json["request_id"]
    assert order(desk, key="k1").json["request_id"] == first
    desk.services.store.idempotency.release("u-anna", "k1")
    again = Platform(desk.office)  # another engine, which knows nothing of the answer
    again._tokens = desk._tokens
    assert order(again, key="k1").json["request_id"] == first
    desk.services.store.idempotency.release("u-anna", "k1")
    assert order(Platform(desk.office), key="k1", arguments={"msisdn": "1", "product": "x"}).status_code in (409, 422)
    assert order(desk, "ben", key="k1").json["request_id"] != first
    assert order(desk).json["request_id"] != first
    work(desk)
    assert len(desk.boss.way.asked) == 3


def test_ones_own_orders_are_listed_page_by_page(desk: Platform) -> None:
    ids = []
    for _ in range(5):
        ids.append(order(desk).json["request_id"])
        desk.office.clock.move(1.0)
    order(desk, "ben")
    seen, after = [], ""
    while after is not None:
        page = desk.do("anna", "GET", "/v1/requests", params={"limit": "2", **({"after": after} if after else {})}).json
        seen += [one["request_id"] for one in page["items"]]
        after = page["next"]
    assert seen == ids[::-1]
    assert desk.do("anna", "GET", "/v1/requests", params={"state": "done"}).json["items"] == []
    assert desk.do("anna", "GET", "/v1/requests", params={"after": "x"}).json["error_id"] == "bad-cursor"


@pytest.mark.parametrize(
    ("more", "error_id"),
    [
        ({"request": "nothing"}, "unknown-request"),
        ({"arguments": {"msisdn": NUMBER}}, "bad-arguments"),
        ({"expires_s": 0}, "bad-request"),
        ({"expires_s": True}, "bad-request"),
        ({"callback": "https://crm.example"}, "bad-request"),
        ({"callback": {"url": "https://crm.example"}}, "bad-request"),
        ({"callback": {"url": "https://10.0.0.1/x", "secret": SECRET}}, "url-not-allowed"),
        ({"callback": {"url": "http://crm.example/x", "secret": SECRET}}, "url-not-allowed"),
        ({"callback": {"url": "https://crm.example/x", "secret": "whsec_c2hvcnQ="}}, "bad-secret"),
        ({"callback": {"url": "https://crm.example/x", "secret": "s" * 40}}, "bad-secret"),
    ],
)
def test_bad_orders_are_told(desk: Platform, more: dict[str, Any], error_id: str) -> None:
    answer = order(desk, **more)
    assert answer.json["error_id"] == error_id
    assert NUMBER not in answer.text
    assert desk.do("anna", "GET", "/v1/requests").json["items"] == []


def test_too_many_are_refused(desk: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(async_desk, "OUTSTANDING_MAX", 1)
    assert [order(desk).status_code for _ in range(2)] == [202, 503]


def letters(desk: Platform, *keys: str) -> None:
    for number, key in enumerate(keys):
        inputs = {"msisdn": NUMBER, "product": "fibre"}
        noted = Noted(key, "package.order", inputs, NOW + number, "dead", backend="crm")
        desk.store.accounts.office_writes.note(noted, NOW, 60.0)


def decide(desk: Platform, what: str, key: str, who: str = "root") -> Any:
    return desk.do(who, "POST", f"/v1/requests/dead/{what}", {"key": key, "reason": "the clerk says so"}).json


def test_dead_letters_are_listed_masked_and_decided_under_audit(desk: Platform) -> None:
    letters(desk, "c/a", "c/b", "c/c")
    page = desk.do("root", "GET", "/v1/requests/dead", params={"limit": "2"}).json
    rest = desk.do("root", "GET", "/v1/requests/dead", params={"limit": "2", "after": page["next"]}).json
    assert [one["key"] for one in page["items"] + rest["items"]] == ["c/a", "c/b", "c/c"]
    assert rest["next"] is None
    assert (page["items"][0]["arguments"], page["items"][0]["backend"]) == (
        {"msisdn": "138****1234", "product": "fibre"}, "crm",
    )  # fmt: skip
    assert decide(desk, "replay", "c/a") == {"key": "c/a", "outcome": "done"}
    assert decide(desk, "drop", "c/b", "chief") == {"key": "c/b", "outcome": "dropped"}
    desk.boss.way.answer = LOST
    assert decide(desk, "replay", "c/c")["outcome"] == "unknown"
    assert [noted.key for noted in desk.boss.server.writes.dead()] == ["c/c"]
    assert decide(desk, "replay", "c/a")["error_id"] == "unknown-request"
    assert decide(desk, "drop", "nothing")["error_id"] == "unknown-request"
    lines = desk.store.accounts.audit.lines(limit=9, where=AuditFilter(permission="requests.settle", allowed=True))
    assert [(line.author.name, line.action, line.target, line.reason) for line in lines] == [
        ("root", "request.replay", "request:c/c", "the clerk says so"),
        ("chief", "request.drop", "request:c/b", "the clerk says so"),
        ("root", "request.replay", "request:c/a", "the clerk says so"),
    ]


def test_a_decision_is_told_to_whoever_ordered(desk: Platform) -> None:
    desk.boss.way.answer = LOST
    told = order(desk, callback={"url": "https://crm.example/done", "secret": SECRET}).json
    work(desk)
    desk.office.clock.move(60.0)
    work(desk)
    path = f"/v1/requests/{told['request_id']}"
    assert desk.do("anna", "GET", path).json["state"] == "dead"
    (letter,) = desk.do("root", "GET", "/v1/requests/dead").json["items"]
    assert decide(desk, "drop", letter["key"])["outcome"] == "dropped"
    work(desk)
    assert desk.do("anna", "GET", path).json["state"] == "dropped"
    assert [json.loads(one.body)["data"]["state"] for _, one in desk.receiver.sent] == ["dead", "dropped"]


@pytest.fixture
def at_work(desk: Platform, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """A contact of the subscriber is with anna, of the north."""
    sit(desk.floor, "1001", "u-anna", "north")
    come(desk.floor, desk.legs, "k-1")
    numbers = {"k-1": f"+86{NUMBER}"}
    monkeypatch.setattr(desk.floor.publisher.screens, "number", numbers.get)
    return desk


@pytest.mark.parametrize(
    ("who", "number", "expected"),
    [
        ("anna", NUMBER, 200),  # has the contact
        ("anna", "13800009999", 403),  # somebody else's number
        ("ben", NUMBER, 403),
        ("super", NUMBER, 200),  # of anna's team
        ("super", "13800009999", 403),
        ("lead", NUMBER, 403),  # has not the permission
        ("chief", "13800009999", 200),  # has it for everybody
    ],
)
def test_clear_data_are_for_who_has_a_contact_of_the_subscriber_or_the_permission(
    at_work: Platform, who: str, number: str, expected: int
) -> None:
    at_work.boss.way.answer = {"balance": "1", "name": "Wang Wei", "msisdn": number, "rc": ""}
    path, body = "/v1/lookups/balance.get", {"arguments": {"msisdn": number}}
    answer = at_work.do(who, "POST", path, body, params={"unmask": "true", "reason": "the caller asks"})
    assert answer.status_code == expected, answer.text
    if expected == 200:
        assert answer.json["values"]["name"] == "Wang Wei"
    line = at_work.store.accounts.audit.lines(limit=1, where=AuditFilter(permission="data.unmask"))[0]
    assert (line.author.name, line.allowed, line.target) == (who, expected == 200, "lookup:balance.get")
    assert at_work.do(who, "POST", path, body, params={"unmask": "true"}).status_code == 400  # without a reason


def test_ones_own_order_is_in_clear_while_the_contact_is_there(at_work: Platform) -> None:
    path = f"/v1/requests/{order(at_work).json['request_id']}"
    work(at_work)
    clear = at_work.do("anna", "GET", path, params={"unmask": "true", "reason": "case 7"}).json
    assert (clear["values"]["name"], clear["arguments"]["msisdn"], clear["masked"]) == ("Wang Wei", NUMBER, [])
    other = order(at_work, arguments={"msisdn": "13800009999", "product": "x"}).json["request_id"]
    answer = at_work.do("anna", "GET", f"/v1/requests/{other}", params={"unmask": "true", "reason": "case 7"})
    assert answer.status_code == 403
