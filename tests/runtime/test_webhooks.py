"""A whole engine tells another server of a call: in order, as in the stream, and over a restart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cti.core.access import EVERYTHING, Grant
from cti.core.webhooks import Key, Webhook
from tests.webhooks.kit import DEED, SECRET, hasty
from tests.webhooks.receiver import Receiver, hang, status

from .platform import Platform, uuid_of


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    hasty(monkeypatch)
    found = Receiver()
    yield found
    found.stop()


def told(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in receiver.seen]


def test_a_call_is_told_in_order_and_an_engine_that_dies_tells_it_again(platform: Platform, receiver: Receiver) -> None:
    accounts = platform.application.accounts
    accounts.accounts.add_user("crm", [Grant.parse("supervisor")], DEED, user_id="u-crm")
    keys = (Key("k1", SECRET),)
    hook = Webhook("w", "CRM", receiver.url, "u-crm", ("contact.*", "offer.*"), (EVERYTHING,), keys)
    accounts.store.webhooks.add(hook, DEED)
    platform.application.webhooks.look()
    platform.phone("1001", answer_after=0.05, hangup_after=0.2)
    caller = platform.call("queue")
    platform.over(caller)
    platform.until(lambda: "contact.closed" in [event["type"] for event in told(receiver)], "all of it", 60.0)
    mine = [event for event in told(receiver) if event["data"]["contact"] == uuid_of(caller)]
    assert [event["version"] for event in mine] == list(range(1, len(mine) + 1))
    types = [event["type"] for event in mine]
    assert (types[0], types[-1]) == ("contact.queued", "contact.closed")
    assert types.index("offer.created") < types.index("contact.left_queue")
    offered = next(event for event in mine if event["type"] == "offer.created")
    assert offered["data"]["screen"]["caller"] == "138****0000"

    before, receiver.behaviour = len(receiver.seen), hang
    second = platform.call("queue", number="13800000001")
    receiver.until(before + 1)
    platform.over(second)
    platform.kill_engine()
    receiver.behaviour = status(200)
    platform.restart_engine()
    platform.until(lambda: told(receiver)[-1]["type"] == "contact.closed", "the other engine tells it", 60.0)
    again = [event for event in told(receiver)[before:] if event["data"]["contact"] == uuid_of(second)]
    assert again[0]["id"] == again[1]["id"]  # the receiver had it, and nobody knew
    assert [event["version"] for event in again[1:]] == list(range(1, len(again)))
