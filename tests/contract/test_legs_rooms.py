"""Conferences and supervision: who hears whom, in every mode. On a real switch everybody hums a tone of their own."""

from __future__ import annotations

from uuid import uuid4

import pytest

from cti.core.errors import CtiError
from cti.core.events import PlayEnded
from cti.core.legs import (
    ConferenceJoined,
    ConferenceLeft,
    LegHungUp,
    LegsBridged,
    LegsUnbridged,
    MonitorEnded,
    MonitorStarted,
)

from .legs_desk import MUSIC, SHORT, LegsDesk, Person
from .rig import wait_for


def three(legs: LegsDesk) -> tuple[Person, Person, Person]:
    """A caller who talks with an agent, and somebody else."""
    caller, agent, other = legs.caller(), legs.agent("1001"), legs.agent("1002")
    legs.talk(caller, agent)
    return caller, agent, other


# ---- conferences ---------------------------------------------------------------------------------------------------


def test_a_conference_of_three_and_back_to_two(legs: LegsDesk) -> None:
    caller, agent, expert = three(legs)
    room = str(uuid4())
    legs.legs.conference(room, [caller.leg, agent.leg, expert.leg])
    for person in (caller, agent, expert):
        legs.wait(ConferenceJoined(room, person.leg))
    assert caller.leg not in legs.driver.guard._held
    assert legs.talk_heard(caller, agent)
    assert legs.talk_heard(caller, expert)
    assert legs.talk_heard(agent, expert)
    agent.on.hang_up()
    legs.wait(ConferenceLeft(room, agent.leg))
    legs.wait(LegHungUp(agent.leg, "NORMAL_CLEARING"))
    assert legs.talk_heard(caller, expert)
    since = len(legs.told)
    legs.legs.bridge(caller.leg, expert.leg)
    legs.wait(LegsBridged(caller.leg, expert.leg), after=since)
    legs.wait(ConferenceLeft(room, caller.leg), after=since)
    legs.wait(ConferenceLeft(room, expert.leg), after=since)
    assert legs.talk_heard(caller, expert)


def test_somebody_leaves_and_is_parked(legs: LegsDesk) -> None:
    caller, agent, expert = three(legs)
    room = str(uuid4())
    legs.legs.conference(room, [caller.leg, agent.leg, expert.leg])
    for person in (caller, agent, expert):
        legs.wait(ConferenceJoined(room, person.leg))
    legs.legs.leave(room, expert.leg)
    legs.wait(ConferenceLeft(room, expert.leg))
    assert legs.in_our_hands(expert)
    assert legs.silent(caller, expert)
    assert legs.talk_heard(caller, agent)
    legs.legs.leave(room, caller.leg)
    legs.wait(ConferenceLeft(room, caller.leg))
    assert legs.in_our_hands(caller)
    assert caller.leg in legs.driver.guard._held


def test_somebody_is_put_out(legs: LegsDesk) -> None:
    caller, agent, expert = three(legs)
    room = str(uuid4())
    legs.legs.conference(room, [caller.leg, agent.leg, expert.leg])
    for person in (caller, agent, expert):
        legs.wait(ConferenceJoined(room, person.leg))
    legs.legs.kick(room, expert.leg)
    legs.wait(ConferenceLeft(room, expert.leg))
    legs.wait(LegHungUp(expert.leg, "NORMAL_CLEARING"))
    assert legs.talk_heard(caller, agent)


def test_mute_in_a_conference(legs: LegsDesk) -> None:
    caller, agent, expert = three(legs)
    room = str(uuid4())
    legs.legs.conference(room, [caller.leg, agent.leg, expert.leg])
    for person in (caller, agent, expert):
        legs.wait(ConferenceJoined(room, person.leg))
    legs.legs.mute(expert.leg, True)
    wait_for(lambda: not legs.rig.hears(caller.on, expert.on), "the expert is not heard")
    assert legs.rig.hears(caller.on, agent.on)
    assert legs.rig.hears(expert.on, caller.on)


def test_a_conference_with_a_caller_on_hold(legs: LegsDesk) -> None:
    caller, agent, expert = three(legs)
    legs.legs.hold(caller.leg, [MUSIC])
    legs.talk(agent, expert)
    room = str(uuid4())
    legs.legs.conference(room, [caller.leg, agent.leg, expert.leg])
    for person in (caller, agent, expert):
        legs.wait(ConferenceJoined(room, person.leg))
    assert legs.talk_heard(caller, expert)
    assert legs.talk_heard(agent, expert)


def test_who_is_left_in_a_conference_alone_hears_what_the_flow_plays(legs: LegsDesk) -> None:
    caller, agent, expert = three(legs)
    room = str(uuid4())
    legs.legs.conference(room, [caller.leg, agent.leg, expert.leg])
    for person in (caller, agent, expert):
        legs.wait(ConferenceJoined(room, person.leg))
    agent.on.hang_up()
    expert.on.hang_up()
    for person in (agent, expert):
        legs.wait(ConferenceLeft(room, person.leg))
    legs.driver.play(caller.leg, 7, [SHORT])
    legs.wait(ConferenceLeft(room, caller.leg))
    wait_for(lambda: (caller.leg, PlayEnded(7)) in legs.calls.events, "it is heard to its end")
    assert legs.in_our_hands(caller)


