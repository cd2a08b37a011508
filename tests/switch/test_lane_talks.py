"""A lane that `uuid_bridge` takes for a talk, and gives back."""

from __future__ import annotations

import pytest

from cti.switch.lane import Lane
from cti.switch.orders import End, Kind, Order
from tests.switch.lanekit import DONE, ScriptedWire, Told, complete, lane, play, wire

__all__ = ["lane", "wire"]  # fixtures


def meet() -> Order:
    return Order(Kind.MEET, 0, "uuid_bridge", "", other="agent", leg=True)


def test_a_talk_takes_the_channel_at_once(lane: Lane, wire: ScriptedWire) -> None:
    lane.set_music("music")
    talk = meet()
    lane.meet(talk)
    assert wire.said == ["playback music"]  # nothing is broken: the switch does it
    talk.joined = True
    lane.met(talk)
    lane.set_music(None)
    assert lane.running is talk
    lane.parked(Told())
    assert lane.running is None
    assert wire.ended == [("meet", 0, End.COMPLETED)]


def test_what_ran_and_what_waited_is_over_when_they_have_met(lane: Lane, wire: ScriptedWire) -> None:
    lane.put(play(1))
    lane.put(play(2))
    talk = meet()
    lane.meet(talk)
    assert wire.ended == []
    lane.met(talk)
    assert wire.ended == [("play", 1, End.OVERDUE), ("play", 2, End.CANCELLED)]


def test_what_ran_is_told_as_it_ended(lane: Lane, wire: ScriptedWire) -> None:
    lane.put(play(1))
    token = lane.running.token if lane.running is not None else ""
    talk = meet()
    lane.meet(talk)
    assert lane.completed(token, Told(DONE))
    assert lane.running is talk
    lane.met(talk)
    assert wire.ended == [("play", 1, End.COMPLETED)]


def test_nothing_changes_when_the_switch_refuses(lane: Lane, wire: ScriptedWire) -> None:
    lane.put(play(1))
    lane.put(play(2))
    talk = meet()
    lane.meet(talk)
    lane.back(talk)
    assert lane.running is not None
    assert lane.running.ref == 1
    assert complete(lane)
    assert wire.said == ["playback prompt1", "playback prompt2"]


def test_a_refusal_after_the_end_of_what_ran(lane: Lane, wire: ScriptedWire) -> None:
    lane.put(play(1))
    lane.put(play(2))
    token = lane.running.token if lane.running is not None else ""
    talk = meet()
    lane.meet(talk)
    lane.completed(token, Told(DONE))
    lane.back(talk)
    assert wire.said == ["playback prompt1", "playback prompt2"]


def test_music_comes_back_after_a_talk_that_never_was(lane: Lane, wire: ScriptedWire) -> None:
    lane.set_music("music")
    talk = meet()
    lane.meet(talk)
    lane.part(talk)
    assert wire.said == ["playback music"]
    lane.parked(Told())
    assert wire.said == ["playback music", "playback music"]


def test_a_channel_that_parked_before_is_free_at_once(lane: Lane, wire: ScriptedWire) -> None:
    talk = meet()
    lane.meet(talk)
    lane.parked(Told())
    assert lane.running is talk
    lane.part(talk)
    assert lane.running is None


def test_a_park_that_is_never_told_is_taken_for_granted(lane: Lane, wire: ScriptedWire) -> None:
    talk = meet()
    lane.meet(talk)
    lane.part(talk)
    wire.happens("ended")
    assert wire.ended == [("meet", 0, End.OVERDUE)]
    assert lane.running is None


@pytest.mark.parametrize("kind", [Kind.ROOM, Kind.SPY])
def test_what_no_break_ends_is_cut(lane: Lane, wire: ScriptedWire, kind: Kind) -> None:
    lane.put(Order(kind, 0, "conference", "room", leg=True))
    lane.stop(kind, 0)
    wire.until(3)
    assert wire.said[1:3] == ["cut conference", "cut conference"]
    assert complete(lane)
