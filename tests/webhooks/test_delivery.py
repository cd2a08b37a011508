"""What webhooks get, in which order, how often, and what becomes of it when receivers misbehave."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import gevent
import pytest

from cti.core.access import Grant, ResourceScope
from cti.core.webhooks import DeliveryState, Patience, signature
from cti.runtime.floor.catalogue import EVENTS
from cti.runtime.floor.hub import Event, Sight
from cti.runtime.webhooks import line
from cti.store.audit import AuditFilter
from tests.api.floorsite import somebody
from tests.webhooks.kit import DEED, SECRET, SERVICE, House, scopes
from tests.webhooks.receiver import Receiver, Request, hang, status, then

Make = Callable[..., Receiver]


def ids(events: list[Event]) -> list[str]:
    return [event.id for event in events]


def test_the_body_is_the_event_of_the_stream_signed(house: House, receiver: Receiver) -> None:
    house.add(receiver.url)
    [event] = house.publish("k")
    [request] = receiver.until(1)
    assert request.body.decode() == event.text
    assert request.id == event.id == json.loads(event.text)["id"]
    at = int(request.headers["webhook-timestamp"])
    assert request.headers["webhook-signature"] == f"v1,{signature(event.id, at, request.body, SECRET)}"
    house.all_are("delivered")
    [kept] = house.deliveries()
    assert (kept.status, kept.attempts, kept.error, kept.type) == (200, 1, "", "contact.state_changed")
    house.until(lambda: house.store.accounts.webhooks.find("w").succeeded_at, "it is known to work")


def test_only_what_it_asks_for_and_its_user_may_see(house: House, receivers: Make) -> None:
    south = ResourceScope.of(owner="u-ben", team="south", queue="second")
    wanted: dict[str, list[str]] = {}
    cases: dict[str, tuple[str, dict[str, Any], list[str]]] = {
        "all": ("u-super", {}, ["north", "south", "presence"]),
        "queue": ("u-super", {"scopes": scopes("queue:second")}, ["south"]),
        "both": ("u-super", {"scopes": scopes("queue:second", "team:north")}, ["north", "south", "presence"]),
        "noun": ("u-super", {"events": ("agent.*",)}, ["presence"]),
        "name": ("u-super", {"events": ("contact.closed",)}, []),
        "lead": ("u-lead", {}, ["north", "presence"]),
        "more": ("u-lead", {"scopes": scopes("team:south")}, []),
        "agent": ("u-agent", {}, []),
    }
    for name, (user, how, _) in cases.items():
        house.add("http://127.0.0.1:9/", name, user, **how)
    presence = ResourceScope.of(owner="u-anna", team="north")
    house.publish("north")
    house.publish("south", scope=south)
    house.hub.publish("agent.state_changed", 1.0, {"agent": "presence"}, presence)
    for name, (_, _, expected) in cases.items():
        rows = house.deliveries(name)
        wanted[name] = [{1: "north", 2: "south", 3: "presence"}[int(row.event_id.split("-")[1])] for row in rows]
        assert wanted[name] == expected, name
    watched = house.hub.subscribe(Sight(somebody("u-super")), None)
    assert watched.take() == []


def test_nothing_is_kept_where_nobody_asks(house: House) -> None:
    house.publish("k")
    assert house.store.health().written == house.store.health().queued == 0


def test_rights_that_were_taken_away_hold_for_what_waits(make_house: Any, receiver: Receiver) -> None:
    house = make_house(patience=Patience(first_s=3600.0))
    receiver.behaviour = status(500)
    house.add(receiver.url, user="u-lead")
    house.publish("k", "k")
    receiver.until(1)
    house.store.accounts.people.set_grants("u-lead", [Grant.parse("agent@team:north")], DEED)
    house.desk.look()
    house.clock.ahead_s += 7200
    house.all_are("dropped", "dropped")
    assert len(receiver.seen) == 1
    assert house.deliveries()[0].error == "not-permitted"


def test_who_is_disabled_sees_nothing(house: House, receiver: Receiver) -> None:
    house.add(receiver.url)
    house.store.accounts.people.set_disabled("u-super", 1.0, DEED)
    house.desk.look()
    house.publish("k")
    assert house.deliveries() == []


# ---- order -----------------------------------------------------------------------------------------------------------


def test_events_of_a_contact_come_in_their_order_whatever_fails(house: House, receiver: Receiver) -> None:
    failed: set[str] = set()

    def first_time_fails(socket: Any, request: Request) -> None:
        status(200 if request.id in failed else 500)(socket, request)
        failed.add(request.id)

    receiver.behaviour = first_time_fails
    house.add(receiver.url)
    events = house.publish(*"abcabcabc")
    house.all_are(*["delivered"] * 9)
    for contact in range(3):
        seen = [request.id for request in receiver.seen if request.id in ids(events[contact::3])]
        assert seen == [id_ for id_ in ids(events[contact::3]) for _ in range(2)]


def test_one_contact_that_fails_holds_up_no_other(house: House, receiver: Receiver) -> None:
    house.patience = Patience(first_s=3600.0)
    bad = house.hub.publish("contact.queued", 1.0, {"contact": "bad"}, SERVICE)
    receiver.behaviour = lambda sock, req: status(400 if b'"bad"' in req.body else 200)(sock, req)
    house.add(receiver.url)
    bad, *_ = house.publish("bad", "bad")
    good = house.publish(*(f"k{number}" for number in range(60)))
    house.until(lambda: house.states().count("delivered") == 60, "the others")
    assert {request.id for request in receiver.seen} == {bad.id, *ids(good)}


def test_after_a_restart_the_order_goes_on(house: House, receiver: Receiver) -> None:
    receiver.behaviour = status(500)
    house.add(receiver.url)
    first = house.publish("k", "k")
    receiver.until(1)
    house.crash()
    receiver.behaviour = status(200)
    before = len(receiver.seen)
    house.again()
    second = house.publish("k")
    house.all_are("delivered", "delivered", "delivered")
    assert [request.id for request in receiver.seen[before:]] == ids(first + second)


# ---- failures --------------------------------------------------------------------------------------------------------


def test_500_then_200(house: House, receiver: Receiver) -> None:
    receiver.behaviour = then(status(500), status(503), status(200))
    house.add(receiver.url)
    house.publish("k")
    house.all_are("delivered")
    assert house.deliveries()[0].attempts == len(receiver.seen) == 3
    assert len({request.id for request in receiver.seen}) == 1


def test_an_answer_that_comes_too_late_is_none_and_the_id_comes_again(make_house: Any, receiver: Receiver) -> None:
    house = make_house(timeout_s=0.5)

    def late(socket: Any, request: Request) -> None:
        hang(socket, request)  # until the client is gone
        status(200)(socket, request)

    receiver.behaviour = then(late, status(200))
    house.add(receiver.url)
    [event] = house.publish("k")
    house.all_are("delivered")
    assert [request.id for request in receiver.seen] == [event.id, event.id]


def test_who_dies_between_sending_and_noting_it_sends_it_again(house: House, receiver: Receiver) -> None:
    receiver.behaviour = then(hang, status(200))
    house.add(receiver.url)
    [event] = house.publish("k")
    receiver.until(1)
    house.crash()
    house.again()
    receiver.until(2)
    house.all_are("delivered")
    assert [request.id for request in receiver.seen] == [event.id, event.id]


def test_what_is_given_up_is_seen_and_can_be_sent_again(make_house: Any, receiver: Receiver) -> None:
    house = make_house(patience=Patience(first_s=3600.0, give_up_s=1.0))
    receiver.behaviour = status(500)
    house.add(receiver.url)
    dead, behind = house.publish("k", "k")
    house.all_are("dead", "dead")  # what is behind has its one attempt as well
    assert [one.event_id for one in house.deliveries(state="dead")] == ids([dead, behind])
    receiver.behaviour = status(200)
    before = len(receiver.seen)
    house.desk._lines["w"][0]._pause_until = 0.0
    webhooks = house.store.accounts.webhooks
    assert webhooks.redeliver("w", [behind.id, "nope"], DEED) == 1
    house.all_are("dead", "delivered")
    assert webhooks.redeliver("w", None, DEED) == 1
    house.all_are("delivered", "delivered")
    assert [request.id for request in receiver.seen[before:]] == ids([behind, dead])
    [newest, *_] = house.store.accounts.audit.lines(limit=1, where=AuditFilter(action="webhook.redeliver"))
    assert (newest.target, newest.after) == ("webhook:w", {"all": True, "events": 1})


def test_a_receiver_that_is_down_is_disabled_with_an_event(make_house: Any, receiver: Receiver) -> None:
    house = make_house(patience=Patience(first_s=0.01, disable_s=100.0))
    watching = house.hub.subscribe(Sight(somebody("u-super", *_roles("admin", "supervisor"))), house.hub.last_id)
    receiver.behaviour = status(500)
    house.add(receiver.url)
    house.publish("a", "b")
    house.until(lambda: house.store.accounts.webhooks.find("w").failing_since, "the failure")
    assert house.store.accounts.webhooks.find("w").disabled_at is None
    house.clock.ahead_s += 101.0
    house.all_are("dead", "dead")
    found = house.store.accounts.webhooks.find("w")
    assert (found.disabled_why, found.disabled_at is not None) == ("failing", True)
    [told] = [json.loads(event.text) for event in watching.take() if event.type == "webhook.disabled"]
    assert told["data"] == {"webhook": "w", "title": "", "reason": "failing"}
    assert set(told["data"]) == set(EVENTS["webhook.disabled"].fields)
    house.publish("c")
    assert len(house.deliveries()) == 2
    [audited] = house.store.accounts.audit.lines(limit=1, where=AuditFilter(action="webhook.disable"))
    assert (audited.target, audited.after) == ("webhook:w", {"disabled": "failing"})


def _roles(*names: str) -> list[Any]:
    return [Grant.parse(name).role for name in names]


def test_410_ends_it_at_once(house: House, receiver: Receiver) -> None:
    receiver.behaviour = status(410)
    house.add(receiver.url)
    house.publish("k", "k")
    house.all_are("dead", "dead")
    assert house.store.accounts.webhooks.find("w").disabled_why == "gone"
    assert len(receiver.seen) == 1


def test_who_asks_for_a_pause_gets_it(make_house: Any, receiver: Receiver) -> None:
    house = make_house()
    receiver.behaviour = then(status(429, "Retry-After: 500\r\n"), status(200))
    house.add(receiver.url)
    house.publish("k")
    receiver.until(1)
    house.until(lambda: house.deliveries()[0].attempts, "it is noted")
    house.publish("other")
    assert house.desk._lines["w"][0].round() is False  # nothing goes there meanwhile, of whatever contact
    house.clock.ahead_s += 501.0
    house.all_are("delivered", "delivered")


def test_who_was_down_gets_everything_as_soon_as_it_is_back(make_house: Any, receiver: Receiver) -> None:
    house = make_house(patience=Patience(first_s=0.01))
    receiver.behaviour = status(500)
    house.add(receiver.url)
    house.publish(*(f"k{number}" for number in range(10)))
    house.until(lambda: house.desk._lines["w"][0]._failures >= line.DOWN_AFTER, "it is down")
    receiver.most_at_once = 0
    house.patience = Patience()
    object.__setattr__(house.desk._lines["w"][0], "_patience", Patience(first_s=600.0))
    house.until(lambda: house.desk._lines["w"][0]._pause_until > house.clock.monotonic() + 20, "a long pause")
    assert receiver.most_at_once <= 1
    receiver.behaviour = status(200)
    house.clock.ahead_s += 700.0
    house.all_are(*["delivered"] * 10)


# ---- others ----------------------------------------------------------------------------------------------------------


def test_a_receiver_that_hangs_disturbs_no_other_and_holds_a_few_connections(house: House, receivers: Make) -> None:
    slow, quick = receivers(hang), receivers()
    house.add(slow.url, "slow")
    house.add(quick.url, "quick")
    house.publish(*(f"k{number}" for number in range(100)))
    house.all_are(*["delivered"] * 100, name="quick")
    assert slow.most_at_once == line.WIDTH == len(slow.seen)
    assert house.states("slow") == ["pending"] * 100


def test_one_engine_at_a_time_sends(make_house: Any, receiver: Receiver) -> None:
    house = make_house()
    house.add(receiver.url)
    queue = house.store.accounts.webhook_queue
    (mark,) = queue.leases("other/0").values()
    assert queue.lease("other/0", 5.0) == queue.lease("other/0", 5.0, {"w": mark - 1.0}) == set()
    assert queue.lease("other/0", 5.0, {"w": mark}) == {"w"}
    house.desk.look()
    assert house.desk._lines == {}
    house.publish("k")
    assert house.states() == ["pending"]
    queue.release("other/0")
    house.desk.look()
    house.all_are("delivered")


def test_a_deleted_one_gets_nothing_more_and_is_forgotten(house: House, receiver: Receiver) -> None:
    receiver.behaviour = status(500)
    house.add(receiver.url)
    house.publish("k")
    receiver.until(1)
    house.store.accounts.webhooks.delete("w", DEED)
    house.desk.look()
    assert house.desk._lines == {}
    assert house.store.accounts.webhook_queue.forget(0.0) == 1


def test_what_has_ended_is_forgotten_in_time_and_what_has_not_stays(make_house: Any, receiver: Receiver) -> None:
    house = make_house(patience=Patience(first_s=3600.0))
    receiver.behaviour = then(status(200), status(500))
    house.add(receiver.url)
    house.publish("old")
    house.all_are("delivered")
    house.publish("waits")
    receiver.until(2)
    queue = house.store.accounts.webhook_queue
    assert queue.forget(house.clock.now() - 1000.0) == 0
    assert queue.forget(house.clock.now() + 1000.0) == 1
    assert [one.state for one in house.deliveries()] == [DeliveryState.PENDING]
    with house.store._engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM webhook_events").scalar() == 1
        texts = connection.exec_driver_sql("SELECT text_sealed FROM webhook_events").scalars()
        assert not any("waits" in text for text in texts)


def test_a_database_that_is_away_holds_nobody_up_and_nothing_is_lost(
    house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.add(receiver.url)
    file = house.folder / "cti.db"
    file.rename(house.folder / "away.db")
    events = house.publish("k", "k")
    house.until(lambda: not house.store.health().healthy, "it is seen to be away")
    (house.folder / "away.db").rename(file)
    gevent.sleep(0)
    house.all_are("delivered", "delivered")
    assert [request.id for request in receiver.seen] == ids(events)
