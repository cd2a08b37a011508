"""A leg that we have rung becomes a call: it is played to and heard as a caller's, over a gap in the events as well."""

from __future__ import annotations

from cti.core.calls import Caller, NewCall
from cti.core.events import DigitPressed, HungUp, PlayEnded
from cti.core.legs import LegHungUp

from .legs_desk import SHORT, LegsDesk, Person
from .rig import LIMIT_S, wait_for


def met(legs: LegsDesk) -> Person:
    person = legs.agent("1001")
    caller = Caller("8613800138000", "", "95001")
    legs.legs.meet(person.leg, NewCall(person.leg, legs.driver.name, caller, answered=True, flow="any"))
    assert legs.legs.own == {}
    assert person.leg in legs.driver.legs
    assert person.leg in legs.driver.guard._held
    return person


def plays(legs: LegsDesk, person: Person, ref: int) -> None:
    legs.driver.play(person.leg, ref, [SHORT])
    wait_for(lambda: (person.leg, PlayEnded(ref)) in legs.calls.events, f"{person.leg} hears {ref}")


def test_it_is_a_call_like_any_other(legs: LegsDesk) -> None:
    person = met(legs)
    plays(legs, person, 1)
    person.on.press("5")
    wait_for(lambda: (person.leg, DigitPressed("5")) in legs.calls.events, "the key is the flow's")
    person.on.hang_up()
    wait_for(lambda: (person.leg, HungUp("NORMAL_CLEARING")) in legs.calls.events, "its end is the engine's")
    legs.wait(LegHungUp(person.leg, "NORMAL_CLEARING"))
    assert person.leg not in legs.driver.legs


def test_it_outlives_a_gap_in_the_events(legs: LegsDesk) -> None:
    person = met(legs)
    epoch = legs.driver.epoch
    legs.rig.cut(legs.driver.links)
    wait_for(lambda: legs.driver.epoch > epoch and legs.driver.up, "the links are back", 2 * LIMIT_S)
    plays(legs, person, 2)
    legs.driver.hangup(person.leg, "NORMAL_CLEARING")
    wait_for(lambda: (person.leg, HungUp("NORMAL_CLEARING")) in legs.calls.events, "it is hung up")


def test_a_leg_that_is_gone_is_no_call(legs: LegsDesk) -> None:
    person = legs.agent("1001")
    person.on.hang_up()
    legs.wait(LegHungUp(person.leg, "NORMAL_CLEARING"))
    caller = Caller("8613800138000", "", "95001")
    legs.legs.meet(person.leg, NewCall(person.leg, legs.driver.name, caller, answered=True, flow="any"))
    assert person.leg not in legs.driver.legs
