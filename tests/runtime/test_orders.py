"""Orders of other systems: each has its effect once, through the same services and checks as everybody's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import pytest
from gevent.event import Event as Flag

from cti.core.errors import StoreUnavailable
from cti.core.orders import Order, OrderAnswer, OrderKind
from cti.runtime.orders import OrderDesk

from .platform import Platform
from .textkit import Sent

NUMBER = "8613900000009"


class Orders:
    def __init__(self, platform: Platform) -> None:
        self.platform, self.application = platform, platform.application
        self.store = self.application.accounts.store
        self.sent = Sent()
        self.application.engine._services.messages._channels["sms"] = self.sent
        self.desk = self._desk()

    def _desk(self) -> OrderDesk:
        application = self.platform.application
        return OrderDesk(
            application.accounts.store.orders,
            application.callbacks,
            application.set_notices,
            lambda: application.engine._services.messages,
            application.ground.clock,
            application.accounts.accounts.deed,
            application.blocked.holds,
            lambda number: application.switches_by_name["fs"].dialing.routes("number", number, 1.0),
        )

    def order(self, kind: str, key: str = "k1", **fields: str) -> OrderAnswer:
        named = {name.replace("_", "."): value for name, value in fields.items()}
        return self.desk.take(Order("crm", key, OrderKind(kind), named))

    def callbacks(self) -> list[Any]:
        return list(self.store.callbacks.list(limit=50))


@pytest.fixture
def orders(platform: Platform) -> Orders:
    return Orders(platform)


@contextmanager
def killed_before_the_answer(orders: Orders) -> Iterator[None]:
    """An order has had its effect, and what it was answered is on no disk."""

    def dies(*_: object) -> None:
        raise StoreUnavailable("killed here")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(orders.store.orders), "answer", dies)
        yield


def test_a_callback_is_promised_once_and_in_the_name_of_the_source(orders: Orders) -> None:
    first = orders.order("callback", number=NUMBER, queue="service", when="2030-01-01T10:00:00+08:00")
    assert (first.state, first.code) == ("accepted", "")
    again = orders.order("callback", number=NUMBER, queue="service", when="2030-01-01T10:00:00+08:00")
    assert again == OrderAnswer("accepted", first.order_id)
    (one,) = orders.callbacks()
    assert one.callback_id == first.order_id
    (line,) = [one for one in orders.store.audit.lines(limit=20) if one.action == "callback.add"]
    assert (line.author.via, line.reason) == ("order:crm", "order k1")
    (row,) = orders.store.orders.list(limit=5)
    assert (row.source, row.key, row.state, row.order_id) == ("crm", "k1", "accepted", first.order_id)


def test_an_order_whose_answer_a_kill_has_lost_finds_what_it_had_made(orders: Orders) -> None:
    told = {"number": NUMBER, "queue": "service", "when": "2030-01-01T10:00:00+08:00"}
    with killed_before_the_answer(orders):
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                orders.order("callback", **told)
        with pytest.raises(StoreUnavailable):
            orders.order("message", "m", recipient=NUMBER, text="Hello")
    answer = orders.order("callback", **told)
    (one,) = orders.callbacks()
    assert (answer.state, answer.order_id) == ("accepted", one.callback_id)
    assert (orders.order("message", "m", recipient=NUMBER, text="Hello").code, orders.sent.texts) == (
        "unknown",
        ["Hello"],
    )


def test_a_message_is_given_again_where_whoever_carries_it_knows_its_key(orders: Orders) -> None:
    orders.sent.once = "everywhere"
    with killed_before_the_answer(orders), pytest.raises(StoreUnavailable):
        orders.order("message", recipient=NUMBER, text="Hello")
    answer = orders.order("message", recipient=NUMBER, text="Hello")
    assert (answer.state, orders.sent.keys) == ("accepted", [f"order/{answer.order_id}"] * 2)


def test_a_notice_is_set(orders: Orders) -> None:
    said = {"say_zh-CN": "今天停电。", "say_en-US": "No power today.", "services": "broadband", "priority": "5"}
    answer = orders.order("notice", **said)
    assert answer.state == "accepted", answer
    (one,) = [one for one in orders.application.set_notices.all() if one.notice_id == answer.order_id]
    assert one.document["say"]["en-US"] == "No power today."
    assert orders.order("notice", **said) == OrderAnswer("accepted", answer.order_id)
    orders.application.set_notices.end(answer.order_id, orders.application.accounts.accounts.deed(_author()))


def _author() -> Any:
    from cti.core.access import SYSTEM

    return SYSTEM


def test_a_message_is_sent_once(orders: Orders) -> None:
    answer = orders.order("message", recipient=NUMBER, text="Your bill is there.")
    assert answer.state == "accepted"
    assert orders.order("message", recipient=NUMBER, text="Your bill is there.") == OrderAnswer(
        "accepted", answer.order_id
    )
    assert orders.sent.texts == ["Your bill is there."]


@pytest.mark.parametrize(
    ("kind", "fields", "code"),
    [
        ("callback", {"number": "sip:x", "queue": "service"}, "bad-number"),
        ("callback", {"number": NUMBER}, "bad-request"),
        ("callback", {"number": NUMBER, "queue": "service", "flow": "menu"}, "bad-request"),
        ("callback", {"number": NUMBER, "queue": "nowhere"}, "nobody-calls"),
        ("callback", {"number": "8690012345", "queue": "service"}, "destination-denied"),
        ("callback", {"number": NUMBER, "queue": "service", "when": "tomorrow"}, "bad-time"),
        ("callback", {"number": NUMBER, "queue": "service", "when": "event:" + "e" * 65}, "bad-time"),
        ("callback", {"number": NUMBER, "queue": "service", "attempts": "11"}, "bad-request"),
        ("callback", {"number": NUMBER, "queue": "service", "colour": "red"}, "unknown-field"),
        ("notice", {}, "bad-notice"),
        ("notice", {"say_en-US": "x", "colour": "red"}, "unknown-field"),
        ("message", {"recipient": "x", "text": "x"}, "bad-number"),
        ("message", {"recipient": NUMBER}, "bad-request"),
        ("message", {"recipient": "8690012345", "text": "x"}, "destination-denied"),
        ("message", {"recipient": NUMBER, "text": "x" * 5000}, "message-too-long"),
        ("message", {"recipient": NUMBER, "text": "x", "channel": "fax"}, "bad-request"),
    ],
)
def test_what_is_refused_stays_refused(orders: Orders, kind: str, fields: dict[str, str], code: str) -> None:
    for _ in range(2):
        answer = orders.order(kind, **fields)
        assert (answer.state, answer.code, answer.order_id) == ("rejected", code, "")
    assert orders.callbacks() == []
    assert orders.sent.texts == []


def test_a_key_that_is_used_for_something_else_is_refused(orders: Orders) -> None:
    orders.order("message", recipient=NUMBER, text="One")
    assert orders.order("message", recipient=NUMBER, text="Two").code == "order-key-reused"
    assert orders.sent.texts == ["One"]


def test_the_same_order_at_the_same_time_is_answered_once(orders: Orders, monkeypatch: pytest.MonkeyPatch) -> None:
    go, inside, real = Flag(), Flag(), Sent.send

    def slow(self: Sent, recipient: str, text: str, key: str) -> bool:
        inside.set()
        assert go.wait(30)
        return real(self, recipient, text, key)

    monkeypatch.setattr(Sent, "send", slow)
    both = [gevent.spawn(orders.order, "message", recipient=NUMBER, text="Hi")]
    assert inside.wait(30)
    both.append(gevent.spawn(orders.order, "message", recipient=NUMBER, text="Hi"))
    gevent.sleep(0)
    go.set()
    answers = [one.get(timeout=30) for one in both]
    assert answers[0] == answers[1] == orders.order("message", recipient=NUMBER, text="Hi")
    assert (answers[0].state, orders.sent.texts) == ("accepted", ["Hi"])


def test_what_a_person_has_ended_after_a_kill_stays_ended(orders: Orders) -> None:
    said = {"say_zh-CN": "今天停电。", "say_en-US": "No power today."}
    with killed_before_the_answer(orders), pytest.raises(StoreUnavailable):
        orders.order("notice", **said)
    notices = orders.application.set_notices
    (one,) = [one for one in notices.all() if one.notice_id.startswith("order-")]
    notices.end(one.notice_id, orders.application.accounts.accounts.deed(_author()))
    assert orders.order("notice", **said) == OrderAnswer("accepted", one.notice_id)
    (now,) = [other for other in notices.all() if other.notice_id == one.notice_id]
    assert now.ended_at is not None


def test_a_callback_that_was_made_is_told_though_its_queue_is_gone_by_then(
    orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"number": NUMBER, "queue": "service", "when": "2030-01-01T10:00:00+08:00"}
    with killed_before_the_answer(orders), pytest.raises(StoreUnavailable):
        orders.order("callback", **told)
    monkeypatch.setattr(type(orders.application.callbacks._promises), "served", lambda *_: False)
    assert orders.order("callback", **told).state == "accepted"


def test_nobody_can_try_numbers_until_the_digest_fits(orders: Orders) -> None:
    orders.order("callback", number=NUMBER, queue="service")
    (row,) = orders.store.orders.list(limit=5)
    told = json.dumps(["callback", sorted({"number": NUMBER, "queue": "service"}.items())])
    assert row.digest == orders.store.orders.digest(told)
    assert row.digest != hashlib.sha256(told.encode()).hexdigest()
