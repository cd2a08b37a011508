"""Agents at work: the offer, the talk, a third party, and every way in which one of them may go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cti.acd import Profile
from cti.acd import outputs as o
from cti.acd.states import ContactState, Presence
from cti.core.legs import Phone
from cti.runtime.floor.desk import Desk
from cti.runtime.floor.owner import FloorRefused
from cti.runtime.floor.talk import Stage
from cti.switch.embedded import VirtualCaller

from .platform import Platform, legs, summary, uuid_of


class Floor:
    """The floor of a platform, with agents signed in: anna on 1001, bert on 1002, cleo on 1003."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.parts = platform.application.floor
        self.facts: list[o.Output] = []
        self.parts.owner.listeners.append(self.facts.append)

    @property
    def desk(self) -> Desk:
        return self.parts.desk

    def sign_in(self, agent: str, extension: str, **phone: Any) -> None:
        self.platform.phone(extension, **({"answer_after": 0.05} | phone))
        self.parts.lines.sign_in(Profile(agent, {"person": 1}), Phone(f"user/{extension}"))
        self.parts.lines.set_ready(agent)

    def state(self, contact: str) -> ContactState | None:
        case = self.parts.owner.acd.floor.cases.get(contact)
        return None if case is None else case.state

    def until(self, true: Callable[[], Any], what: str) -> Any:
        return self.platform.until(true, f"{what}; facts {self.facts[-6:]}")

    def talk(self, flow: str = "desk") -> VirtualCaller:
        """A caller who talks with an agent."""
        caller = self.platform.call(flow)
        self.until(lambda: self.state(uuid_of(caller)) is ContactState.TALKING, "they talk")
        return caller

    def bridged(self, one: str, other: str) -> bool:
        core = self.platform.switch.core
        channel = core.channels.get(one)
        return channel is not None and channel.variables.get("bridge_to") == other

    def leg(self, agent: str) -> str:
        desk = self.parts.owner.acd.floor.desks[agent]
        for contact in desk.contacts:
            if (talk := self.parts.talks.find(contact)) is not None:
                return talk.leg
        raise AssertionError(f"{agent} has no talk")

    def presence(self, agent: str) -> tuple[Presence, str]:
        desk = self.parts.owner.acd.floor.desks[agent]
        return desk.presence, desk.reason

    def kinds(self, *kinds: type[Any]) -> list[Any]:
        return [fact for fact in self.facts if isinstance(fact, kinds)]


@pytest.fixture
def floor(platform: Platform) -> Floor:
    floor = Floor(platform)
    floor.sign_in("anna", "1001")
    return floor


def with_bert(floor: Floor, **phone: Any) -> None:
    floor.sign_in("bert", "1002", **phone)
    floor.parts.lines.set_not_ready("bert", "study")


def ready(floor: Floor, agent: str) -> None:
    floor.parts.lines.set_ready(agent)


def consulting(floor: Floor) -> VirtualCaller:
    """Whom anna has put on hold, to talk with bert."""
    with_bert(floor)
    caller = floor.talk()
    contact = uuid_of(caller)
    ready(floor, "bert")
    floor.desk.consult("anna", contact, "agent", "bert")
    floor.until(lambda: floor.state(f"{contact}~1") is ContactState.TALKING, "bert talks with anna")
    return caller


def test_the_agent_hears_who_it_is_then_they_talk_then_there_is_work(floor: Floor) -> None:
    caller = floor.talk()
    contact = uuid_of(caller)
    heard = floor.platform.switch.core.directory.phones["1001"].calls[-1].log
    assert [sound.text for sound in heard if sound.kind == "say"] == ["A customer."]
    floor.desk.hang_up("anna", contact)
    assert floor.state(contact) is ContactState.WORK
    detail = floor.platform.over(caller)
    assert summary(detail) == ("flow_end", "talked", ("helped",))
    assert [role for role, _ in legs(detail)] == ["caller", "agent"]
    floor.desk.finish_work("anna", contact)
    assert floor.state(contact) is None
    [handled] = floor.kinds(o.Handled)
    assert (handled.agent, handled.queue, handled.ended_by) == ("anna", "desk", "agent")
    assert handled.talk_s > 0


def test_a_caller_who_asks_again_while_the_agent_has_work_with_the_last_talk(floor: Floor) -> None:
    caller = floor.talk("twice")
    uuid = uuid_of(caller)
    floor.sign_in("bert", "1002")
    floor.desk.hang_up("anna", uuid)
    [again] = floor.until(
        lambda: [entered.contact for entered in floor.kinds(o.EntryBegan)][1:], "the same caller in the queue again"
    )
    assert again.startswith(f"{uuid}~")
    floor.until(lambda: floor.state(again) is ContactState.TALKING, "bert talks")
    assert floor.state(uuid) is ContactState.WORK
    floor.desk.hang_up("bert", again)
    assert summary(floor.platform.over(caller))[:2] == ("flow_end", "talked")
    floor.desk.finish_work("anna", uuid)
    floor.desk.finish_work("bert", again)
    assert [handled.agent for handled in floor.kinds(o.Handled)] == ["anna", "bert"]


