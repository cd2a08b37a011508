"""Playback, its ends, and the keys typed meanwhile."""

from __future__ import annotations

from time import monotonic

import pytest

from .conftest import Tone
from .desk import Call, Desk
from .rig import wait_for

STALL_S = 3.0  # what a loaded machine may add; the sounds that are cut would last longer
FORMAT = "tone_stream://%({0},0,440)"
PLAYED = "FILE PLAYED"


@pytest.fixture
def call(desk: Desk) -> Call:
    """Answered, and the story begun anew."""
    arrived = desk.arrive()
    arrived.answer()
    return arrived


def since_answer(call: Call) -> list[tuple[str, ...]]:
    return call.story()[3:]


def timed(call: Call, token: str, began: float) -> float:
    call.done(token)
    return monotonic() - began


@pytest.mark.parametrize("kind", ["file", "tone", "several"])
def test_a_playback_lasts_as_long_as_its_sound(call: Call, tone: Tone, kind: str) -> None:
    argument = {
        "file": tone(1.0),
        "tone": "tone_stream://%(1000,0,440)",
        "several": f"file_string://{tone(0.5)}!{tone(0.5)}",
    }[kind]
    began = monotonic()
    call.run("playback", argument, "play.1")
    assert 0.95 < timed(call, "play.1", began) < 0.95 + STALL_S
    assert since_answer(call) == [("COMPLETE", "playback", "play.1", PLAYED)]


@pytest.mark.parametrize(
    ("argument", "response"),
    [
        ("/nowhere/none.wav", "FILE NOT FOUND"),
        ("nothing.wav", "FILE NOT FOUND"),
        ("", "PLAYBACK ERROR"),
        ("file_string:///nowhere/none.wav", "FILE NOT FOUND"),
    ],
)
def test_what_cannot_be_played_is_told_and_the_call_lives(call: Call, argument: str, response: str) -> None:
    call.do("playback", argument, "play.1")
    call.do("playback", FORMAT.format(50), "play.2")
    assert since_answer(call) == [
        ("COMPLETE", "playback", "play.1", response),
        ("COMPLETE", "playback", "play.2", PLAYED),
    ]


def test_one_file_missing_among_several(call: Call, tone: Tone) -> None:
    began = monotonic()
    call.run("playback", f"file_string:///nowhere/none.wav!{tone(0.5)}", "play.1")
    assert 0.4 < timed(call, "play.1", began) < 0.4 + STALL_S
    assert since_answer(call) == [("COMPLETE", "playback", "play.1", PLAYED)]


def test_a_break_ends_a_playback(call: Call, tone: Tone) -> None:
    began = monotonic()
    call.run("playback", tone(5.0), "play.1")
    call.desk.settle(0.3)
    assert call.cut() == "+OK"
    assert timed(call, "play.1", began) < STALL_S
    assert since_answer(call) == [("COMPLETE", "playback", "play.1", PLAYED)]


def test_barge_in_the_playback_after_a_break_is_not_cut(call: Call, tone: Tone) -> None:
    """The break and the next playback go out together, as when a key ends a prompt; the second waits for no reply."""
    call.run("playback", tone(5.0), "play.1")
    call.desk.settle(0.3)
    cut = call.desk.links.submit_api("uuid_break", call.uuid)
    began = monotonic()
    call.run("playback", tone(1.0), "play.2")
    assert cut.wait(5).reply.strip() == "+OK"
    assert 0.9 < timed(call, "play.2", began) < 0.9 + STALL_S
    assert since_answer(call) == [
        ("COMPLETE", "playback", "play.1", PLAYED),
        ("COMPLETE", "playback", "play.2", PLAYED),
    ]


def test_a_playback_after_the_end_of_the_cut_one(call: Call, tone: Tone) -> None:
    """What the engine's lanes do: the next one goes out when the end of the first is told."""
    call.run("playback", tone(5.0), "play.1")
    call.desk.settle(0.3)
    call.cut()
    call.done("play.1")
    began = monotonic()
    call.run("playback", tone(1.0), "play.2")
    assert 0.9 < timed(call, "play.2", began) < 0.9 + STALL_S
    assert since_answer(call) == [
        ("COMPLETE", "playback", "play.1", PLAYED),
        ("COMPLETE", "playback", "play.2", PLAYED),
    ]


def test_a_break_with_nothing_to_break_is_forgotten(call: Call, tone: Tone) -> None:
    assert call.cut() == "+OK"
    call.desk.settle(0.1)
    began = monotonic()
    call.run("playback", tone(1.0), "play.1")
    assert 0.9 < timed(call, "play.1", began) < 0.9 + STALL_S
    assert since_answer(call) == [("COMPLETE", "playback", "play.1", PLAYED)]


def test_a_break_just_before_a_playback(call: Call, tone: Tone) -> None:
    call.desk.links.submit_api("uuid_break", call.uuid)
    began = monotonic()
    call.run("playback", tone(1.0), "play.1")
    assert 0.9 < timed(call, "play.1", began) < 0.9 + STALL_S


def test_one_break_ends_both_of_two_nested(call: Call, tone: Tone) -> None:
    call.run("playback", tone(5.0), "play.1")
    call.desk.settle(0.3)
    call.run("playback", tone(5.0), "play.2")
    call.desk.settle(0.3)
    call.cut()
    call.done("play.1", 2)
    assert since_answer(call) == [
        ("COMPLETE", "playback", "play.2", PLAYED),
        ("COMPLETE", "playback", "play.1", PLAYED),
    ]


def test_a_nested_playback_lets_the_outer_one_go_on(call: Call, tone: Tone) -> None:
    began = monotonic()
    call.run("playback", tone(1.0), "play.1")
    call.desk.settle(0.3)
    call.run("playback", tone(1.0), "play.2")
    assert 1.8 < timed(call, "play.1", began) < 1.8 + STALL_S
    assert since_answer(call) == [
        ("COMPLETE", "playback", "play.2", PLAYED),
        ("COMPLETE", "playback", "play.1", PLAYED),
    ]


def test_locked_playbacks_wait_for_their_turn(call: Call, tone: Tone) -> None:
    for token in ("play.1", "play.2"):
        call.run("playback", tone(0.5), token, lock=True)
    call.done("play.2")
    assert since_answer(call) == [
        ("COMPLETE", "playback", "play.1", PLAYED),
        ("COMPLETE", "playback", "play.2", PLAYED),
    ]


@pytest.mark.parametrize("playing", [False, True], ids=["idle", "playing"])
def test_keys_are_events_of_ours_and_stop_nothing(call: Call, tone: Tone, playing: bool) -> None:
    began = monotonic()
    if playing:
        call.run("playback", tone(2.0), "play.1")
        call.desk.settle(0.2)
    call.caller.press("12*#")
    wait_for(lambda: call.keys() == "12*#", "four keys")
    if playing:
        assert timed(call, "play.1", began) > 1.9
    assert since_answer(call) == [
        *(("DTMF", key, "RTP", "0") for key in "12*#"),
        *[("COMPLETE", "playback", "play.1", PLAYED)] * playing,
    ]


@pytest.mark.parametrize("playing", [False, True], ids=["idle", "playing"])
def test_twenty_keys_typed_fast(call: Call, tone: Tone, playing: bool) -> None:
    if playing:
        call.run("playback", tone(10.0), "play.1")
    keys = "13800138000123456789"
    call.caller.press(keys)
    wait_for(lambda: len(call.keys()) >= len(keys), "twenty keys")
    assert call.keys() == keys
