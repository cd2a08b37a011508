"""Callers and agents in talks: bridged, parted, held, transferred, parked, and everything that goes wrong."""

from __future__ import annotations

import gevent
import pytest

from cti.core.legs import BridgeFailed, LegAnswered, LegHungUp, LegPlayed, LegsBridged, LegsUnbridged
from cti.esl import Frame
from cti.switch.lane import Lane
from cti.switch.links.pending import Pending
from cti.switch.orders import Kind, Order

from .legs_desk import LONG, MUSIC, SHORT, LegsDesk, Person
from .rig import Treats, wait_for
from .tap import Tap


def test_ring_whisper_talk_and_part(legs: LegsDesk, tap: Tap) -> None:
    caller = legs.caller()
    legs.driver.start_music(caller.leg, [MUSIC])
    tap.wait("PLAYBACK_START", caller.leg)
    agent = legs.agent()
    legs.legs.play(agent.leg, 1, [SHORT])
    legs.wait(LegPlayed(agent.leg, 1))
    assert caller.leg in legs.driver.guard._held
    legs.talk(caller, agent)
    assert caller.leg not in legs.driver.guard._held, "two people who talk must not be torn apart"
    assert legs.talk_heard(caller, agent)
    legs.legs.unbridge(caller.leg, agent.leg)
    legs.wait(LegsUnbridged(caller.leg, agent.leg))
    assert legs.in_our_hands(caller)
    assert legs.in_our_hands(agent)
    assert legs.silent(caller, agent)
    assert caller.leg in legs.driver.guard._held


@pytest.mark.parametrize("agent_first", [False, True])
def test_the_order_of_the_two_does_not_matter(legs: LegsDesk, agent_first: bool) -> None:
    caller, agent = legs.caller(), legs.agent()
    one, other = (agent, caller) if agent_first else (caller, agent)
    legs.talk(one, other)
    agent.on.hang_up()
    legs.wait(LegsUnbridged(one.leg, other.leg))
    legs.wait(LegHungUp(agent.leg, "NORMAL_CLEARING"))
    assert legs.in_our_hands(caller), "the caller stays when the agent hangs up"


def test_the_caller_hangs_up_and_the_agent_stays(legs: LegsDesk) -> None:
    caller, agent = legs.caller(), legs.agent()
    legs.talk(caller, agent)
    caller.on.hang_up()
    legs.wait(LegsUnbridged(caller.leg, agent.leg))
    legs.wait(LegHungUp(caller.leg, "NORMAL_CLEARING"))
    assert legs.in_our_hands(agent)


def test_the_caller_gives_up_while_the_phone_rings(legs: LegsDesk) -> None:
    phone = legs.rig.phone("1001", Treats.RINGS)
    caller = legs.caller()
    leg = legs.ring("user/1001", call=caller.leg)
    wait_for(lambda: phone.rung == 1, "it rings")
    caller.on.hang_up()
    legs.wait(LegHungUp(caller.leg, "NORMAL_CLEARING"))
    phone.answer()
    legs.wait(LegAnswered(leg))
    since = len(legs.told)
    legs.legs.bridge(caller.leg, leg)
    legs.wait(BridgeFailed(caller.leg, leg, "gone"), after=since)
    assert legs.in_our_hands(Person(leg, phone)), "the agent's leg is left to us"


def test_the_agent_dies_inside_the_bridge(legs: LegsDesk) -> None:
    caller, agent = legs.caller(), legs.agent()
    legs.driver.start_music(caller.leg, [MUSIC])
    legs.legs.bridge(caller.leg, agent.leg)
    legs.legs.hang_up(agent.leg)
    legs.wait(BridgeFailed(caller.leg, agent.leg, "gone"))
    legs.wait(LegHungUp(agent.leg, "NORMAL_CLEARING"))
    assert legs.in_our_hands(caller), "the caller stays parked"
    assert caller.leg in legs.driver.guard._held
    second = legs.agent("1002")
    legs.talk(caller, second)
    assert legs.talk_heard(caller, second)


def test_the_agent_died_before_the_bridge(legs: LegsDesk, tap: Tap) -> None:
    caller, agent = legs.caller(), legs.agent()
    legs.driver.start_music(caller.leg, [LONG])
    tap.wait("PLAYBACK_START", caller.leg)
    legs.legs.hang_up(agent.leg)
    legs.legs.bridge(caller.leg, agent.leg)
    legs.wait(BridgeFailed(caller.leg, agent.leg, "gone"))
    legs.desk.settle(0.2)
    assert not [event for event in tap.events if event.name == "PLAYBACK_STOP"], "the music goes on"
    assert legs.in_our_hands(caller)
    assert caller.leg in legs.driver.guard._held


