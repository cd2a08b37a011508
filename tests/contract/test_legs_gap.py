"""Legs when the link is cut: what happened meanwhile is found out, and told once."""

from __future__ import annotations

from uuid import uuid4

from cti.core.legs import (
    LegAnswered,
    LegFailed,
    LegHungUp,
    LegsBridged,
    LegsUnbridged,
)
from cti.switch.legs.own import MARK

from .legs_desk import LegsDesk
from .rig import LIMIT_S, WORKER, Treats, wait_for
from .tap import Tap


def cut(legs: LegsDesk) -> int:
    """Cut, and wait until it is mended; how much had been told before."""
    since, epoch = len(legs.told), legs.driver.epoch
    legs.rig.cut(legs.driver.links)
    wait_for(lambda: legs.driver.epoch > epoch and legs.driver.up, "the links are back", 2 * LIMIT_S)
    return since


def test_a_talk_goes_on(legs: LegsDesk) -> None:
    caller, agent = legs.caller(), legs.agent()
    legs.talk(caller, agent)
    since = cut(legs)
    legs.desk.settle(0.2)
    assert legs.of(LegHungUp, LegsUnbridged) == []
    assert legs.told[since:].count(LegsBridged(caller.leg, agent.leg)) == 0
    assert legs.talk_heard(caller, agent)
    assert caller.leg not in legs.driver.guard._held
    legs.legs.unbridge(caller.leg, agent.leg)
    legs.wait(LegsUnbridged(caller.leg, agent.leg))
    assert legs.in_our_hands(caller)
    assert legs.in_our_hands(agent)


def test_an_agent_hangs_up_unheard(legs: LegsDesk, tap: Tap) -> None:
    caller, agent, idle = legs.caller(), legs.agent("1001"), legs.agent("1002")
    legs.talk(caller, agent)
    epoch = legs.driver.epoch
    legs.rig.cut(legs.driver.links)
    agent.on.hang_up()
    idle.on.hang_up()
    tap.wait("CHANNEL_HANGUP_COMPLETE", agent.leg)
    tap.wait("CHANNEL_HANGUP_COMPLETE", idle.leg)
    wait_for(lambda: legs.driver.epoch > epoch and legs.driver.up, "the links are back", 2 * LIMIT_S)
    legs.wait(LegsUnbridged(caller.leg, agent.leg))
    for leg in (agent.leg, idle.leg):
        legs.wait(LegHungUp(leg, ""))
    assert {event.leg for event in legs.of(LegHungUp) if isinstance(event, LegHungUp)} == {agent.leg, idle.leg}
    assert legs.in_our_hands(caller)


def test_a_phone_answers_unheard(legs: LegsDesk, tap: Tap) -> None:
    phone = legs.rig.phone("1001", Treats.RINGS)
    leg = legs.ring("user/1001")
    wait_for(lambda: phone.rung == 1, "it rings")
    epoch = legs.driver.epoch
    legs.rig.cut(legs.driver.links)
    phone.answer()
    tap.wait("CHANNEL_PARK", leg)
    wait_for(lambda: legs.driver.epoch > epoch and legs.driver.up, "the links are back", 2 * LIMIT_S)
    legs.wait(LegAnswered(leg))
    assert legs.of(LegAnswered, LegFailed) == [LegAnswered(leg)]


def test_a_phone_rings_on_over_the_gap(legs: LegsDesk) -> None:
    phone = legs.rig.phone("1001", Treats.RINGS)
    leg = legs.ring("user/1001")
    wait_for(lambda: phone.rung == 1, "it rings")
    cut(legs)
    phone.answer()
    legs.wait(LegAnswered(leg))


def test_a_phone_fails_after_the_gap(legs: LegsDesk) -> None:
    phone = legs.rig.phone("1001", Treats.RINGS)
    leg = legs.ring("user/1001", ring_s=3.0)
    wait_for(lambda: phone.rung == 1, "it rings")
    cut(legs)
    legs.wait(LegFailed(leg, "no_answer"), 2 * LIMIT_S)


def test_a_leg_of_an_earlier_engine_is_hung_up(legs: LegsDesk, tap: Tap) -> None:
    legs.rig.phone("1001", Treats.ANSWERS)
    leg = str(uuid4())
    variables = f"{{origination_uuid={leg},presence_data={WORKER},{MARK}=true}}"
    tap.command(f"bgapi originate {variables}user/1001@{legs.rig.domain} &park()")
    tap.wait("CHANNEL_HANGUP_COMPLETE", leg)
    assert legs.of(LegAnswered, LegHungUp) == []
