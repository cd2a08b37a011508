"""Public events: numbered, kept, told to whom they concern, and never without bound."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cti.core.access import ResourceScope, Role
from cti.core.wrapups import Dispositions
from cti.runtime.floor.catalogue import EVENTS
from cti.runtime.floor.hub import Event, Hub, Sight, Subscription
from tests.api.floorsite import come, make_floor, sit, somebody
from tests.runtime.accountkit import MovedClock

SUPER = Sight(somebody("u-super", Role.SUPERVISOR))
ANNA = Sight(somebody("u-anna", Role.AGENT, teams=["north"]))
LEAD = Sight(somebody("u-lead", Role.TEAM_LEAD, teams=["north"]))
QUEUE = Sight(somebody("u-queue", Role.SUPERVISOR, queues=["service"]))


def publish(hub: Hub, count: int = 1, contact: str = "k") -> list[Event]:
    scope = ResourceScope.of(owner="u-anna", team="north", queue="service")
    return [hub.publish("contact.state_changed", 1.0, {"contact": contact}, scope) for _ in range(count)]


def types(subscription: Subscription) -> list[str]:
    return [event.type for event in subscription.take()]


def test_who_comes_back_goes_on_where_the_stream_broke_off() -> None:
    hub = Hub("b1")
    first, *rest = publish(hub, 5)
    back = hub.subscribe(SUPER, first.id)
    assert back.missed == ""
    assert [event.id for event in back.take()] == [event.id for event in rest] == ["b1-2", "b1-3", "b1-4", "b1-5"]
    assert hub.subscribe(SUPER, hub.last_id).take() == []


@pytest.mark.parametrize(
    ("last", "missed"),
    [(None, "new"), ("b1-1", "too_old"), ("b1-2", ""), ("b1-6", "too_old"), ("b0-4", "restarted"), ("x", "restarted"),
     ("b1-", "too_old"), ("b1--3", "restarted")],
)  # fmt: skip
def test_what_is_not_kept_any_more_is_said(last: str | None, missed: str) -> None:
    hub = Hub("b1", kept=3)
    publish(hub, 5)
    assert hub.subscribe(SUPER, last).missed == missed


def test_nothing_is_kept_for_longer_than_ten_minutes() -> None:
    hub = Hub("b1")
    for at in (0.0, 1.0, 600.0, 601.5):
        hub.publish("agent.state_changed", at, {}, ResourceScope.of())
    back = hub.subscribe(SUPER, "b1-2")
    assert (back.missed, [event.id for event in back.take()]) == ("", ["b1-3", "b1-4"])
    assert hub.subscribe(SUPER, "b1-1").missed == "too_old"


def test_the_version_of_a_contact_rises_even_where_it_was_forgotten_meanwhile() -> None:
    now, live = [0.0], {"lives"}
    hub = Hub("b1", lambda: now[0], live=lambda contact: contact in live)

    def tell(contact: str) -> int:
        hub.publish("contact.state_changed", 1.0, {"contact": contact}, ResourceScope.of())
        return hub.version(contact)

    assert [tell("lives"), tell("over"), tell("over"), tell("over")] == [1, 1, 2, 3]
    now[0] = 700.0
    assert tell("new") == 1
    assert (hub.version("lives"), hub.version("over")) == (1, 0), "who has gone is forgotten, who is there is not"
    assert (tell("over"), tell("lives")) == (4, 2)


def test_who_does_not_read_is_told_and_not_buffered_for() -> None:
    hub = Hub("b1")
    slow = hub.subscribe(SUPER, hub.last_id, keep=10)
    publish(hub, 10)
    assert slow.missed == ""
    publish(hub, 1000)
    assert slow.missed == "lagging"
    assert slow.take() == []


@pytest.mark.parametrize(
    ("sight", "scope", "seen"),
    [
        (SUPER, ResourceScope.of(owner="u-ben", team="south", queue="second"), True),
        (ANNA, ResourceScope.of(owner="u-anna", team="north", queue="service"), True),
        (ANNA, ResourceScope.of(owner="u-carl", team="north", queue="service"), False),
        (LEAD, ResourceScope.of(owner="u-carl", team="north", queue="service"), True),
        (LEAD, ResourceScope.of(owner="u-ben", team="south", queue="service"), False),
        (QUEUE, ResourceScope.of(owner="u-ben", team="south", queue="service"), True),
        (QUEUE, ResourceScope.of(owner="u-ben", team="south", queue="second"), False),
    ],
)
def test_each_sees_what_is_theirs(sight: Sight, scope: ResourceScope, seen: bool) -> None:
    hub = Hub("b1")
    watching = hub.subscribe(sight, hub.last_id)
    hub.publish("contact.state_changed", 1.0, {"contact": "k"}, scope)
    assert bool(watching.take()) is seen


def test_the_agent_sees_nothing_of_others_states_nor_that_somebody_listens() -> None:
    hub = Hub("b1")
    watching = hub.subscribe(ANNA, hub.last_id)
    hub.publish("agent.state_changed", 1.0, {}, ResourceScope.of(owner="u-carl", team="north"))
    own = ResourceScope.of(owner="u-anna", team="north", queue="service")
    hub.publish("contact.monitored", 1.0, {"contact": "k"}, own)
    assert watching.take() == []


def test_what_is_seen_follows_the_rights_while_the_stream_is_open() -> None:
    hub = Hub("b1")
    own = hub.subscribe(ANNA, hub.last_id)
    hub.see(own, Sight(somebody("u-anna", Role.SUPERVISOR)))
    assert own.missed == "rights_changed"
    own.missed = ""
    elsewhere = ResourceScope.of(owner="u-ben", team="south", queue="second")
    hub.publish("contact.state_changed", 1.0, {"contact": "k"}, elsewhere)
    assert len(own.take()) == 1
    hub.see(own, ANNA)
    own.missed = ""
    hub.publish("contact.state_changed", 1.0, {"contact": "k"}, elsewhere)
    assert own.take() == []
    publish(hub)
    assert len(own.take()) == 1
    hub.unsubscribe(own)
    publish(hub)
    assert own.take() == []
    assert not hub.watched


def test_events_of_a_contact_carry_a_rising_version() -> None:
    hub = Hub("b1")
    one, two, other = publish(hub)[0], publish(hub)[0], publish(hub, contact="k2")[0]
    assert [json.loads(event.text)["version"] for event in (one, two, other)] == [1, 2, 1]
    assert (hub.version("k"), hub.version("k2"), hub.version("k3")) == (2, 1, 0)


def test_a_session_that_is_replaced_ends_its_streams_and_no_others() -> None:
    hub = Hub("b1")
    ours, others = hub.subscribe(SUPER), hub.subscribe(SUPER)
    others.sight = Sight(somebody("x", Role.AGENT))
    object.__setattr__(others.sight.principal, "via", "session:2")
    hub.end_session("session:2", "session_replaced")
    assert (ours.ended, others.ended) == ("", "session_replaced")


# ---- from the floor --------------------------------------------------------------------------------------------------


def told(subscription: Subscription) -> list[dict[str, Any]]:
    return [json.loads(event.text) for event in subscription.take()]


def test_the_offer_is_told_before_the_phone_is_rung_and_every_event_is_as_in_the_catalogue() -> None:
    clock = MovedClock()
    floor, legs = make_floor(clock)
    sit(floor, "1001", "u-anna", "north")
    watching = floor.hub.subscribe(Sight(somebody("u-super", Role.SUPERVISOR)), floor.hub.last_id)
    rung: list[int] = []
    legs.ring = lambda *_, **__: rung.append(len(watching._events))  # type: ignore[attr-defined]
    come(floor, legs, "k")
    offered = watching._events[rung[0] - 1]
    assert [event.type for event in watching._events].index("offer.created") < rung[0]
    assert offered.type in ("offer.created", "contact.state_changed")
    from cti.core import legs as l

    [leg] = floor.talks._by_leg
    for event in (l.LegAnswered(leg), l.LegsBridged("k", leg), l.LegHungUp(leg, "NORMAL_CLEARING")):
        clock.move(2.0)
        floor.talks.leg_event(event)
    floor.wrapups._queues["service"] = Dispositions({"sold": "Sold"})
    floor.orders.write("1001", "k", {"notes": "a note"})
    floor.orders.finish("1001", "k", {"disposition": "sold"})
    floor.lines.set_not_ready("1001", "break")
    floor.publisher.pulse()
    seen = told(watching)
    for event in seen:
        assert set(event["data"]) == set(EVENTS[event["type"]].fields), event
    assert [event["version"] for event in seen if "version" in event] == list(range(1, floor.hub.version("k") + 1))
    closed = next(event for event in seen if event["type"] == "contact.closed")
    assert (closed["data"]["disposition"], closed["data"]["notes"], closed["data"]["ended_by"]) == (
        "sold", "a note", "agent",
    )  # fmt: skip
    kinds = {event["type"] for event in seen}
    assert kinds == {
        "contact.queued", "offer.created", "contact.state_changed", "offer.ended", "contact.left_queue",
        "contact.activity_changed", "contact.wrapup_changed", "contact.closed", "agent.state_changed", "queue.changed",
    }  # fmt: skip
    activities = [e["data"]["activity"] for e in seen if e["type"] == "contact.activity_changed"]
    assert activities == ["connecting", "talking", "work"]


def test_samples_have_the_fields_that_are_sent() -> None:
    for name, kind in EVENTS.items():
        assert set(kind.sample) == set(kind.fields), name


def test_a_client_that_is_gone_makes_its_agent_not_ready_once() -> None:
    clock = MovedClock()
    floor, _ = make_floor(clock)
    sit(floor, "1001", "u-anna", "north")
    clock.move(29.0)
    floor.seats.look()
    assert floor.views.agent("1001")["state"] == "READY"
    floor.seats.beat("1001", "session:test")
    clock.move(29.0)
    floor.seats.look()
    assert floor.views.agent("1001")["state"] == "READY"
    clock.move(2.0)
    floor.seats.look()
    assert (floor.views.agent("1001")["state"], floor.views.agent("1001")["reason"]) == (
        "NOT_READY", "connection_down",
    )  # fmt: skip
    floor.lines.set_ready("1001")
    floor.seats.stream_opened("u-anna", "session:test")
    clock.move(1000.0)
    floor.seats.look()
    assert floor.views.agent("1001")["state"] == "READY"
    floor.seats.stream_closed("u-anna", "session:test")
    clock.move(31.0)
    floor.seats.look()
    assert floor.views.agent("1001")["state"] == "NOT_READY"
