"""Webhooks by the API: added, changed, turned, tried, and what became of their deliveries."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cti.core.access import ResourceScope
from cti.core.webhooks import Answer, signature
from cti.runtime.floor.catalogue import EVENTS
from cti.store.audit import AuditFilter
from tests.api.site import Platform

NEW = {"title": "CRM", "url": "https://crm.example/cti?token=s3cret", "user_id": "u-super", "events": ["contact.*"]}


@pytest.fixture
def root(fresh: Platform) -> Any:
    return fresh.client("root")


def add(root: Any, **more: Any) -> dict[str, Any]:
    answer = root.simulate_post("/v1/webhooks", json={**NEW, **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json
    assert answer.headers["location"] == f"/v1/webhooks/{found['webhook_id']}"
    return found


def happen(fresh: Platform, *contacts: str) -> list[str]:
    scope = ResourceScope.of(owner="u-anna", team="north", queue="service")
    hub, now = fresh.floor.hub, fresh.office.clock.now()
    sample = EVENTS["contact.state_changed"].sample
    data = [{**sample, "contact": contact} for contact in contacts]
    events = [hub.publish("contact.state_changed", now, one, scope) for one in data]
    assert fresh.store.flush(30.0)
    return [event.id for event in events]


def test_one_is_added_shown_changed_and_deleted(fresh: Platform, root: Any) -> None:
    made = add(root, scopes=["queue:service", "team:north"])
    path = f"/v1/webhooks/{made['webhook_id']}"
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert made["keys"] == [{"key_id": "k1", "until": None}]
    assert (made["enabled"], made["pending"], made["dead"]) == (True, 0, 0)
    assert root.simulate_get(path).json == made
    assert "whsec" not in root.simulate_get("/v1/webhooks").text
    changed = root.simulate_patch(path, json={"title": "ERP", "events": ["*"], "scopes": ["*"]}).json
    assert (changed["title"], changed["events"], changed["scopes"], changed["url"]) == ("ERP", ["*"], ["*"], NEW["url"])
    off = root.simulate_patch(path, json={"enabled": False}).json
    assert (off["enabled"], off["disabled_why"]) == (False, "by_user")
    happen(fresh, "k")
    assert root.simulate_get(path).json["pending"] == 0
    assert root.simulate_patch(path, json={"enabled": True}).json["disabled_at"] is None
    happen(fresh, "k")
    assert root.simulate_get(path).json["pending"] == 1
    assert root.simulate_delete(path).status_code == 204
    assert root.simulate_get(path).json["error_id"] == "unknown-webhook"
    assert root.simulate_delete(path).status_code == 404
    assert root.simulate_get("/v1/webhooks").json == {"items": [], "next": None}


def test_changes_are_audited_without_secrets(fresh: Platform, root: Any) -> None:
    made = add(root)
    root.simulate_patch(f"/v1/webhooks/{made['webhook_id']}", json={"url": "https://crm.example/other"})
    root.simulate_post(f"/v1/webhooks/{made['webhook_id']}/secret")
    lines = fresh.store.accounts.audit.lines(limit=9, where=AuditFilter(target=f"webhook:{made['webhook_id']}"))
    assert [line.action for line in lines] == ["webhook.rotate", "webhook.change", "webhook.add"]
    assert all(line.author.name == "root" for line in lines)
    told = "".join(json.dumps([dict(line.before), dict(line.after)]) for line in lines)
    assert "https://crm.example" in told
    for secret in ("s3cret", "/other", "whsec", made["secret"]):
        assert secret not in told
    with fresh.store._engine.connect() as connection:
        row = str(connection.exec_driver_sql("SELECT * FROM webhooks").one())
    assert "crm.example" not in row
    assert made["secret"] not in row


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"url": "https://evil.example/"}, "url-not-allowed"),
        ({"url": "http://crm.example/"}, "url-not-allowed"),
        ({"url": "https://crm.example@evil.example/"}, "bad-url"),
        ({"events": ["contact.exploded"]}, "unknown-event"),
        ({"events": ["snapshot"]}, "unknown-event"),
        ({"events": []}, "bad-request"),
        ({"events": "*"}, "bad-request"),
        ({"scopes": ["agent:1001"]}, "bad-scope"),
        ({"user_id": "u-nobody"}, "unknown-user"),
        ({"title": "a\nb"}, "bad-title"),
        ({"secret": "whsec_mine"}, "bad-request"),
    ],
)  # fmt: skip
def test_what_is_refused(fresh: Platform, root: Any, more: dict[str, Any], error: str) -> None:
    answer = root.simulate_post("/v1/webhooks", json={**NEW, **more})
    assert answer.json["error_id"] == error, answer.text
    if "secret" not in more:
        made = add(root)
        answer = root.simulate_patch(f"/v1/webhooks/{made['webhook_id']}", json=more)
        assert answer.json["error_id"] == error, answer.text


def test_there_is_a_bound(root: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cti.store.webhooks.WEBHOOKS_MAX", 1)
    made = add(root)
    assert root.simulate_post("/v1/webhooks", json=NEW).json["error_id"] == "too-many-webhooks"
    root.simulate_delete(f"/v1/webhooks/{made['webhook_id']}")
    add(root)


def test_the_key_before_signs_for_a_while_as_well(fresh: Platform, root: Any) -> None:
    made = add(root)
    path = f"/v1/webhooks/{made['webhook_id']}"
    fresh_key = root.simulate_post(f"{path}/secret", json={"overlap_s": 60}).json
    assert fresh_key["key_id"] == "k2"
    assert [key["key_id"] for key in root.simulate_get(path).json["keys"]] == ["k2", "k1"]
    assert root.simulate_post(f"{path}/test").json == {"delivered": True, "status": 200, "error": None}
    fresh.office.clock.move(61.0)
    root.simulate_post(f"{path}/test")
    for (url, sent), secrets in zip(
        fresh.receiver.sent, ([fresh_key["secret"], made["secret"]], [fresh_key["secret"]]), strict=True
    ):
        assert url == NEW["url"]
        at = int(sent.headers["webhook-timestamp"])
        wanted = [f"v1,{signature(sent.event_id, at, sent.body, secret)}" for secret in secrets]
        assert sent.headers["webhook-signature"].split() == wanted
    assert [key["key_id"] for key in root.simulate_get(path).json["keys"]] == ["k2"]
    assert root.simulate_post(f"{path}/secret", json={"overlap_s": -1}).status_code == 400
    at_once = root.simulate_post(f"{path}/secret", json={"overlap_s": 0}).json["key_id"]
    assert [key["key_id"] for key in root.simulate_get(path).json["keys"]] == [at_once] == ["k3"]


def test_a_test_is_sent_at_once_and_says_what_came_of_it(fresh: Platform, root: Any) -> None:
    path = f"/v1/webhooks/{add(root)['webhook_id']}"
    fresh.receiver.answer = Answer(error="timeout")
    assert root.simulate_post(f"{path}/test").json == {"delivered": False, "status": None, "error": "timeout"}
    [(_, sent)] = fresh.receiver.sent
    event = json.loads(sent.body)
    assert (event["type"], event["id"], event["data"]) == ("webhook.test", sent.event_id, {"webhook": path[13:]})
    assert root.simulate_get(f"{path}/deliveries").json["items"] == []


def test_a_key_makes_one_webhook_and_one_secret(root: Any) -> None:
    headers = {"Idempotency-Key": "k-1"}
    answers = [root.simulate_post("/v1/webhooks", json=NEW, headers=headers) for _ in range(2)]
    assert answers[0].json == answers[1].json
    assert len(root.simulate_get("/v1/webhooks").json["items"]) == 1
    other = root.simulate_post("/v1/webhooks", json={**NEW, "title": "other"}, headers=headers)
    assert other.json["error_id"] == "idempotency-conflict"


def test_deliveries_are_read_page_by_page_and_dead_ones_sent_again(fresh: Platform, root: Any) -> None:
    path = f"/v1/webhooks/{add(root)['webhook_id']}"
    events = happen(fresh, *"abcde")
    first = root.simulate_get(f"{path}/deliveries?limit=2").json
    second = root.simulate_get(f"{path}/deliveries?limit=2&after={first['next']}").json
    third = root.simulate_get(f"{path}/deliveries?limit=2&after={second['next']}").json
    items = [item for page in (first, second, third) for item in page["items"]]
    assert [item["event_id"] for item in items] == events[::-1]
    assert third["next"] is None
    assert {item["state"] for item in items} == {"pending"}
    with fresh.store._engine.connect().execution_options(writing=True) as connection, connection.begin():
        connection.exec_driver_sql("UPDATE webhook_deliveries SET state='dead', next_at=1, ended_at=1, attempts=9")
    assert root.simulate_get(path).json["dead"] == 5
    assert len(root.simulate_get(f"{path}/deliveries?state=dead").json["items"]) == 5
    assert root.simulate_get(f"{path}/deliveries?state=pending").json["items"] == []
    again = root.simulate_post(f"{path}/redeliver", json={"event_ids": [events[0], "nope"]})
    assert again.json == {"redelivered": 1}
    [pending] = root.simulate_get(f"{path}/deliveries?state=pending").json["items"]
    assert (pending["event_id"], pending["attempts"]) == (events[0], 0)
    assert root.simulate_post(f"{path}/redeliver").json == {"redelivered": 4}
    line = fresh.store.accounts.audit.lines(limit=1)[0]
    assert (line.action, line.author.name, line.permission) == ("webhook.redeliver", "root", "webhooks.edit")
    for query in ("state=lost", "after=x", "after=99999999999999999999", "limit=0"):
        assert root.simulate_get(f"{path}/deliveries?{query}").status_code == 400


def test_the_list_is_read_page_by_page(fresh: Platform, root: Any) -> None:
    made = []
    for number in range(3):
        made.append(add(root, title=f"w{number}")["title"])
        fresh.office.clock.move(1.0)
    first = root.simulate_get("/v1/webhooks?limit=2").json
    second = root.simulate_get("/v1/webhooks", params={"limit": 2, "after": first["next"]}).json
    assert [item["title"] for item in first["items"] + second["items"]] == made
    assert second["next"] is None
