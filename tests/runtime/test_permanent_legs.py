"""Permanent legs: rung once at sign-in, used for every contact, and every way in which one of them may go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from cti.acd import Profile
from cti.acd import inputs as i
from cti.acd import outputs as o
from cti.acd.states import ContactState, Presence
from cti.core.legs import Phone
from cti.core.people import AgentProfile, RemoteAnswer
from cti.runtime.floor import permanent
from cti.runtime.floor.owner import FloorRefused
from cti.runtime.floor.permanent import PERMANENT, LegState, PermanentLeg
from cti.runtime.floor.seats import phone_of
from cti.switch.embedded import VirtualCaller
from cti.switch.embedded.phones import PhoneBehaviour, PhoneLeg, VirtualPhone

from .platform import Platform, legs, summary, uuid_of
from .test_floor import Floor

OPEN = PhoneBehaviour(answer_after=0.02)


class House:
    """One engine for all tests of this page. Each begins and ends with nobody there."""

    def __init__(self, platform: Platform) -> None:
        self.platform, self.floor = platform, Floor(platform)
        self.parts = self.floor.parts
        self.told: list[tuple[str, str, str]] = []
        self.parts.hub.listeners.append(self._hear)
        queue = self.parts.owner.acd.floor.queues["desk"].config
        self.parts.owner.tell(i.SetQueue(replace(queue, ring_s=60.0, wrapup_s=0.0)))

    def _hear(self, event: Any, _at: float, data: Any) -> None:
        if event.type == "agent.phone_changed":
            self.told.append((data["agent"], data["state"], data["reason"]))

    def phone(self, number: str) -> VirtualPhone:
        return self.platform.switch.core.directory.phones[number]

    def held(self, agent: str = "anna") -> PermanentLeg:
        found = self.parts.permanent.find(agent)
        assert found is not None
        return found

    def sign_in(self, agent: str = "anna", number: str = "1004", *, ready: bool = True, **how: Any) -> PhoneLeg:
        """The call that the phone has."""
        self.phone(number).behaviour = replace(OPEN, **how)
        rung = len(self.phone(number).calls)
        self.parts.lines.sign_in(Profile(agent, {"person": 1}), Phone(f"user/{number}", "permanent_leg"), agent)
        self.opened(agent)
        assert len(self.phone(number).calls) == rung + 1
        if ready:
            self.parts.lines.set_ready(agent)
        return self.phone(number).calls[-1]

    def opened(self, agent: str = "anna") -> None:
        self.until(lambda: self.held(agent).state is LegState.OPEN, "the leg is open")

    def down(self, agent: str = "anna") -> None:
        self.until(lambda: self.held(agent).state is LegState.DOWN, "the leg is down")

    def until(self, true: Any, what: str) -> Any:
        return self.floor.until(true, f"{what}; told {self.told[-6:]}")

    def offered(self, **caller: Any) -> tuple[VirtualCaller, str]:
        caller_ = self.platform.call("desk", **caller)
        contact = uuid_of(caller_)
        self.until(lambda: self.floor.state(contact) is ContactState.RESERVED, "an offer")
        return caller_, contact

    def talk(self, agent: str = "anna") -> tuple[VirtualCaller, str]:
        caller, contact = self.offered()
        self.floor.desk.answer(agent, contact)
        self.until(lambda: self.floor.state(contact) is ContactState.TALKING, "they talk")
        return caller, contact

    def parked(self, call: PhoneLeg) -> None:
        self.until(lambda: call.channel.parked and not call.channel.partner, "the leg waits")

    def together(self, one: str, other: str) -> bool:
        channel = self.platform.switch.core.channels.get(one)
        return channel is not None and channel.bridged and channel.partner == other

    def empty(self) -> None:
        for caller in self.platform.callers:
            caller.hangup()
        for agent, desk in self.parts.owner.acd.floor.desks.items():
            if desk.signed_in and self.parts.lines.find(agent) is not None and agent in ("anna", "bert"):
                self.parts.lines.sign_out(agent, forced=True)
        self.platform.callers.clear()
        self.until(lambda: not self.platform.switch.core.channels, "no leg is left")
        self.until(
            lambda: not self.parts.permanent._by_leg and not self.platform.driver.leg_control.own, "none is held"
        )
        self.told.clear()
        self.floor.facts.clear()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    platform = Platform(tmp_path_factory.mktemp("permanent"))
    yield House(platform)
    platform.stop()


@pytest.fixture
def house(shared: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(permanent, "REOPEN_S", (0.02,) * 5)
    yield shared
    shared.empty()


def said(call: PhoneLeg) -> list[str]:
    return [heard.text for heard in call.log if heard.kind == "say"]


def test_two_contacts_on_a_leg_that_was_rung_once(house: House) -> None:
    call = house.sign_in()
    rung = len(house.phone("1004").calls)
    first, contact = house.talk()
    assert said(call) == ["A customer."]
    assert any(heard.kind == "tone" for heard in call.log), "the offer is heard in the leg"
    house.floor.desk.hang_up("anna", contact)
    detail = house.platform.over(first)
    assert summary(detail) == ("flow_end", "talked", ("helped",))
    assert [leg.leg_id for leg in detail.legs][1] == f"{house.held().leg}~{house.floor.kinds(o.OfferMade)[0].offer}"
    house.parked(call)
    second, contact = house.talk()
    assert house.together(contact, house.held().leg)
    second.hangup()
    assert legs(house.platform.over(second)) == [("caller", "NORMAL_CLEARING"), ("agent", "NORMAL_CLEARING")]
    house.parked(call)
    assert said(call) == ["A customer."] * 2
    assert len(house.phone("1004").calls) == rung
    assert house.floor.presence("anna")[0] is Presence.READY
    assert [state for _, state, _ in house.told] == ["opening", "open"]


def test_no_contact_before_the_leg_is_open(house: House) -> None:
    phone = house.phone("1004")
    phone.behaviour, rung = PhoneBehaviour(answer_after=None), len(phone.calls)
    house.parts.lines.sign_in(Profile("anna", {"person": 1}), Phone("user/1004", "permanent_leg"))
    with pytest.raises(FloorRefused) as refused:
        house.parts.lines.set_ready("anna")
    assert refused.value.code == "phone-not-open"
    [call] = house.until(lambda: phone.calls[rung:], "it rings")
    call.channel.answer()
    house.opened()
    house.parts.lines.set_ready("anna")
    assert house.floor.presence("anna")[0] is Presence.READY


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"refuse": "USER_BUSY"}, "busy"),
        ({"refuse": "CALL_REJECTED"}, "rejected"),
        ({"registered": False}, "unregistered"),
    ],
)
def test_a_phone_that_does_not_open(
    house: House, monkeypatch: pytest.MonkeyPatch, how: dict[str, Any], reason: str
) -> None:
    monkeypatch.setattr(permanent, "REOPEN_S", (3600.0,))
    phone = house.phone("1004")
    phone.behaviour = replace(OPEN, **how)
    house.parts.lines.sign_in(Profile("anna", {"person": 1}), Phone("user/1004", "permanent_leg"))
    house.down()
    assert house.told[-1] == ("anna", "down", reason)
    assert (house.held().timer is None) == (reason == "rejected")
    phone.behaviour = OPEN
    with pytest.raises(FloorRefused) as refused:
        house.parts.lines.set_ready("anna")  # which has it rung again
    assert reason in refused.value.message
    house.opened()
    house.parts.lines.set_ready("anna")


def test_a_phone_that_registers_is_rung_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permanent, "REOPEN_S", (3600.0,))
    core, phone = house.platform.switch.core, house.phone("1004")
    core.set_behaviour(phone, replace(OPEN, registered=False))
    house.parts.lines.sign_in(Profile("anna", {"person": 1}), Phone("user/1004", "permanent_leg"))
    house.down()
    core.set_behaviour(phone, OPEN)
    house.opened()


def test_a_leg_that_dies_is_opened_again_and_the_agent_knows_why(house: House) -> None:
    call = house.sign_in()
    call.channel.hangup("NORMAL_CLEARING")
    house.until(lambda: house.told[-1][1] == "open" and len(house.told) > 2, "it is open again")
    assert [told[1:] for told in house.told] == [
        ("opening", ""), ("open", ""), ("down", "hung_up"), ("opening", ""), ("open", ""),
    ]  # fmt: skip
    assert house.floor.presence("anna") == (Presence.NOT_READY, "phone_down")
    house.parts.lines.set_ready("anna")
    house.talk()


def test_after_some_times_it_is_given_up_until_the_agent_asks(house: House) -> None:
    call = house.sign_in()
    phone = house.phone("1004")
    phone.behaviour = replace(OPEN, refuse="USER_BUSY")
    rung = len(phone.calls)
    call.channel.hangup("NORMAL_CLEARING")
    house.until(lambda: len(phone.calls) == rung + 5, "it is tried five times")
    house.until(lambda: house.held().timer is None and house.held().state is LegState.DOWN, "it is given up")
    assert len(phone.calls) == rung + 5


def test_the_leg_dies_while_a_contact_is_offered(house: House) -> None:
    call = house.sign_in()
    _, contact = house.offered()
    call.channel.hangup("NORMAL_CLEARING")
    house.until(lambda: house.floor.state(contact) is ContactState.QUEUED, "the contact waits again")
    assert house.floor.presence("anna") == (Presence.NOT_READY, "phone_down")
    house.opened()
    house.parts.lines.set_ready("anna")
    house.until(lambda: house.floor.state(contact) is ContactState.RESERVED, "it is offered again")
    house.floor.desk.answer("anna", contact)
    house.until(lambda: house.floor.state(contact) is ContactState.TALKING, "they talk")


@pytest.mark.parametrize("when", ["before", "inside"])
def test_the_leg_dies_while_a_contact_is_bridged_to_it(
    house: House, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    call = house.sign_in()
    control = house.platform.driver.leg_control
    bridge = control.bridge

    def broken(a: str, b: str) -> None:
        if when == "before":
            call.channel.hangup("NORMAL_CLEARING")
        bridge(a, b)
        call.channel.hangup("NORMAL_CLEARING")

    monkeypatch.setattr(control, "bridge", broken)
    caller, contact = house.offered()
    house.floor.desk.answer("anna", contact)
    house.until(lambda: ("anna", "down", "hung_up") in house.told, "the leg is lost")
    monkeypatch.undo()
    house.until(lambda: house.floor.state(contact) is ContactState.QUEUED, "the contact waits again")
    assert not caller.cause
    assert house.floor.presence("anna") == (Presence.NOT_READY, "phone_down")


def test_the_leg_dies_in_a_talk(house: House) -> None:
    call = house.sign_in()
    caller, contact = house.talk()
    call.channel.hangup("NORMAL_CLEARING")
    assert summary(house.platform.over(caller)) == ("flow_end", "talked", ("helped",))
    assert house.floor.state(contact) is None
    assert house.floor.presence("anna") == (Presence.NOT_READY, "phone_down")
    house.opened()


def test_ready_at_the_end_of_work_is_not_taken_without_a_leg(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permanent, "REOPEN_S", (3600.0,))
    call = house.sign_in()
    caller, _ = house.talk()
    house.parts.owner.ask(i.ChooseNext("anna", True))
    call.channel.hangup("NORMAL_CLEARING")
    house.platform.over(caller)
    assert house.floor.presence("anna") == (Presence.NOT_READY, "phone_down")


def test_signing_out_hangs_up(house: House) -> None:
    call = house.sign_in()
    house.parts.lines.sign_out("anna")
    house.until(lambda: call.cause, "the phone sees the end")
    assert house.told[-1] == ("anna", "closed", "")


def test_signing_out_while_the_leg_rings(house: House) -> None:
    phone = house.phone("1004")
    phone.behaviour = PhoneBehaviour(answer_after=None)
    house.parts.lines.sign_in(Profile("anna", {"person": 1}), Phone("user/1004", "permanent_leg"))
    house.until(lambda: house.held().leg in house.platform.switch.core.channels, "it rings")
    call = phone.calls[-1]
    house.parts.lines.sign_out("anna")
    call.channel.answer()  # in the very moment
    house.until(lambda: call.cause, "the phone sees the end")
    assert [state for _, state, _ in house.told] == ["opening", "closed"]


def test_signing_in_and_out_at_once_rings_nobody_for_good(house: House) -> None:
    house.phone("1004").behaviour = OPEN
    for _ in range(3):
        house.parts.lines.sign_in(Profile("anna", {"person": 1}), Phone("user/1004", "permanent_leg"))
        house.parts.lines.sign_out("anna")
    house.until(lambda: not house.platform.switch.core.channels, "no leg is left")
    assert house.parts.permanent.find("anna") is None


def test_a_forced_sign_out_leaves_the_talk_and_hangs_up_after_it(house: House) -> None:
    call = house.sign_in()
    caller, contact = house.talk()
    house.parts.lines.sign_out("anna", forced=True)
    assert house.told[-1] == ("anna", "closed", "")
    assert house.together(contact, call.channel.uuid)
    caller.hangup()
    house.until(lambda: call.cause, "the phone sees the end")


def test_a_second_sign_in_keeps_the_leg_of_the_same_phone_and_hangs_up_that_of_another(house: House) -> None:
    seats, profile = house.parts.seats, AgentProfile("anna", "u-anna", "Anna", "north", phone="1004")
    for number in ("1004", "1005"):
        house.phone(number).behaviour = OPEN
    rung = [len(house.phone(number).calls) for number in ("1004", "1005")]
    seats.sign_in(profile, phone_of("1004", RemoteAnswer.PERMANENT_LEG), "session:1")
    house.opened()
    leg = house.held().leg
    house.parts.lines.set_ready("anna")
    seats.sign_in(profile, phone_of("1004", RemoteAnswer.PERMANENT_LEG), "session:2")
    assert (house.held().leg, house.floor.presence("anna")[0]) == (leg, Presence.READY)
    _, contact = house.talk()
    seats.sign_in(profile, phone_of("1005", RemoteAnswer.PERMANENT_LEG), "session:3")
    assert house.floor.presence("anna") == (Presence.NOT_READY, "phone_down")
    house.opened()
    assert house.together(contact, leg), "the talk goes on where it is"
    house.floor.desk.hang_up("anna", contact)
    house.until(lambda: house.phone("1004").calls[-1].cause, "the first phone is let go")
    assert [len(house.phone(number).calls) for number in ("1004", "1005")] == [rung[0] + 1, rung[1] + 1]
    seats.sign_in(profile, phone_of("1004", RemoteAnswer.NONE), "session:4")
    house.until(lambda: house.phone("1005").calls[-1].cause, "so is the second")
    assert house.parts.permanent.find("anna") is None


def test_consultation_and_conference_of_two_permanent_legs(house: House) -> None:
    anna = house.sign_in()
    _, contact = house.talk()
    bert = house.sign_in("bert", "1005")
    house.floor.desk.consult("anna", contact, "agent", "bert")
    house.floor.desk.answer("bert", f"{contact}~1")
    house.until(lambda: house.floor.state(f"{contact}~1") is ContactState.TALKING, "the two agents talk")
    house.floor.desk.conference("anna", contact)
    house.floor.desk.drop("anna", contact)
    house.parked(bert)
    house.until(lambda: house.together(contact, anna.channel.uuid), "two talk on")
    house.floor.desk.consult("anna", contact, "agent", "bert")
    [again] = list(house.parts.owner.acd.floor.desks["bert"].contacts)
    house.floor.desk.answer("bert", again)
    house.until(lambda: house.floor.state(again) is ContactState.TALKING, "they talk again")
    house.floor.desk.complete("anna", contact)
    house.until(lambda: house.together(contact, bert.channel.uuid), "bert has the caller")
    house.parked(anna)
    house.floor.desk.mute("bert", again, True)
    house.floor.desk.hang_up("bert", again)
    house.parked(bert)
    house.until(lambda: not bert.channel.muted, "the next caller hears bert")
    assert len({anna.channel.uuid, bert.channel.uuid} & house.platform.switch.core.channels.keys()) == 2


def test_who_listens_to_a_talk_does_not_hear_the_next(house: House) -> None:
    house.sign_in()
    _, contact = house.talk()
    house.phone("1003").behaviour = OPEN
    house.parts.supervision.begin("super", "", contact, "listen", Phone("user/1003"))
    watch = house.parts.supervision.find("super", contact)
    assert watch is not None
    house.until(lambda: watch.on, "the supervisor listens")
    house.floor.desk.hang_up("anna", contact)
    house.until(lambda: house.phone("1003").calls[-1].cause, "the supervisor's phone is let go")


def test_a_second_contact_beside_a_talk_rings_the_phone(house: House) -> None:
    house.sign_in(ready=False)
    rung = len(house.phone("1004").calls)
    house.parts.owner.tell(i.SetProfile(Profile("anna", {"person": 1}, {"call": 2})))  # type: ignore[dict-item]
    house.parts.lines.set_ready("anna")
    house.talk()
    _, other = house.offered(number="13800000001")
    with pytest.raises(FloorRefused) as refused:
        house.floor.desk.answer("anna", other)
    assert refused.value.code == "phone-cannot-answer"
    house.until(lambda: house.floor.state(other) is ContactState.TALKING, "the phone was taken up")
    assert len(house.phone("1004").calls) == rung + 1


def test_a_phone_without_a_permanent_leg_can_be_answered_by_its_header(house: House) -> None:
    phone = house.phone("1004")
    phone.behaviour, rung = PhoneBehaviour(answer_after=None, answers_itself=True), len(phone.calls)
    house.parts.lines.sign_in(Profile("anna", {"person": 1}), Phone("user/1004", "auto_answer"))
    house.parts.lines.set_ready("anna")
    _, contact = house.offered()
    house.until(lambda: len(phone.calls) > rung, "it rings")
    house.floor.desk.answer("anna", contact)
    house.until(lambda: house.floor.state(contact) is ContactState.TALKING, "they talk")


def test_every_state_answers_everything() -> None:
    happenings = {happening for _, happening in PERMANENT}
    assert {(str(state), happening) for state in LegState for happening in happenings} == set(PERMANENT)
    assert {cell.to for cell in PERMANENT.values() if not cell.error} == {str(state) for state in LegState}


def test_a_leg_of_an_engine_that_died_is_hung_up_by_the_next(platform: Platform) -> None:
    """What the agent was to be told of is gone with the engine: nobody is signed in."""
    platform.phone("1004", answer_after=0.02)
    floor = platform.application.floor
    floor.lines.sign_in(Profile("anna", {"person": 1}), Phone("user/1004", "permanent_leg"))
    platform.until(lambda: floor.permanent._by_agent["anna"].state is LegState.OPEN, "the leg is open")
    [call] = platform.switch.core.directory.phones["1004"].calls
    platform.cut()
    platform.kill_engine()
    assert not call.cause
    platform.mend(wait=False)
    platform.restart_engine()
    platform.until(lambda: call.cause, "the next engine hangs it up")
    floor = platform.application.floor
    floor.lines.sign_in(Profile("anna", {"person": 1}), Phone("user/1004", "permanent_leg"))
    platform.until(lambda: floor.permanent._by_agent["anna"].state is LegState.OPEN, "the leg is open")
    [_, call] = platform.switch.core.directory.phones["1004"].calls
    platform.kill_engine()  # in order: it hangs up by itself
    platform.until(lambda: call.cause, "an engine that stops hangs up what waits")
    platform.restart_engine()
