"""One application at a time: the lane, without a switch (the whole over a switch is tested in tests/runtime)."""

from __future__ import annotations

from dataclasses import replace

import gevent
import pytest
from gevent.event import Event as Flag

from cti.core.errors import CtiError
from cti.switch import lane as lanes
from cti.switch.lane import Lane
from cti.switch.orders import End, Kind, Order
from tests.switch.lanekit import DONE, UUID, ScriptedWire, Told, complete, lane, play, reply, wire

__all__ = ["lane", "wire"]  # fixtures


def test_the_second_begins_when_the_first_has_ended(lane: Lane, wire: ScriptedWire) -> None:
    lane.put(play(1))
    lane.put(play(2))
    assert wire.said == ["playback prompt1"]
    assert complete(lane)
    assert wire.said == ["playback prompt1", "playback prompt2"]
    assert wire.ended == [("play", 1, End.COMPLETED)]


def test_an_interrupted_prompt_followed_at_once_by_another(lane: Lane, wire: ScriptedWire) -> None:
    """The break may come before the first prompt has begun, and is then forgotten by the switch: it is said again,
    and the second prompt waits, so that no break can hit it."""
    lane.put(play(1))
    lane.stop(Kind.PLAY, 1)
    lane.put(play(2))
    wire.until(4)
    assert wire.said[:4] == ["playback prompt1", "uuid_break uuid", "uuid_break uuid", "uuid_break uuid"]
    assert complete(lane)
    assert wire.said[-1] == "playback prompt2"
    said = list(wire.said)
    with gevent.Timeout(0.1, False):
        Flag().wait()
    assert wire.said == said  # not broken any more


def test_an_end_that_is_never_told_is_taken_for_granted(lane: Lane, wire: ScriptedWire) -> None:
    lane.put(play(1))
    lane.put(play(2))
    lane.stop(Kind.PLAY, 1)
    wire.happens("ended")
    assert wire.ended == [("play", 1, End.OVERDUE)]
    assert wire.said.count("uuid_break uuid") == lanes.RETRIES
    assert wire.said[-1] == "playback prompt2"


def test_what_has_not_begun_is_taken_back(lane: Lane, wire: ScriptedWire) -> None:
    lane.put(play(1))
    lane.put(play(2))
    lane.stop(Kind.PLAY, 2)
    assert wire.ended == [("play", 2, End.CANCELLED)]
    complete(lane)
    assert wire.said == ["playback prompt1"]


@pytest.mark.parametrize("token", ["", "play.9", "bridge.1", "x"])
def test_an_end_of_something_else_is_not_ours(lane: Lane, wire: ScriptedWire, token: str) -> None:
    lane.put(play(1))
    assert not lane.completed(token, Told(DONE))
    assert wire.ended == []


def test_music_fills_the_pauses(lane: Lane, wire: ScriptedWire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "SHORTEST_MUSIC_S", 0.0)
    lane.set_music("tune")
    complete(lane)
    lane.put(play(1))  # an announcement
    assert wire.said == ["playback tune", "playback tune", "uuid_break uuid"]
    complete(lane)
    assert wire.said[-1] == "playback prompt1"
    complete(lane)
    assert wire.said[-1] == "playback tune"
    lane.set_music(None)
    complete(lane)
    assert wire.said[-1] == "uuid_break uuid"
    assert lane.running is None


def test_music_that_cannot_be_played_is_not_tried_for_ever(lane: Lane, wire: ScriptedWire) -> None:
    lane.set_music("missing")
    complete(lane)
    assert wire.said == ["playback missing"]


def test_a_bridge_is_over_when_the_channel_parks_again(lane: Lane, wire: ScriptedWire) -> None:
    order = Order(Kind.BRIDGE, 3, "bridge", "user/1001")
    lane.put(order)
    order.joined = True
    lane.put(play(4))
    complete(lane)
    assert wire.ended == []
    lane.parked(Told())
    assert wire.ended == [("bridge", 3, End.COMPLETED)]
    assert wire.said[-1] == "playback prompt4"


def test_a_park_that_is_not_told_is_waited_for_only_so_long(lane: Lane, wire: ScriptedWire) -> None:
    order = Order(Kind.BRIDGE, 3, "bridge", "user/1001")
    lane.put(order)
    order.joined = True
    complete(lane)
    wire.happens("ended")
    assert wire.ended == [("bridge", 3, End.COMPLETED)]


