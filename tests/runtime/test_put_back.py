"""Calls and distribution, joined by a bus alone, lose sight of each other: agents' contacts stand as they stood."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import pytest

from cti.acd import outputs as o
from cti.acd.cases import Case
from cti.acd.states import ContactState, Presence
from cti.core.legs import Phone
from cti.ports.cluster import Member
from cti.runtime.cluster.codec import pack
from cti.runtime.floor.permanent import LegState
from cti.runtime.floor.talk import Stage

from .platform import Platform, legs, summary, uuid_of
from .test_floor import Floor


class Apart(Floor):
    def anew(self) -> None:
        """Nobody reached the database, or one of the two was stopped: to each the other is gone, and there again."""
        hub, here = self.platform.hub, []
        before = [self.parts.talks.find(case.contact) for case in self.at_agents()]
        hub.buses["cti/0"].listen("here", lambda message: here.append(message.sender))
        for comes in (False, True):
            for bus in list(hub.buses.values()):
                hub._watched(bus.member, comes)
        self.until(lambda: here, "the leader says that it is here")
        self.until(lambda: not self.unsettled(), "it is known what became of everything")
        after = [self.parts.talks.find(case.contact) for case in self.at_agents()]
        assert len(after) == len(before)
        assert None not in after
        assert not set(map(id, before)) & set(map(id, after)), "they are made anew"

    def unsettled(self) -> list[str]:
        return [left.contact for left in self.parts.talks_back.lefts()]

    def confers(self, contact: str) -> bool:
        talk = self.parts.talks.find(contact)
        return talk is not None and talk.stage is Stage.CONFERENCE

    def at_agents(self) -> list[Case]:
        cases = self.parts.owner.acd.floor.cases.values()
        return [case for case in cases if case.state in (ContactState.TALKING, ContactState.HOLD)]


@pytest.fixture
def floor(make_platform: Callable[..., Platform]) -> Apart:
    floor = Apart(make_platform(apart=True))
    floor.sign_in("anna", "1001")
    return floor


def over(floor: Apart, contact: str, uuid: str) -> None:
    """Once, and with one agent's leg."""
    floor.until(lambda: floor.state(contact) is ContactState.WORK, "there is work")
    floor.desk.finish_work("anna", contact)
    [handled] = floor.kinds(o.Handled)
    assert (handled.contact, handled.agent) == (contact, "anna")
    assert uuid == contact


def test_a_talk_stands(floor: Apart) -> None:
    caller = floor.talk()
    contact, leg = uuid_of(caller), floor.leg("anna")
    floor.anew()
    assert floor.bridged(contact, leg)
    assert (floor.leg("anna"), floor.presence("anna")[0]) == (leg, Presence.READY)
    floor.desk.hold("anna", contact)
    floor.until(lambda: floor.state(contact) is ContactState.HOLD, "on hold")
    floor.desk.retrieve("anna", contact)
    floor.until(lambda: floor.bridged(contact, leg), "they talk again")
    floor.desk.hang_up("anna", contact)
    over(floor, contact, contact)
    detail = floor.platform.over(caller)
    assert summary(detail) == ("flow_end", "talked", ("helped",))
    assert [role for role, _ in legs(detail)] == ["caller", "agent"]


def test_who_is_on_hold_stays_there(floor: Apart) -> None:
    caller = floor.talk()
    contact, leg = uuid_of(caller), floor.leg("anna")
    floor.desk.hold("anna", contact)
    floor.until(lambda: floor.state(contact) is ContactState.HOLD, "on hold")
    floor.anew()
    assert floor.state(contact) is ContactState.HOLD
    floor.desk.retrieve("anna", contact)
    floor.until(lambda: floor.bridged(contact, leg), "they talk again")
    caller.hangup()
    over(floor, contact, contact)


