"""Permanent legs: rung once at sign-in, used for every contact, and hung up when the agent has gone."""

from __future__ import annotations

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
from cti.runtime.floor.permanent import PERMANENT, LegState
from cti.runtime.floor.seats import phone_of
from cti.switch.embedded.phones import PhoneBehaviour

from .permanentkit import OPEN, House, house, said, shared
from .platform import legs, summary

__all__ = ["house", "shared"]  # fixtures


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
