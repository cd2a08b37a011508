"""Legs, where it takes two switches, two trunks or two engines; the rest is in tests/contract/test_legs_*."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import gevent
import pytest

from cti.core.errors import CtiError
from cti.core.legs import (
    ConferenceJoined,
    ConferenceLeft,
    LegAnswered,
    LegEvent,
    LegFailed,
    LegHungUp,
    LegPlayed,
    LegsBridged,
    LegsUnbridged,
    Phone,
    PhoneRegistered,
)
from cti.switch.dialing import Dialing
from cti.switch.driver import SUBSCRIBED, UNHEARD, FreeSwitch
from cti.switch.embedded import EmbeddedSwitch, PhoneBehaviour, SwitchConfig
from cti.switch.embedded.conference import command
from cti.switch.links import LinkLost, LinkSettings
from cti.switch.orders import TALKS

LIMIT_S = 30.0


class Calls:
    def __init__(self) -> None:
        self.arrived: list[str] = []

    def call_arrived(self, call: Any) -> None:
        self.arrived.append(call.uuid)

    def switch_up(self, switch: str, restarted: bool, live: dict[str, Any], *_: Any) -> None:
        self.live = live

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


class Told(list[LegEvent]):
    def leg_event(self, event: LegEvent) -> None:
        self.append(event)


def until(condition: Callable[[], object]) -> None:
    with gevent.Timeout(LIMIT_S, AssertionError("not in time")):
        while not condition():
            gevent.sleep(0.005)


class Engine:
    def __init__(self, port: int, **dialing: Any) -> None:
        settings = LinkSettings("127.0.0.1", port, "legs-secret", SUBSCRIBED, "0", UNHEARD, backoff_first_s=0.05)
        self.calls, self.told = Calls(), Told()
        rules = {"trunks": ("first", "second"), "allowed": ("86",), **dialing}
        self.driver = FreeSwitch("fs", settings, self.calls, Dialing("cti.local", **rules))
        self.legs = self.driver.leg_control
        self.legs.attach(self.told)
        self.driver.links.start()
        until(lambda: self.driver.up)
        self.driver.liveness.beat(1.0)

    def ring(self, address: str, ring_s: float = 10.0) -> str:
        leg = str(uuid4())
        self.legs.ring(leg, Phone(address), ring_s=ring_s, call="", caller_number="", headers={})
        return leg

    def stop(self) -> None:
        self.driver.links.stop()


def switch_on(port: int = 0) -> EmbeddedSwitch:
    config = SwitchConfig(
        password="legs-secret", domain="cti.local", port=port, gateways={"first": False, "second": True}
    )
    switch = EmbeddedSwitch(config)
    switch.start()
    for phone in switch.core.directory.phones.values():
        phone.behaviour = PhoneBehaviour(answer_after=0.02)
    return switch


@pytest.fixture
def switch() -> Iterator[EmbeddedSwitch]:
    running = switch_on()
    yield running
    running.stop()


@pytest.fixture
def engine(switch: EmbeddedSwitch) -> Iterator[Engine]:
    running = Engine(switch.port)
    yield running
    running.stop()


def talking(switch: EmbeddedSwitch, engine: Engine) -> tuple[str, str]:
    switch.call("13800138000", "4000")
    until(lambda: engine.calls.arrived)
    caller = engine.calls.arrived[-1]
    engine.driver.answer(caller)
    leg = engine.ring("user/1001")
    until(lambda: LegAnswered(leg) in engine.told)
    engine.legs.bridge(caller, leg)
    until(lambda: LegsBridged(caller, leg) in engine.told)
    return caller, leg


def test_the_next_trunk_is_tried_for_an_agent_outside(switch: EmbeddedSwitch, engine: Engine) -> None:
    switch.core.directory.outside_default = PhoneBehaviour(answer_after=0.02)
    leg = engine.ring("number/8613800138000")
    until(lambda: LegAnswered(leg) in engine.told)
    assert not [event for event in engine.told if isinstance(event, LegFailed)]


def test_a_busy_number_is_busy_on_every_trunk(switch: EmbeddedSwitch, engine: Engine) -> None:
    switch.core.directory.outside_default = PhoneBehaviour(refuse="USER_BUSY")
    leg = engine.ring("number/8613800138000")
    until(lambda: LegFailed(leg, "busy") in engine.told)


def test_after_a_restart_of_the_switch_all_legs_are_gone(switch: EmbeddedSwitch, engine: Engine) -> None:
    caller, leg = talking(switch, engine)
    idle = engine.ring("user/1002")
    until(lambda: LegAnswered(idle) in engine.told)
    switch.core.set_behaviour(switch.core.directory.phones["1003"], PhoneBehaviour(answer_after=None))
    rings = engine.ring("user/1003")
    until(lambda: len(switch.core.channels) == 4)
    port = switch.port
    switch.kill()
    anew = switch_on(port)
    try:
        until(lambda: engine.driver.up and engine.driver.epoch == 2)
        for event in (LegsUnbridged(caller, leg), LegHungUp(leg, ""), LegHungUp(idle, ""), LegFailed(rings, "failed")):
            assert engine.told.count(event) == 1, event
        assert engine.legs.own == {}
        assert engine.legs.talks.of == {}
        again = engine.ring("user/1001")
        until(lambda: LegAnswered(again) in engine.told)
    finally:
        anew.stop()


def test_an_engine_that_dies_leaves_people_talking(switch: EmbeddedSwitch, engine: Engine) -> None:
    """Its talks go on; the caller is the next engine's when the agent hangs up, and the agent's leg is put away."""
    caller, leg = talking(switch, engine)
    idle = engine.ring("user/1002")
    until(lambda: LegAnswered(idle) in engine.told)
    engine.stop()
    successor = Engine(switch.port)
    try:
        until(lambda: idle not in switch.core.channels)  # a leg that nobody waits for any more
        assert switch.core.channels[caller].variables[TALKS] == leg
        assert successor.calls.live[caller].talking
        switch.core.channels[leg].hangup("NORMAL_CLEARING")
        until(lambda: caller in successor.calls.arrived)
        until(lambda: len(switch.core.channels) == 1)
    finally:
        successor.stop()


def test_an_engine_that_dies_in_a_talk_that_the_caller_ends(switch: EmbeddedSwitch, engine: Engine) -> None:
    caller, _ = talking(switch, engine)
    engine.stop()
    successor = Engine(switch.port)
    try:
        switch.core.channels[caller].hangup("NORMAL_CLEARING")
        until(lambda: not switch.core.channels)
    finally:
        successor.stop()


def test_an_engine_that_dies_in_a_conference(switch: EmbeddedSwitch, engine: Engine) -> None:
    caller, leg = talking(switch, engine)
    third = engine.ring("user/1002")
    until(lambda: LegAnswered(third) in engine.told)
    engine.legs.conference("room", [caller, leg, third])
    until(lambda: len([event for event in engine.told if isinstance(event, ConferenceJoined)]) == 3)
    engine.stop()
    successor = Engine(switch.port)
    try:
        assert successor.calls.live[caller].talking
        room = switch.core.rooms["room"]
        # The beat that the successor has waited for went over the same link after all that it did with what it found:
        # a leg that it hung up is no longer ready, whether or not it has left the room yet.
        assert [uuid for uuid in (caller, leg, third) if not switch.core.channels[uuid].ready()] == [], "they talk on"
        assert len(room.members) == 3
        successor.legs.wire.api("conference", "room", "kick", str(room.number(switch.core.channels[caller])))
        until(lambda: caller in successor.calls.arrived)
    finally:
        successor.stop()


def test_a_conference_over_a_gap(switch: EmbeddedSwitch, engine: Engine) -> None:
    caller, leg = talking(switch, engine)
    engine.legs.conference("room", [caller, leg])
    until(lambda: len([event for event in engine.told if isinstance(event, ConferenceJoined)]) == 2)
    pair = engine.driver.links._pair
    assert pair is not None
    pair.events.fail(LinkLost("cut by the test"))
    room = switch.core.rooms["room"]
    for number in list(room.members):
        command(switch.core, f"room kick {number}")
    until(lambda: engine.driver.epoch == 2)
    until(lambda: len([event for event in engine.told if isinstance(event, ConferenceLeft)]) == 2)
    engine.legs.play(caller, 1, ["tone_stream://%(20,0,440)"])
    until(lambda: LegPlayed(caller, 1) in engine.told)


def test_who_is_registered_is_told_at_the_start(engine: Engine) -> None:
    until(lambda: PhoneRegistered("1001") in engine.told)
    assert len([event for event in engine.told if isinstance(event, PhoneRegistered)]) == 20


def test_without_a_link_a_phone_cannot_be_rung(switch: EmbeddedSwitch, engine: Engine) -> None:
    switch.stop()
    until(lambda: not engine.driver.up)
    leg = engine.ring("user/1001")
    until(lambda: LegFailed(leg, "failed") in engine.told)


@pytest.mark.parametrize("address", ["", "1001", "fax/1001", "user/", "user/1 2", "user/1\n"])
def test_what_is_no_phone(address: str) -> None:
    with pytest.raises(CtiError) as refused:
        Phone(address)
    assert refused.value.code == "bad-phone"


def test_a_phone_is_answered_in_one_of_three_ways() -> None:
    assert Phone("user/1001", remote_answer="talk_event").kind == "user"
    with pytest.raises(CtiError):
        Phone("user/1001", remote_answer="magic")