def test_a_consultation_and_a_conference_stand(floor: Apart) -> None:
    caller = floor.talk()
    contact = uuid_of(caller)
    floor.sign_in("bert", "1002")
    floor.desk.consult("anna", contact, "agent", "bert")
    floor.until(lambda: len(floor.at_agents()) == 2, "bert is asked")
    [other] = [case.contact for case in floor.at_agents() if case.contact != contact]
    floor.until(lambda: floor.state(other) is ContactState.TALKING, "they consult")
    floor.anew()
    floor.desk.conference("anna", contact)
    floor.until(lambda: floor.confers(contact) and floor.confers(other), "all three are in it")
    floor.anew()
    assert floor.confers(contact)
    assert floor.confers(other)
    floor.desk.hang_up("anna", contact)
    over(floor, contact, contact)
    floor.until(lambda: floor.state(other) is ContactState.TALKING, "bert has the caller")
    caller.hangup()
    floor.until(lambda: floor.state(other) is ContactState.WORK, "bert has work")


def test_a_phone_that_rang_is_stopped_and_the_caller_keeps_the_place(floor: Apart) -> None:
    floor.platform.phone("1001", answer_after=None)
    caller = floor.platform.call("desk")
    contact = uuid_of(caller)
    phone = floor.platform.switch.core.directory.phones["1001"]
    floor.until(lambda: [call for call in phone.calls if call.channel.up() or not call.cause], "it rings")
    floor.until(lambda: floor.state(contact) is ContactState.RESERVED, "anna is asked")
    floor.platform.phone("1001", answer_after=0.05)
    floor.anew()
    floor.until(lambda: floor.state(contact) is ContactState.TALKING, "anna is asked again")
    assert len(floor.kinds(o.OfferMade)) == 2
    caller.hangup()


def test_who_leaves_the_queue_meanwhile_has_no_place(floor: Apart) -> None:
    floor.parts.lines.set_not_ready("anna", "study")
    caller = floor.platform.call("desk")
    contact = uuid_of(caller)
    floor.until(lambda: floor.state(contact) is ContactState.QUEUED, "it waits")
    hub = floor.platform.hub
    for bus in list(hub.buses.values()):
        hub._watched(bus.member, False)
    floor.until(lambda: floor.parts.owner.acd.floor.cases[contact].suspended, "nobody is to be rung for it")
    caller.hangup()
    floor.until(lambda: not floor.platform.application.engine.is_up(contact), "it is over")
    assert floor.state(contact) is ContactState.QUEUED
    for bus in list(hub.buses.values()):
        hub._watched(bus.member, True)
    floor.until(lambda: floor.state(contact) is None, "its place is free")


def test_an_idle_permanent_leg_stands(floor: Apart) -> None:
    floor.parts.lines.sign_out("anna")
    floor.sign_in("bert", "1002")
    floor.parts.permanent.open("bert", Phone("user/1002", "permanent_leg"))
    held = floor.parts.permanent.find("bert")
    assert held is not None
    floor.until(lambda: held.state is LegState.OPEN, "it stands")
    leg = held.leg
    floor.anew()
    floor.until(lambda: floor.presence("bert")[1] != "failover", "that is known")
    assert (held.state, held.leg) == (LegState.OPEN, leg)
    assert leg in floor.platform.switch.core.channels
    floor.parts.lines.sign_out("bert")


def test_another_worker_tells_first_that_it_has_the_calls(floor: Apart) -> None:
    """The leader finds out only then that the first one is gone: nothing of the talk is lost with it."""
    caller = floor.talk()
    contact, hub = uuid_of(caller), floor.platform.hub
    other = hub.join(Member("cti/1", "run-other", frozenset({"flow"}), switches=("fs",)))
    asked: list[str] = []
    other.listen("", lambda message: asked.append(message.kind))
    wish = floor.parts.callers._callers[contact].who.wish
    told = {"uuid": contact, "number": 1, "switch": "fs", "wish": pack(wish), "screen": {}}
    acd = hub.buses["cti/acd"]
    other.send(acd.me, acd.run, "queue.back", {**told, "talking": True, "connected": True, "agent": "anna"})
    floor.until(lambda: "leg.keep" in asked and "call.taken" in asked, "it is asked for the leg")
    hub.leave(hub.buses["cti/0"])
    gevent.sleep(0)
    gevent.sleep(0)
    assert (floor.state(contact), floor.unsettled()) == (ContactState.TALKING, [contact])
    floor.platform.switch.core.directory.phones["1001"].calls[-1].channel.hangup("NORMAL_CLEARING")
    caller.hangup()