def test_hold_and_retrieve(floor: Floor) -> None:
    caller = floor.talk()
    contact, mark = uuid_of(caller), len(caller.log)
    floor.desk.hold("anna", contact)
    assert floor.state(contact) is ContactState.HOLD
    floor.until(lambda: any(sound.kind == "tone" for sound in caller.log[mark:]), "music on hold")
    caller.press("1")  # while waiting it would mean: leave the line
    floor.until(lambda: floor.platform.events(contact, "DTMF"), "the key has arrived")
    with pytest.raises(FloorRefused) as refused:
        floor.desk.hold("anna", contact)
    assert refused.value.code == "not-talking"
    floor.desk.retrieve("anna", contact)
    assert floor.state(contact) is ContactState.TALKING
    caller.hangup()
    assert summary(floor.platform.over(caller))[0] == "caller_hangup"
    assert floor.state(contact) is ContactState.WORK


def test_a_caller_who_hangs_up_on_hold_frees_the_agent(floor: Floor) -> None:
    caller = floor.talk()
    floor.desk.hold("anna", uuid_of(caller))
    caller.hangup()
    floor.platform.over(caller)
    floor.until(lambda: floor.state(uuid_of(caller)) is ContactState.WORK, "the work")
    floor.until(lambda: not floor.platform.switch.core.channels, "no leg is left")


def test_consult_and_complete(floor: Floor) -> None:
    caller = consulting(floor)
    contact, first, second = uuid_of(caller), floor.leg("anna"), floor.leg("bert")
    assert floor.bridged(first, second)
    floor.desk.complete("anna", contact)
    assert floor.state(contact) is ContactState.WORK
    floor.until(lambda: floor.bridged(contact, second), "bert has the caller")
    assert floor.state(f"{contact}~1") is ContactState.TALKING
    floor.desk.hang_up("bert", f"{contact}~1")
    assert summary(floor.platform.over(caller)) == ("flow_end", "talked", ("helped",))


def test_consult_and_return(floor: Floor) -> None:
    caller = consulting(floor)
    contact = uuid_of(caller)
    floor.desk.return_("anna", contact)
    assert floor.state(contact) is ContactState.TALKING
    assert floor.bridged(contact, floor.leg("anna"))
    assert floor.state(f"{contact}~1") in (None, ContactState.WORK)
    caller.hangup()
    floor.platform.over(caller)


def test_one_who_does_not_answer_is_no_help(floor: Floor) -> None:
    with_bert(floor, answer_after=None)
    caller = floor.talk()
    contact = uuid_of(caller)
    ready(floor, "bert")
    floor.desk.consult("anna", contact, "agent", "bert")
    with pytest.raises(FloorRefused) as refused:
        floor.desk.complete("anna", contact)
    assert refused.value.code == "consult-not-answered"
    floor.until(lambda: floor.presence("bert") == (Presence.NOT_READY, "ring_no_answer"), "bert was not there")
    floor.desk.return_("anna", contact)
    assert floor.state(contact) is ContactState.TALKING
    caller.hangup()
    floor.platform.over(caller)


def test_both_agents_leave_a_conference_at_once(floor: Floor) -> None:
    caller = consulting(floor)
    contact, other = uuid_of(caller), f"{uuid_of(caller)}~1"
    floor.desk.conference("anna", contact)
    talks = [floor.parts.talks.find(one) for one in (contact, other)]
    floor.until(lambda: all(talk and talk.stage is Stage.CONFERENCE for talk in talks), "all three are in it")
    for leg in (floor.leg("bert"), floor.leg("anna")):
        floor.platform.switch.core.channels[leg].hangup("NORMAL_CLEARING")
    assert summary(floor.platform.over(caller)) == ("flow_end", "talked", ("helped",)), "nobody is left in it alone"
    assert {floor.state(one) for one in (contact, other)} <= {ContactState.WORK, None}


def test_conference_and_drop(floor: Floor) -> None:
    caller = consulting(floor)
    contact = uuid_of(caller)
    floor.desk.conference("anna", contact)
    assert floor.state(contact) is ContactState.TALKING
    floor.desk.drop("anna", contact)
    floor.until(lambda: floor.bridged(contact, floor.leg("anna")), "the two talk on")
    caller.hangup()
    floor.platform.over(caller)
    floor.until(lambda: not floor.platform.switch.core.channels, "no leg is left")


