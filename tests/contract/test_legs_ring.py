"""Agents' phones: ringing, answering, whispering, keys, registrations."""

from __future__ import annotations

from uuid import uuid4

import pytest

from cti.core.errors import CtiError
from cti.core.legs import (
    LegAnswered,
    LegDigit,
    LegFailed,
    LegHungUp,
    LegPlayed,
    LegRinging,
    PhoneRegistered,
    PhoneUnregistered,
)

from .legs_desk import LONG, SHORT, LegsDesk, Person
from .rig import Treats, wait_for


def test_a_phone_rings_and_answers_and_hangs_up(legs: LegsDesk) -> None:
    agent = legs.agent()
    assert legs.of(LegRinging, LegAnswered, LegFailed) == [LegRinging(agent.leg), LegAnswered(agent.leg)]
    legs.legs.hang_up(agent.leg, "NORMAL_CLEARING")
    legs.wait(LegHungUp(agent.leg, "NORMAL_CLEARING"))
    wait_for(lambda: agent.on.ended, "the phone sees the end")
    assert legs.legs.own == {}


def test_an_agent_hangs_up(legs: LegsDesk) -> None:
    agent = legs.agent()
    agent.on.hang_up()
    legs.wait(LegHungUp(agent.leg, "NORMAL_CLEARING"))


def test_a_phone_that_rings_by_sound_rings(legs: LegsDesk) -> None:
    phone = legs.rig.phone("1001", Treats.EARLY)
    leg = legs.ring("user/1001")
    legs.wait(LegRinging(leg))
    phone.answer()
    legs.wait(LegAnswered(leg))
    assert legs.in_our_hands(Person(leg, phone))
    legs.legs.hang_up(leg)
    legs.wait(LegHungUp(leg, "NORMAL_CLEARING"))
    assert legs.of(LegRinging, LegAnswered, LegFailed) == [LegRinging(leg), LegAnswered(leg)]


@pytest.mark.parametrize(
    ("treats", "outcome"),
    [
        (Treats.BUSY, "busy"),
        (Treats.RINGS, "no_answer"),
        (Treats.REJECTS, "rejected"),
        (Treats.ABSENT, "unregistered"),
    ],
)
def test_a_phone_that_does_not_answer(legs: LegsDesk, treats: Treats, outcome: str) -> None:
    legs.rig.phone("1002", treats)
    # Only who lets it ring is given up; the others tell, however slow the machine.
    leg = legs.ring("user/1002", ring_s=1.0 if treats is Treats.RINGS else 30.0)
    legs.wait(LegFailed(leg, outcome))
    legs.desk.settle(0.1)
    assert legs.of(LegAnswered, LegFailed, LegHungUp) == [LegFailed(leg, outcome)]
    assert legs.legs.own == {}


def test_a_phone_that_nobody_has(legs: LegsDesk) -> None:
    leg = legs.ring("user/4711")
    legs.wait(LegFailed(leg, "unregistered"))


def test_ringing_is_taken_back(legs: LegsDesk) -> None:
    phone = legs.rig.phone("1003", Treats.RINGS)
    leg = legs.ring("user/1003")
    wait_for(lambda: phone.rung == 1, "it rings")
    legs.legs.stop(leg)
    legs.wait(LegFailed(leg, "cancelled"))
    wait_for(lambda: phone.ended, "it stops ringing")


def test_ringing_is_taken_back_at_once(legs: LegsDesk) -> None:
    """The channel does not exist yet, or is being answered this very moment."""
    legs.rig.phone("1001", Treats.ANSWERS)
    leg = legs.ring("user/1001")
    legs.legs.stop(leg)
    legs.wait(LegFailed(leg, "cancelled"))
    wait_for(lambda: legs.desk.api("uuid_exists", leg) == "false", "no leg is left")
    assert legs.of(LegAnswered, LegHungUp) == []


def test_a_leg_is_rung_once(legs: LegsDesk) -> None:
    phone = legs.rig.phone("1001", Treats.ANSWERS)
    leg = legs.ring("user/1001")
    legs.ring("user/1001", leg)
    legs.wait(LegAnswered(leg))
    legs.ring("user/1001", leg)
    legs.legs.hang_up(leg)
    legs.wait(LegHungUp(leg, "NORMAL_CLEARING"))
    legs.ring("user/1001", leg)
    legs.desk.settle(0.2)
    assert phone.rung == 1


def test_a_phone_that_heeds_the_header_is_answered_from_here(legs: LegsDesk) -> None:
    phone = legs.rig.phone("1001", Treats.ITSELF)
    leg = legs.ring("user/1001", remote_answer="auto_answer")
    legs.wait(LegRinging(leg))
    legs.desk.settle(0.2)
    assert legs.of(LegAnswered) == []  # it was not asked to
    legs.legs.answer(leg)
    legs.legs.answer(leg)
    legs.wait(LegAnswered(leg))
    assert phone.rung == 2
    assert legs.of(LegRinging, LegAnswered, LegFailed, LegHungUp) == [LegRinging(leg), LegAnswered(leg)]
    legs.legs.hang_up(leg)
    legs.wait(LegHungUp(leg, "NORMAL_CLEARING"))


def test_it_may_be_answered_by_hand_as_well(legs: LegsDesk) -> None:
    phone = legs.rig.phone("1001", Treats.RINGS)
    leg = legs.ring("user/1001", remote_answer="auto_answer")
    wait_for(lambda: phone.rung == 1, "it rings")
    phone.answer()
    legs.wait(LegAnswered(leg))
    legs.legs.answer(leg)  # too late, and no matter
    assert legs.in_our_hands(Person(leg, phone))
    assert phone.rung == 1
    legs.legs.hang_up(leg)
    legs.wait(LegHungUp(leg, "NORMAL_CLEARING"))