def test_a_talk_is_not_harmed_by_a_bridge_to_nobody(legs: LegsDesk) -> None:
    caller, agent, other = legs.caller(), legs.agent("1001"), legs.agent("1002")
    legs.talk(caller, agent)
    legs.legs.hang_up(other.leg)
    legs.legs.bridge(other.leg, agent.leg)
    legs.wait(BridgeFailed(other.leg, agent.leg, "gone"))
    assert legs.talk_heard(caller, agent)
    assert legs.of(LegsUnbridged) == []
    assert caller.leg not in legs.driver.guard._held
    legs.legs.unbridge(caller.leg, agent.leg)
    legs.wait(LegsUnbridged(caller.leg, agent.leg))
    assert legs.in_our_hands(caller)
    assert legs.in_our_hands(agent)


def test_the_caller_dies_inside_the_bridge(legs: LegsDesk) -> None:
    caller, agent = legs.caller(), legs.agent()
    legs.legs.bridge(caller.leg, agent.leg)
    legs.legs.hang_up(caller.leg)
    legs.wait(LegHungUp(caller.leg, "NORMAL_CLEARING"))
    assert legs.in_our_hands(agent), "a leg that leads nowhere is woken"
    other = legs.caller("13800138001")
    legs.talk(other, agent)


def test_two_answers(legs: LegsDesk) -> None:
    caller, first, second = legs.caller(), legs.agent("1001"), legs.agent("1002")
    legs.legs.bridge(caller.leg, first.leg)
    legs.legs.bridge(caller.leg, second.leg)
    legs.wait(LegsBridged(caller.leg, second.leg))
    legs.wait(LegsUnbridged(caller.leg, first.leg))
    assert legs.talk_heard(caller, second)
    assert legs.in_our_hands(first)
    assert legs.silent(caller, first)


def test_one_agent_for_two_callers(legs: LegsDesk) -> None:
    one, other, agent = legs.caller("13800138001"), legs.caller("13800138002"), legs.agent()
    legs.legs.bridge(one.leg, agent.leg)
    legs.legs.bridge(other.leg, agent.leg)
    legs.wait(LegsBridged(other.leg, agent.leg))
    assert legs.in_our_hands(one), "who was left is parked"
    assert legs.talk_heard(other, agent)


def test_hold_and_retrieve(legs: LegsDesk, tap: Tap) -> None:
    caller, agent = legs.caller(), legs.agent()
    legs.talk(caller, agent)
    since = len(tap.events)
    legs.legs.hold(caller.leg, [MUSIC])
    legs.wait(LegsUnbridged(caller.leg, agent.leg))
    tap.wait("PLAYBACK_START", caller.leg, after=since, nth=2)  # finite, and renewed
    assert legs.silent(caller, agent)
    since = len(legs.told)
    legs.legs.retrieve(caller.leg)
    legs.wait(LegsBridged(caller.leg, agent.leg), after=since)
    assert legs.talk_heard(caller, agent)


def test_hold_and_retrieve_in_one_breath(legs: LegsDesk) -> None:
    caller, agent = legs.caller(), legs.agent()
    legs.talk(caller, agent)
    for _ in range(3):
        since = len(legs.told)
        legs.legs.hold(caller.leg, [MUSIC])
        legs.legs.retrieve(caller.leg)
        legs.wait(LegsUnbridged(caller.leg, agent.leg), after=since)
        legs.wait(LegsBridged(caller.leg, agent.leg), after=since)
    assert legs.talk_heard(caller, agent)


