"""Digits collected by the switch itself: `play_and_get_digits`, and the applications around it."""

from __future__ import annotations

from time import monotonic

import pytest

from .desk import Call, Desk
from .rig import wait_for
from .tap import Tap

PROMPT, WRONG = "tone_stream://%(300,0,440)", "tone_stream://%(200,0,220)"


@pytest.fixture
def call(desk: Desk) -> Call:
    arrived = desk.arrive()
    arrived.answer()
    return arrived


def ask(low: int = 4, high: int = 4, tries: int = 1, timeout_ms: int = 1000, pattern: str = r"^1\d{3}$") -> str:
    return f"{low} {high} {tries} {timeout_ms} # {PROMPT} {WRONG} pin {pattern} 1000"


def test_the_right_digits(call: Call) -> None:
    token = call.run("play_and_get_digits", ask())
    call.desk.settle(0.1)
    call.caller.press("1234")
    done = call.done(token)
    assert (done.variable("pin"), done.variable("read_result")) == ("1234", "success")
    assert done.variable("pin_invalid") is None


def test_wrong_digits_and_a_second_try(call: Call) -> None:
    token = call.run("play_and_get_digits", ask(tries=2))
    call.desk.settle(0.1)
    call.caller.press("9999")
    call.desk.settle(1.0)
    call.caller.press("1000")
    done = call.done(token)
    assert (done.variable("pin"), done.variable("pin_invalid")) == ("1000", "9999")


def test_wrong_digits_and_no_more_tries(call: Call) -> None:
    token = call.run("play_and_get_digits", ask())
    call.desk.settle(0.1)
    call.caller.press("9999")
    done = call.done(token)
    assert (done.variable("pin"), done.variable("pin_invalid")) == (None, "9999")


def test_a_terminator_ends_what_may_be_longer(call: Call) -> None:
    token = call.run("play_and_get_digits", ask(low=1, high=8, pattern=r"\d+"))
    call.desk.settle(0.1)
    call.caller.press("12#")
    done = call.done(token)
    assert (done.variable("pin"), done.variable("read_terminator_used")) == ("12", "#")


def test_nothing_is_typed(call: Call) -> None:
    began = monotonic()
    done = call.do("play_and_get_digits", ask(tries=2, timeout_ms=500))
    assert done.variable("pin") is None
    assert 1.9 < monotonic() - began < 8.0  # two prompts, two waits, two complaints


def test_digits_typed_while_idle_are_gone(call: Call) -> None:
    """In park they were told as events and taken away."""
    call.caller.press("1234")
    call.desk.settle(1.0)
    assert call.keys() == "1234"
    assert call.do("play_and_get_digits", ask(timeout_ms=500)).variable("pin") is None


@pytest.mark.parametrize(("terminators", "stops"), [("any", True), ("#", False), ("1", True), ("none", False)])
def test_terminators_of_a_playback(call: Call, terminators: str, stops: bool) -> None:
    assert call.desk.api("uuid_setvar", call.uuid, "playback_terminators", terminators) == "+OK"
    began = monotonic()
    whole = 6.0 if stops else 1.5  # long enough that a slow machine's break is not its end
    token = call.run("playback", f"tone_stream://%({whole * 1000:.0f},0,440)")
    call.desk.settle(0.2)
    call.caller.press("1")
    done = call.done(token)
    assert (monotonic() - began < whole - 0.1) == stops
    assert done.variable("playback_terminator_used") == ("1" if stops else None)
    assert done["Application-Response"] == "FILE PLAYED"


def test_keys_that_end_one_playback_end_no_other(call: Call) -> None:
    """A scope variable (`esl.execute`: ``during``), which is how the engine says at which keys a prompt ends."""
    links, tone = call.desk.links, "tone_stream://%({},0,440)"
    ends = {"playback_terminators": "12"}
    links.execute(call.uuid, "playback", tone.format(6000), event_uuid="with.keys", during=ends).wait(5.0)
    call.desk.settle(0.2)
    call.caller.press("2")
    done = call.done("with.keys", 4.0)
    assert done["Application-Data"] == tone.format(6000)
    assert done.variable("current_application_data") == tone.format(6000)  # `orders.look` compares it
    assert done.variable("playback_terminators") == "none"
    began = monotonic()
    links.execute(call.uuid, "playback", tone.format(1500), event_uuid="without").wait(5.0)
    call.desk.settle(0.2)
    call.caller.press("2")
    call.done("without")
    assert monotonic() - began > 1.4


def test_a_sleep_is_ended_by_a_break(call: Call) -> None:
    began = monotonic()
    token = call.run("sleep", "10000")
    call.desk.settle(0.2)
    call.cut()
    call.done(token)
    assert monotonic() - began < 8.0


def test_an_application_that_repeats(call: Call, bare: Tap) -> None:
    """`loops` of a `sendmsg` plays again; one completion each, all with the same token."""
    head = f"sendmsg {call.uuid}\ncall-command: execute\nexecute-app-name: playback\n"
    argument = "execute-app-arg: tone_stream://%(600,0,440)\nloops: 2\nevent-uuid: loop.1"
    assert bare.command(head + argument) == "+OK"
    wait_for(lambda: len(call.story()) >= 5, "two completions")
    call.desk.settle(0.8)
    assert [line[:3] for line in call.story()[3:]] == [("COMPLETE", "playback", "loop.1")] * 2