def test_ringing_is_taken_back_while_the_phone_is_made_to_answer(legs: LegsDesk) -> None:
    phone = legs.rig.phone("1001", Treats.ITSELF)
    leg = legs.ring("user/1001", remote_answer="auto_answer")
    wait_for(lambda: phone.rung == 1, "it rings")
    legs.legs.answer(leg)
    legs.legs.stop(leg)
    legs.wait(LegFailed(leg, "cancelled"))
    wait_for(lambda: legs.desk.api("uuid_exists", leg) == "false", "no leg is left")
    assert legs.of(LegAnswered, LegHungUp) == []


def test_a_phone_that_does_not_heed_the_header_rings_on(legs: LegsDesk) -> None:
    legs.rig.phone("1001", Treats.RINGS)
    leg = legs.ring("user/1001", ring_s=1.0, remote_answer="auto_answer")
    legs.wait(LegRinging(leg))
    legs.legs.answer(leg)
    legs.wait(LegFailed(leg, "no_answer"), 10.0)


def test_a_phone_is_answered_from_here(legs: LegsDesk) -> None:
    legs.rig.phone("1001", Treats.ON_TALK)
    leg = legs.ring("user/1001", remote_answer="talk_event")
    legs.wait(LegRinging(leg))
    legs.desk.settle(0.2)
    assert legs.of(LegAnswered) == []
    legs.legs.answer(leg)
    legs.wait(LegAnswered(leg))


def test_a_sip_contact_without_registration(legs: LegsDesk) -> None:
    phone = legs.rig.phone("1001", Treats.ANSWERS)
    leg = legs.ring(f"sip/{phone.contact}")
    legs.wait(LegAnswered(leg))


@pytest.mark.parametrize(
    "address",
    [
        "user/1001,user/1002",
        "user/1001&park()",
        "user/1001|error/x",
        "user/{x=y}1001",
        "user/[x=y]1001",
        "number/1900555",
        "number/33123456789",
        "sip/1001@elsewhere.example",
        "sip/1001@127.0.0.1,user/1002",
        "sip/1001@127.0.0.1;transport=tcp",
        "sip/${system(x)}@127.0.0.1",
    ],
)
def test_what_may_not_be_dialled(legs: LegsDesk, address: str) -> None:
    before = set(legs.legs.own)  # of the test before, still hanging up
    with pytest.raises(CtiError) as refused:
        legs.ring(address)
    assert refused.value.code == "destination-denied"
    assert refused.value.remedy
    assert set(legs.legs.own) <= before


@pytest.mark.parametrize(
    "more",
    [
        {"headers": {"X-Call": "a,b"}},
        {"headers": {"X-Call": "a]{b"}},
        {"headers": {"Via": "x"}},
        {"headers": {"X-Call": "a\nb"}},
        {"caller_number": "1&2"},
    ],
)
def test_what_cannot_go_with_a_call(legs: LegsDesk, more: dict[str, object]) -> None:
    with pytest.raises(CtiError) as refused:
        legs.ring("user/1001", **more)
    assert refused.value.code == "bad-header"


def test_a_whisper(legs: LegsDesk) -> None:
    agent = legs.agent()
    legs.legs.play(agent.leg, 1, [SHORT, SHORT])
    legs.legs.play(agent.leg, 2, ["/nowhere/none.wav"])
    legs.wait(LegPlayed(agent.leg, 1))
    legs.wait(LegPlayed(agent.leg, 2, ok=False))


def test_a_whisper_is_stopped(legs: LegsDesk) -> None:
    agent = legs.agent()
    legs.legs.play(agent.leg, 1, [LONG])
    legs.desk.settle(0.2)
    legs.legs.stop_play(agent.leg, 1)
    legs.wait(LegPlayed(agent.leg, 1))


def test_keys(legs: LegsDesk) -> None:
    agent = legs.agent()
    agent.on.press("12#")
    for key in "12#":
        legs.wait(LegDigit(agent.leg, key))
    legs.legs.send_dtmf(agent.leg, "45*")
    wait_for(lambda: agent.on.got == "45*", "three keys at the phone")
    with pytest.raises(CtiError):
        legs.legs.send_dtmf(agent.leg, "4 5")


def test_registrations_are_told(legs: LegsDesk) -> None:
    legs.rig.phone("1005", Treats.ABSENT)
    wait_for(lambda: "1005" not in legs.legs.registry.users, "nobody is there")
    legs.rig.phone("1005", Treats.ANSWERS)
    legs.wait(PhoneRegistered("1005"))
    since = len(legs.told)
    legs.rig.tidy()
    legs.rig.phone("1005", Treats.ABSENT)
    legs.wait(PhoneUnregistered("1005"), after=since)
    legs.ring("user/1005", leg := str(uuid4()))
    legs.wait(LegFailed(leg, "unregistered"))


def test_a_leg_must_have_a_name(legs: LegsDesk) -> None:
    with pytest.raises(CtiError):
        legs.ring("user/1001", "a b")
    assert legs.ring("user/4711", str(uuid4()))


def test_who_is_registered(legs: LegsDesk) -> None:
    legs.rig.phone("1001", Treats.ANSWERS)
    assert legs.legs.registered("1001")
    legs.rig.tidy()
    legs.rig.phone("1001", Treats.ABSENT)
    wait_for(lambda: not legs.legs.registered("1001"), "the phone has left")
    assert not legs.legs.registered("4711")
    assert not legs.legs.registered("1001@elsewhere,user/1002")