def test_ringing_is_stopped_at_the_other_leg(lane: Lane, wire: ScriptedWire) -> None:
    order = Order(Kind.BRIDGE, 3, "bridge", "user/1001", other="b-leg")
    lane.put(order)
    lane.stop(Kind.BRIDGE, 3)
    wire.until(3)
    assert wire.said[:3] == [
        "bridge user/1001",
        "uuid_kill b-leg ORIGINATOR_CANCEL",
        "uuid_kill b-leg ORIGINATOR_CANCEL",
    ]


def test_while_the_link_is_down_orders_wait(lane: Lane, wire: ScriptedWire) -> None:
    wire.up = False
    lane.put(play(1))
    assert wire.said == []
    wire.up = True
    lane.settle(Told())
    assert wire.said == ["playback prompt1"]


def test_a_link_lost_while_it_is_said(lane: Lane, wire: ScriptedWire) -> None:
    wire.breaks = True
    lane.put(play(1))
    assert (wire.said, wire.ended, wire.up) == ([], [], False)
    wire.breaks, wire.up = False, True
    lane.settle(Told())
    assert wire.said == ["playback prompt1"]


ARGUMENT = {"variable_current_application": "playback", "variable_current_application_data": "prompt1"}
GAPS = {
    "it still plays": (ARGUMENT, True, [], ["playback prompt1"]),
    "it has ended": (
        {**ARGUMENT, "variable_current_application_response": "FILE PLAYED"},
        True,
        [("play", 1, End.COMPLETED)],
        ["playback prompt1"],
    ),
    "it never came through": ({"variable_current_application": "park"}, False, [], ["playback prompt1"] * 2),
    "it came through, and has not begun": ({"variable_current_application": "park"}, True, [], ["playback prompt1"]),
}


@pytest.mark.parametrize(("dump", "acknowledged", "ended", "said"), GAPS.values(), ids=list(GAPS))
def test_what_became_of_it_in_a_gap(
    lane: Lane,
    wire: ScriptedWire,
    dump: dict[str, str],
    acknowledged: bool,
    ended: list[tuple[str, int, End]],
    said: list[str],
) -> None:
    lane.put(play(1))
    if acknowledged:
        wire.replies[0].succeed(reply("+OK"))
    wire.epoch += 1
    lane.settle(Told(dump))
    assert (wire.ended, wire.said) == (ended, said)


def test_a_refused_command_has_failed(lane: Lane, wire: ScriptedWire) -> None:
    lane.put(play(1))
    wire.replies[0].succeed(reply("-ERR no"))
    assert wire.ended == [("play", 1, End.FAILED)]


def test_text_that_cannot_be_said_has_failed(lane: Lane, wire: ScriptedWire) -> None:
    wire.refuse = CtiError("no", code="unsafe-text")
    lane.put(play(1))
    assert wire.ended == [("play", 1, End.FAILED)]


def test_a_channel_that_the_switch_does_not_know(lane: Lane, wire: ScriptedWire) -> None:
    lane.put(play(1))
    wire.replies[0].succeed(reply(f"-ERR invalid session id [{UUID}]"))
    assert wire.ended == []
    wire.happens("lost")
    assert wire.lost == [UUID]


def test_after_the_end_nothing_is_said(lane: Lane, wire: ScriptedWire) -> None:
    lane.put(play(1))
    lane.stop(Kind.PLAY, 1)
    lane.close()
    lane.put(play(2))
    lane.set_music("tune")
    said = list(wire.said)
    with gevent.Timeout(0.1, False):
        Flag().wait()
    assert wire.said == said
    assert wire.ended == []


@pytest.mark.parametrize("told", [True, False], ids=["it has ended", "it plays on"])
def test_a_prompt_that_keys_stop_is_broken_only_if_its_end_is_not_told(
    lane: Lane, wire: ScriptedWire, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digit comes first, then the end that the switch made of it."""
    monkeypatch.setattr(lanes, "ENDS_ITSELF_S", 0.01)
    lane.put(replace(play(1), keys="12"))
    lane.stop(Kind.PLAY, 1)
    lane.put(play(2))
    assert wire.said == ["playback prompt1"]
    if told:
        complete(lane)
        assert wire.said[1:] == ["playback prompt2"]
    else:
        wire.until(2)
        assert wire.said[1:] == ["uuid_break uuid"]