def test_an_agent_may_leave_a_conference(floor: Floor) -> None:
    caller = consulting(floor)
    contact = uuid_of(caller)
    floor.desk.conference("anna", contact)
    floor.desk.hang_up("anna", contact)
    floor.until(lambda: floor.bridged(contact, floor.leg("bert")), "bert has the caller")
    floor.desk.hang_up("bert", f"{contact}~1")
    assert summary(floor.platform.over(caller)) == ("flow_end", "talked", ("helped",))


def test_blind_transfer_to_an_agent(floor: Floor) -> None:
    with_bert(floor)
    caller = floor.talk()
    contact = uuid_of(caller)
    ready(floor, "bert")
    floor.desk.transfer("anna", contact, "agent", "bert")
    assert floor.state(contact) is ContactState.WORK
    floor.until(lambda: floor.state(f"{contact}~1") is ContactState.TALKING, "bert has the caller")
    assert floor.bridged(contact, floor.leg("bert"))
    floor.desk.hang_up("bert", f"{contact}~1")
    detail = floor.platform.over(caller)
    assert summary(detail) == ("flow_end", "talked", ("helped",))
    assert [role for role, _ in legs(detail)] == ["caller", "agent", "agent"]


def test_blind_transfer_to_a_queue_and_hang_up_while_waiting(floor: Floor) -> None:
    caller = floor.talk()
    contact, mark = uuid_of(caller), len(caller.log)
    floor.desk.transfer("anna", contact, "queue", "second")
    floor.until(lambda: floor.state(f"{contact}~1") is ContactState.QUEUED, "the caller waits again")
    floor.until(lambda: any(sound.kind == "tone" for sound in caller.log[mark:]), "music")
    caller.hangup()
    floor.platform.over(caller)
    assert floor.state(f"{contact}~1") is None
    ended = [(fact.queue, str(fact.outcome)) for fact in floor.kinds(o.EntryEnded)]
    assert ended == [("desk", "answered"), ("second", "abandoned")]


def test_targets_that_are_not_to_be_had(floor: Floor) -> None:
    caller = floor.talk()
    contact = uuid_of(caller)
    for kind, target, code in [
        ("agent", "bert", "agent-not-signed-in"),
        ("queue", "nowhere", "unknown-queue"),
        ("extension", "10,02", "destination-denied"),
        ("fax", "1", "bad-target"),
    ]:
        with pytest.raises(Exception) as refused:
            floor.desk.consult("anna", contact, kind, target)
        assert getattr(refused.value, "code", "") == code, (kind, target, refused.value)
        assert floor.state(contact) is ContactState.TALKING  # the customer is not put on hold for it
    with pytest.raises(FloorRefused) as foreign:
        floor.desk.hold("bert", contact)
    assert foreign.value.code == "unknown-contact"
    caller.hangup()
    floor.platform.over(caller)


def test_a_phone_that_is_not_answered_makes_the_agent_not_ready(floor: Floor) -> None:
    floor.platform.phone("1001", answer_after=None)
    caller = floor.platform.call("desk")
    floor.until(lambda: floor.presence("anna") == (Presence.NOT_READY, "ring_no_answer"), "nobody came")
    assert floor.state(uuid_of(caller)) is ContactState.QUEUED
    floor.platform.phone("1001", answer_after=0.05)
    ready(floor, "anna")
    floor.until(lambda: floor.state(uuid_of(caller)) is ContactState.TALKING, "they talk")
    caller.hangup()
    floor.platform.over(caller)


def test_a_caller_who_leaves_during_the_whisper_frees_the_agent(floor: Floor) -> None:
    caller = floor.platform.call("desk")
    phone = floor.platform.switch.core.directory.phones["1001"]
    floor.until(lambda: phone.calls and any(sound.kind == "say" for sound in phone.calls[-1].log), "the whisper")
    caller.hangup()
    floor.platform.over(caller)
    assert floor.presence("anna")[0] is Presence.READY
    floor.until(lambda: not floor.platform.switch.core.channels, "no leg is left")
    assert [str(fact.outcome) for fact in floor.kinds(o.EntryEnded)] == ["abandoned"]


def test_talks_of_the_queue_are_recorded_and_the_agent_can_pause_it(floor: Floor) -> None:
    caller = floor.talk()
    contact = uuid_of(caller)
    floor.desk.pause_recording("anna", contact, True)
    floor.desk.pause_recording("anna", contact, False)
    caller.hangup()
    [kept] = floor.platform.over(caller).recordings
    assert (kept.kind, len(kept.paused), kept.error) == ("talk", 1, "")
    began = next(fact.at for fact in floor.facts if isinstance(fact, o.EntryEnded))
    assert kept.started_at >= began - 0.5, "what was said in the queue is not in it"
