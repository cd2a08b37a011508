"""The rules of ``/v1/events``, one after the other, without sockets: what it gives, in what order, and its end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cti.acd.states import ContactState
from cti.api import events as module
from cti.api.events import Stream
from cti.core.access import Grant, Principal, ResourceScope, Role
from cti.core.legs import LegAnswered, LegsBridged
from cti.runtime.floor.catalogue import EVENTS, TO_ONE
from cti.runtime.floor.hub import LAG_MAX, Hub, Sight
from tests.api.floorsite import come, make_floor, sit
from tests.runtime.accountkit import DEED, PASSWORD, Office

SCOPE = ResourceScope.of(owner="u-anna", team="north", queue="service")


class Client:
    """Reads a stream frame by frame."""

    def __init__(self, house: House, principal: Principal, last_id: str | None = None) -> None:
        self.subscription = Hub.subscribe(house.floor.hub, Sight(principal), last_id)
        self.stream = Stream(house.floor, house.office.services, self.subscription)
        self._parts = iter(self.stream)
        assert next(self._parts).startswith(b"retry:")

    def next(self) -> list[dict[str, Any]]:
        """What comes next; empty: a comment, or the end."""
        text = next(self._parts, b"").decode()
        frames = [frame for frame in text.split("\n\n") if frame and not frame.startswith(":")]
        return [_event(frame) for frame in frames]

    def types(self, count: int) -> list[str]:
        found: list[str] = []
        for _ in range(500):  # comments come between
            found += [event["type"] for event in self.next()]
            if len(found) >= count:
                break
        return found


def _event(frame: str) -> dict[str, Any]:
    lines = dict(line.split(": ", 1) for line in frame.split("\n"))
    event: dict[str, Any] = json.loads(lines["data"])
    assert (lines["id"], lines["event"]) == (event["id"], event["type"])
    assert set(event["data"]) == set(EVENTS[event["type"]].fields)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", event["at"])
    return event


class House:
    def __init__(self, folder: Path) -> None:
        self.office = Office(folder)
        self.office.person("anna", "agent@team:north")
        self.office.person("super", "supervisor")
        self.floor, self.legs = make_floor(self.office.clock)

    def signed_in(self, name: str) -> tuple[Principal, Any]:
        session = self.office.services.sign_in.sign_in(name, PASSWORD)
        return self.office.services.authentication.by_token(session.access_token), session

    def publish(self, count: int) -> None:
        sample = EVENTS["contact.state_changed"].sample
        for _ in range(count):
            self.floor.hub.publish("contact.state_changed", 1.0, sample, SCOPE)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(module, "KEEP_ALIVE_S", 0.01)
    found = House(tmp_path)
    yield found
    found.office.close()


def test_a_snapshot_with_an_id_comes_first_and_then_what_changes_it(house: House) -> None:
    sit(house.floor, "1001", "u-anna", "north")
    come(house.floor, house.legs, "k")
    client = Client(house, house.signed_in("super")[0])
    come(house.floor, house.legs, "k2")
    [snapshot] = client.next()
    assert snapshot["type"] == "snapshot"
    assert snapshot["id"] == house.floor.hub.last_id
    assert [contact["contact"] for contact in snapshot["data"]["contacts"]] == ["k", "k2"]
    come(house.floor, house.legs, "k3")
    [queued] = client.next()
    assert (queued["type"], queued["data"]["contact"]) == ("contact.queued", "k3")
    assert _number(queued) == _number(snapshot) + 1


def _number(event: dict[str, Any]) -> int:
    return int(event["id"].rpartition("-")[2])


def test_who_was_away_for_too_long_is_told_and_gets_everything_anew(house: House) -> None:
    house.floor.hub._ring = type(house.floor.hub._ring)(maxlen=3)
    first = house.floor.hub.last_id
    house.publish(5)
    resync, snapshot = Client(house, house.signed_in("super")[0], first).next()
    assert (resync["type"], resync["data"], snapshot["type"]) == ("resync", {"reason": "too_old"}, "snapshot")
    assert resync["id"] == snapshot["id"] == house.floor.hub.last_id


def test_a_client_that_lags_is_told_and_nothing_grows(house: House) -> None:
    client = Client(house, house.signed_in("super")[0])
    assert client.types(1) == ["snapshot"]
    house.publish(10 * LAG_MAX)
    assert len(client.subscription._events) <= LAG_MAX
    resync, snapshot = client.next()
    assert (resync["data"], snapshot["type"]) == ({"reason": "lagging"}, "snapshot")
    house.publish(1)
    [event] = client.next()
    assert event["type"] == "contact.state_changed"


def test_the_stream_outlives_a_refresh_and_ends_with_the_last_token(house: House) -> None:
    principal, session = house.signed_in("anna")
    client = Client(house, principal)
    assert client.types(1) == ["snapshot"]
    house.office.clock.move(590.0)
    assert client.next() == []
    house.office.services.sign_in.refresh(session.refresh_token)
    house.office.clock.move(20.0)  # the first token is over
    assert client.next() == []
    house.publish(1)
    assert client.types(1) == ["contact.state_changed"]
    house.office.clock.move(600.0)
    assert client.types(1) == ["token_expired"]
    assert client.next() == []
    assert next(client._parts, None) is None


def test_a_session_that_is_ended_ends_its_stream(house: House) -> None:
    principal, session = house.signed_in("anna")
    client = Client(house, principal)
    assert client.types(1) == ["snapshot"]
    house.office.services.sign_in.sign_out(principal, session.session_id)
    assert client.types(1) == ["token_expired"]


def test_rights_that_change_hold_from_now_on(house: House) -> None:
    principal, _ = house.signed_in("anna")
    client = Client(house, principal)
    assert client.types(1) == ["snapshot"]
    house.office.services.accounts.set_grants("u-anna", [Grant(Role.FLOW_AUTHOR)], DEED)
    assert client.types(2) == ["resync", "snapshot"]
    house.publish(1)
    assert client.next() == []


def test_the_resource_shows_the_version_of_the_last_event(house: House) -> None:
    sit(house.floor, "1001", "u-anna", "north")
    client = Client(house, house.signed_in("super")[0])
    assert client.types(1) == ["snapshot"]
    come(house.floor, house.legs, "k")
    versions: list[int] = []
    while events := client.next():
        versions += [event["version"] for event in events if "version" in event]
    case = house.floor.owner.acd.floor.cases["k"]
    assert versions == list(range(1, len(versions) + 1))
    assert house.floor.views.contact(case)["version"] == versions[-1] > 2


def test_a_client_that_is_gone_costs_readiness_and_no_talk(house: House) -> None:
    principal, _ = house.signed_in("anna")
    sit(house.floor, "1001", "u-anna", "north", principal.via)
    come(house.floor, house.legs, "k")
    leg = house.floor.talks.find("k").leg  # type: ignore[union-attr]
    house.floor.talks.leg_event(LegAnswered(leg))
    house.floor.talks.leg_event(LegsBridged("k", leg))
    client = Client(house, principal)
    house.office.clock.move(100.0)
    house.floor.seats.look()
    assert house.floor.views.agent("1001")["state"] == "READY"  # the stream is there
    client.stream.close()
    house.office.clock.move(29.0)
    house.floor.seats.look()
    assert house.floor.views.agent("1001")["state"] == "READY"
    house.legs.told.clear()
    house.office.clock.move(2.0)
    house.floor.seats.look()
    agent = house.floor.views.agent("1001")
    assert (agent["state"], agent["reason"], agent["contacts"]) == ("NOT_READY", "connection_down", ["k"])
    assert house.floor.owner.acd.floor.cases["k"].state is ContactState.TALKING
    assert house.legs.told == []  # nothing was done to any leg


def test_the_newer_session_takes_the_seat_and_the_older_stream_is_told(house: House) -> None:
    older, _ = house.signed_in("anna")
    newer, _ = house.signed_in("anna")
    sit(house.floor, "1001", "u-anna", "north", older.via)
    first, second = Client(house, older), Client(house, newer)
    assert first.types(1) == second.types(1) == ["snapshot"]
    sit(house.floor, "1001", "u-anna", "north", newer.via)
    told = [event["type"] for _ in range(3) for event in first.next()]
    assert told[-1] == "session_replaced"
    assert next(first._parts, None) is None
    assert not second.subscription.ended


def test_every_event_of_the_catalogue_is_sent_somewhere_and_no_other() -> None:
    code = Path(module.__file__).parents[1]
    sources = {path: path.read_text(encoding="utf-8") for path in code.rglob("*.py") if path.name != "catalogue.py"}
    called = re.compile(r'(?:publish|about|_last|text)\(\s*(?:[\w.]+,\s*)?(?:hub\.last_id, )?"([a-z]+[._][a-z_]+|\w+)"')
    sent = {name for text in sources.values() for name in called.findall(text)}
    every = "\n".join(sources.values())
    assert [name for name in EVENTS if f'"{name}"' not in every] == []
    assert {name for name in sent if "." in name} <= set(EVENTS)
    assert set(EVENTS) >= TO_ONE