def test_a_retrieve_in_the_frame_in_which_the_music_was_sent(
    legs: LegsDesk, tap: Tap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The switch begins the music where the caller is parked, and ends it at once: none plays inside of the talk."""
    caller, agent = legs.caller(), legs.agent()
    legs.talk(caller, agent)
    start = legs.driver.start

    def retrieved(lane: Lane, order: Order) -> Pending[Frame]:
        sent = start(lane, order)
        if order.kind is Kind.MUSIC:
            gevent.spawn(legs.legs.retrieve, caller.leg)
        return sent

    monkeypatch.setattr(legs.driver, "start", retrieved)
    for _ in range(2):
        since, told = len(tap.events), len(legs.told)
        legs.legs.hold(caller.leg, [LONG])
        legs.wait(LegsBridged(caller.leg, agent.leg), after=told)
        assert legs.talk_heard(caller, agent)
        events = [one for one in tap.events[since:] if one.get("Unique-ID") == caller.leg]
        names = [one.name for one in events if one.name == "CHANNEL_BRIDGE" or one.get("Application") == "playback"]
        if names[0] == "CHANNEL_BRIDGE":  # of the talk before, of which the tap may hear late
            del names[0]
        assert names == ["CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_BRIDGE"]


def test_the_held_caller_hangs_up(legs: LegsDesk) -> None:
    caller, agent = legs.caller(), legs.agent()
    legs.talk(caller, agent)
    legs.legs.hold(caller.leg, [MUSIC])
    legs.wait(LegsUnbridged(caller.leg, agent.leg))
    caller.on.hang_up()
    legs.wait(LegHungUp(caller.leg, "NORMAL_CLEARING"))
    legs.legs.retrieve(caller.leg)
    assert legs.in_our_hands(agent)


def test_consult_and_return(legs: LegsDesk) -> None:
    caller, agent, expert = legs.caller(), legs.agent("1001"), legs.agent("1002")
    legs.talk(caller, agent)
    legs.legs.hold(caller.leg, [MUSIC])
    legs.talk(agent, expert)
    assert legs.talk_heard(agent, expert)
    assert legs.silent(caller, expert)
    since = len(legs.told)
    legs.legs.retrieve(caller.leg)
    legs.wait(LegsBridged(caller.leg, agent.leg), after=since)
    legs.wait(LegsUnbridged(agent.leg, expert.leg), after=since)
    assert legs.talk_heard(caller, agent)
    assert legs.in_our_hands(expert)


def test_a_warm_transfer(legs: LegsDesk) -> None:
    caller, agent, expert = legs.caller(), legs.agent("1001"), legs.agent("1002")
    legs.talk(caller, agent)
    legs.legs.hold(caller.leg, [MUSIC])
    legs.talk(agent, expert)
    legs.talk(caller, expert)
    assert legs.talk_heard(caller, expert)
    assert legs.in_our_hands(agent)
    legs.legs.hang_up(agent.leg)
    legs.wait(LegHungUp(agent.leg, "NORMAL_CLEARING"))
    assert legs.talk_heard(caller, expert)


def test_the_agent_consulted_hangs_up(legs: LegsDesk) -> None:
    caller, agent, expert = legs.caller(), legs.agent("1001"), legs.agent("1002")
    legs.talk(caller, agent)
    legs.legs.hold(caller.leg, [MUSIC])
    legs.talk(agent, expert)
    expert.on.hang_up()
    legs.wait(LegsUnbridged(agent.leg, expert.leg))
    assert legs.in_our_hands(agent)
    since = len(legs.told)
    legs.legs.retrieve(caller.leg)
    legs.wait(LegsBridged(caller.leg, agent.leg), after=since)


def test_a_blind_transfer(legs: LegsDesk, tap: Tap) -> None:
    """The agent goes at once; the caller hears music until the other one answers."""
    caller, agent = legs.caller(), legs.agent("1001")
    legs.talk(caller, agent)
    since = len(tap.events)
    legs.legs.hold(caller.leg, [MUSIC])
    legs.legs.hang_up(agent.leg)
    legs.wait(LegHungUp(agent.leg, "NORMAL_CLEARING"))
    tap.wait("PLAYBACK_START", caller.leg, after=since)
    other = legs.agent("1002")
    legs.talk(caller, other)
    assert legs.talk_heard(caller, other)


def test_park_and_pick_up(legs: LegsDesk) -> None:
    caller, agent, other = legs.caller(), legs.agent("1001"), legs.agent("1002")
    legs.talk(caller, agent)
    legs.legs.park(caller.leg, [MUSIC])
    legs.wait(LegsUnbridged(caller.leg, agent.leg))
    legs.legs.hang_up(agent.leg)
    legs.legs.pick_up(caller.leg, other.leg)
    legs.wait(LegsBridged(caller.leg, other.leg))
    assert legs.talk_heard(caller, other)


def test_mute(legs: LegsDesk) -> None:
    caller, agent = legs.caller(), legs.agent()
    legs.talk(caller, agent)
    legs.legs.mute(agent.leg, True)
    wait_for(lambda: not legs.rig.hears(caller.on, agent.on), "the agent is not heard")
    assert legs.rig.hears(agent.on, caller.on)
    legs.legs.mute(agent.leg, False)
    wait_for(lambda: legs.rig.hears(caller.on, agent.on), "the agent is heard again")


def test_a_permanent_leg_through_three_contacts(legs: LegsDesk) -> None:
    agent = legs.agent()
    for turn in range(3):
        caller = legs.caller(f"1380013800{turn}")
        legs.legs.play(agent.leg, turn + 1, [SHORT])
        legs.wait(LegPlayed(agent.leg, turn + 1))
        legs.talk(caller, agent)
        assert legs.talk_heard(caller, agent)
        caller.on.hang_up()
        legs.wait(LegsUnbridged(caller.leg, agent.leg))
        legs.wait(LegHungUp(caller.leg, "NORMAL_CLEARING"))
        assert agent.leg not in legs.driver.guard._held
    assert agent.on.rung == 1
    assert legs.in_our_hands(agent)


def test_an_announcement_is_cut_by_the_talk(legs: LegsDesk) -> None:
    caller, agent = legs.caller(), legs.agent()
    legs.legs.play(caller.leg, 7, ["tone_stream://%(10000,0,2900)"])
    legs.desk.settle(0.2)
    legs.talk(caller, agent)
    assert LegPlayed(caller.leg, 7) in legs.told
    assert legs.talk_heard(caller, agent)