def test_a_room_must_have_a_name(legs: LegsDesk) -> None:
    with pytest.raises(CtiError):
        legs.legs.conference("a b", [legs.agent().leg])


# ---- supervision ---------------------------------------------------------------------------------------------------


def test_listen_whisper_barge_and_back(legs: LegsDesk) -> None:
    caller, agent, supervisor = three(legs)
    monitor = legs.legs.monitor

    def heard() -> tuple[bool, bool, bool, bool]:
        """The supervisor hears caller and agent; agent, and caller, hear the supervisor."""
        hears = legs.rig.hears
        return (
            hears(supervisor.on, caller.on),
            hears(supervisor.on, agent.on),
            hears(agent.on, supervisor.on),
            hears(caller.on, supervisor.on),
        )

    monitor(supervisor.leg, agent.leg, "listen")
    legs.wait(MonitorStarted(supervisor.leg, agent.leg))
    assert heard() == (True, True, False, False)
    monitor(supervisor.leg, agent.leg, "whisper")
    wait_for(lambda: legs.rig.hears(agent.on, supervisor.on), "the agent hears the whisper")
    assert heard() == (True, True, True, False)
    assert legs.talk_heard(caller, agent)
    monitor(supervisor.leg, agent.leg, "barge")
    wait_for(lambda: legs.rig.hears(caller.on, supervisor.on), "the caller hears it too")
    assert heard() == (True, True, True, True)
    monitor(supervisor.leg, agent.leg, "listen")
    wait_for(lambda: not legs.rig.hears(caller.on, supervisor.on), "nobody hears the supervisor")
    assert heard() == (True, True, False, False)
    assert legs.of(MonitorStarted, MonitorEnded) == [MonitorStarted(supervisor.leg, agent.leg)]
    legs.legs.stop_monitor(supervisor.leg)
    legs.wait(MonitorEnded(supervisor.leg, agent.leg))
    assert legs.in_our_hands(supervisor)
    assert legs.talk_heard(caller, agent)


def test_a_whisper_from_the_first_moment_on(legs: LegsDesk) -> None:
    caller, agent, supervisor = three(legs)
    legs.legs.monitor(supervisor.leg, agent.leg, "whisper")
    legs.wait(MonitorStarted(supervisor.leg, agent.leg))
    wait_for(lambda: legs.rig.hears(agent.on, supervisor.on), "the agent hears the whisper")
    for _ in range(3):
        assert not legs.rig.hears(caller.on, supervisor.on), "never on the customer's track"


def test_keys_of_the_supervisor_do_nothing(legs: LegsDesk) -> None:
    """`eavesdrop` by itself would let a 3 make the supervisor heard by the customer."""
    caller, agent, supervisor = three(legs)
    legs.legs.monitor(supervisor.leg, agent.leg, "listen")
    legs.wait(MonitorStarted(supervisor.leg, agent.leg))
    supervisor.on.press("123")
    legs.desk.settle(0.6)
    assert not legs.rig.hears(caller.on, supervisor.on)
    assert not legs.rig.hears(agent.on, supervisor.on)


def test_supervision_outlasts_a_talk(legs: LegsDesk) -> None:
    caller, agent, supervisor = three(legs)
    legs.legs.monitor(supervisor.leg, agent.leg, "listen")
    legs.wait(MonitorStarted(supervisor.leg, agent.leg))
    caller.on.hang_up()
    legs.wait(LegsUnbridged(caller.leg, agent.leg))
    following = legs.caller("13800138001")
    legs.talk(following, agent)
    assert legs.rig.hears(supervisor.on, following.on)
    agent.on.hang_up()
    legs.wait(MonitorEnded(supervisor.leg, agent.leg))
    assert legs.in_our_hands(supervisor)


def test_the_supervisor_hangs_up(legs: LegsDesk) -> None:
    caller, agent, supervisor = three(legs)
    legs.legs.monitor(supervisor.leg, agent.leg, "barge")
    legs.wait(MonitorStarted(supervisor.leg, agent.leg))
    supervisor.on.hang_up()
    legs.wait(MonitorEnded(supervisor.leg, agent.leg))
    legs.wait(LegHungUp(supervisor.leg, "NORMAL_CLEARING"))
    assert legs.talk_heard(caller, agent)


def test_take_over(legs: LegsDesk) -> None:
    caller, agent, supervisor = three(legs)
    legs.legs.monitor(supervisor.leg, agent.leg, "whisper")
    legs.wait(MonitorStarted(supervisor.leg, agent.leg))
    legs.legs.take_over(supervisor.leg, agent.leg)
    legs.wait(LegsBridged(supervisor.leg, caller.leg))
    legs.wait(MonitorEnded(supervisor.leg, agent.leg))
    legs.wait(LegsUnbridged(caller.leg, agent.leg))
    assert legs.talk_heard(caller, supervisor)
    assert legs.in_our_hands(agent)
    assert legs.silent(caller, agent)


def test_there_are_three_modes(legs: LegsDesk) -> None:
    with pytest.raises(CtiError):
        legs.legs.monitor(legs.agent().leg, "x", "shout")
