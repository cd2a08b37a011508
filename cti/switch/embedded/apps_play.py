"""Applications that play to the caller and collect digits (switch_ivr_play_say.c, switch_ivr_async.c)."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import re2

from cti.switch.embedded import session
from cti.switch.embedded.apps import app
from cti.switch.embedded.channel import Channel
from cti.switch.embedded.ends import Heard
from cti.switch.embedded.media import Piece, open_media, text_duration
from cti.switch.embedded.task import FRAME_S, Steps

EPSILON = 1e-4
SAMPLES = 8000


class Status(Enum):
    SUCCESS = "success"
    BREAK = "break"
    FALSE = "false"
    NOT_FOUND = "notfound"
    TIMEOUT = "timeout"
    TOO_SMALL = "too_small"


OnDigit = Callable[[str], bool]
"""Told of a digit during playback; True stops it."""


def play_file(channel: Channel, argument: str, on_digit: OnDigit | None) -> Steps[Status]:
    """switch_ivr_play_file: PLAYBACK_START, the time it takes, PLAYBACK_STOP.

    Whatever is executed meanwhile runs inside and stops our clock: the rest is played afterwards.
    """
    if not argument or not channel.ready():  # on its way elsewhere
        return Status.FALSE
    pieces = open_media(argument, channel.core.config.sound_dir)
    if pieces is None:
        return Status.NOT_FOUND
    if not channel.has_media:
        channel.pre_answer()
    about = [("Playback-File-Path", argument)]
    for kind in ("local_stream", "tone_stream"):
        if argument.startswith(kind + ":"):
            about.insert(0, ("Playback-File-Type", kind))
    channel.fire("PLAYBACK_START", about)
    status, played = yield from _play(channel, pieces, on_digit)
    samples = round(played * SAMPLES)
    channel.setvar("playback_last_offset_pos", str(samples))
    channel.setvar("playback_seconds", str(samples // SAMPLES))
    channel.setvar("playback_ms", str(samples * 1000 // SAMPLES))
    channel.setvar("playback_samples", str(samples))
    word = "break" if status is Status.BREAK else "done"
    channel.fire("PLAYBACK_STOP", [*about, ("Playback-Status", word)])
    return status


def _play(channel: Channel, pieces: list[Piece], on_digit: OnDigit | None) -> Steps[tuple[Status, float]]:
    clock = channel.core.clock
    played = 0.0
    for piece in pieces:
        heard = Heard(piece.kind, piece.text, clock.now(), piece.duration_s)
        channel.far.heard(heard, False)
        left = piece.duration_s
        status = Status.SUCCESS
        while left > EPSILON:
            started = clock.now()
            yield started + (FRAME_S if channel.dtmf or channel.brk else left)
            left -= clock.now() - started
            status = yield from _look(channel, on_digit)  # what runs inside stops our clock: the rest follows
            if status is not Status.SUCCESS:
                break
        heard.duration_s = piece.duration_s - max(left, 0.0)
        heard.interrupted = status is not Status.SUCCESS and left > EPSILON
        played += heard.duration_s
        channel.far.heard(heard, True)
        if status is not Status.SUCCESS:
            return status, played
    return Status.SUCCESS, played


def _look(channel: Channel, on_digit: OnDigit | None) -> Steps[Status]:
    """One pass of the playback loop: alive? broken? messages? digits?"""
    if not channel.ready():
        return Status.FALSE
    if channel.brk:
        channel.brk = 0
        return Status.BREAK
    yield from session.parse_all_events(channel)
    if not channel.ready():
        return Status.FALSE
    if on_digit is not None and channel.dtmf:
        digit = session.take_digit(channel)
        if on_digit(digit):
            return Status.BREAK
    return Status.SUCCESS


def terminator_check(channel: Channel) -> OnDigit:
    """The rule of ``playback_terminators``: ``*`` when unset, ``any``, ``none``, or a set of keys."""

    def check(digit: str) -> bool:
        keys = channel.getvar("playback_terminators")
        keys = "*" if keys is None else keys
        word = keys.lower()
        keys = "1234567890*#" if word == "any" else "" if word == "none" else keys
        if digit and digit in keys:
            channel.setvar("playback_terminator_used", digit)
            return True
        return False

    return check


@app("playback", needs_media=True)
def playback(channel: Channel, argument: str) -> Steps[None]:
    path = argument.split("@@")[0]
    channel.setvar("playback_terminator_used", None)
    status = yield from play_file(channel, path, terminator_check(channel))
    words = {Status.SUCCESS: "FILE PLAYED", Status.BREAK: "FILE PLAYED", Status.NOT_FOUND: "FILE NOT FOUND"}
    channel.setvar("current_application_response", words.get(status, "PLAYBACK ERROR"))


@app("endless_playback", needs_media=True)
def endless_playback(channel: Channel, argument: str) -> Steps[None]:
    while channel.ready():
        status = yield from play_file(channel, argument, None)
        if status is not Status.SUCCESS:
            return


@app("speak", needs_media=True)
def speak(channel: Channel, argument: str) -> Steps[None]:
    """``engine|voice|text``: no PLAYBACK events, as on the real switch."""
    parts = argument.split("|")
    yield from _say(channel, parts[2] if len(parts) > 2 else "")


@app("say", needs_media=True)
def say(channel: Channel, argument: str) -> Steps[None]:
    """``module type method text``; the caller hears the text itself."""
    words = argument.split(None, 3)
    yield from _say(channel, words[3] if len(words) > 3 else "")


def _say(channel: Channel, text: str) -> Steps[None]:
    if text:
        yield from _play(channel, [Piece("say", text, text_duration(text))], terminator_check(channel))


@app("gentones", needs_media=True)
def gentones(channel: Channel, argument: str) -> Steps[None]:
    yield from _play(channel, open_media("tone_stream://" + argument) or [], terminator_check(channel))


# ---- digits ---------------------------------------------------------------------------------------------------------


class Digits:
    """One reading of digits: what was typed and how it ended."""

    def __init__(self) -> None:
        self.text = ""
        self.terminator = ""


def read_digits(
    channel: Channel,
    digits: Digits,
    low: int,
    high: int,
    prompt: str,
    variable: str,
    timeout_s: float,
    terminators: str,
    digit_timeout_s: float,
) -> Steps[Status]:
    """switch_ivr_read. The prompt stops at the first digit, which counts."""
    channel.setvar("read_result", None)
    if variable:
        channel.setvar(variable, None)
    high = max(low, high)
    channel.pre_answer()
    status = Status.SUCCESS

    def first(digit: str) -> bool:
        digits.text = digit
        return True

    if prompt and prompt.lower() != "silence":
        status = yield from play_file(channel, prompt, first)
        if status not in {Status.SUCCESS, Status.BREAK}:
            return status
        status = Status.SUCCESS
    if (low and len(digits.text) < low) or len(digits.text) < high:
        status = yield from _collect(channel, digits, high, terminators, timeout_s, digit_timeout_s)
    if digits.terminator:
        channel.setvar("read_terminator_used", digits.terminator)
    elif terminators.startswith("="):
        status = Status.TOO_SMALL
    if low and len(digits.text) < low:
        status = Status.TOO_SMALL
    word = {Status.SUCCESS: "success", Status.TIMEOUT: "timeout"}.get(status, "failure")
    channel.setvar("read_result", word)
    if variable and digits.text:
        channel.setvar(variable, digits.text)
    return status


def _collect(
    channel: Channel, digits: Digits, high: int, terminators: str, timeout_s: float, digit_timeout_s: float
) -> Steps[Status]:
    """switch_ivr_collect_digits_count: until enough digits, a terminator, silence or the end."""
    clock = channel.core.clock
    until = clock.now() + (digit_timeout_s if digits.text else timeout_s)
    while channel.ready():
        if channel.brk:
            channel.brk = 0
            return Status.BREAK
        yield from session.parse_all_events(channel)
        if not channel.ready():
            break
        while channel.dtmf and len(digits.text) < high:
            digit = session.take_digit(channel)
            until = clock.now() + digit_timeout_s
            if digit in terminators.lstrip("=+x"):
                digits.terminator = digit
                return Status.SUCCESS
            digits.text += digit
            if len(digits.text) >= high:
                return Status.SUCCESS
        if clock.now() >= until - EPSILON:
            return Status.TIMEOUT
        yield until
    return Status.FALSE


def _number(words: list[str], index: int, default: int) -> int:
    try:
        return int(words[index])
    except (IndexError, ValueError):
        return default


@app("read", needs_media=True)
def read(channel: Channel, argument: str) -> Steps[None]:
    """``min max file variable timeout_ms terminators [digit_timeout_ms]``."""
    words = argument.split(" ")
    if len(words) < 4:
        return
    timeout = _number(words, 4, 1000) / 1000.0
    terminators = words[5] if len(words) > 5 else "#"
    digit_timeout = _number(words, 6, 0) / 1000.0 or timeout
    digits = Digits()
    yield from read_digits(
        channel, digits, _number(words, 0, 0), _number(words, 1, 128), words[2], words[3], timeout, terminators,
        digit_timeout,
    )  # fmt: skip


@app("play_and_get_digits", needs_media=True)
def play_and_get_digits(channel: Channel, argument: str) -> Steps[None]:
    """``min max tries timeout_ms terminators file invalid_file variable [regexp [digit_timeout_ms [transfer…]]]``."""
    words = argument.split(" ")
    if len(words) < 8:
        return
    low, high, tries = _number(words, 0, 0), _number(words, 1, 0), _number(words, 2, 1)
    timeout = _number(words, 3, 5000) / 1000.0
    digit_timeout = _number(words, 9, 0) / 1000.0 or timeout
    variable, pattern = words[7], words[8] if len(words) > 8 else ""
    if pattern:
        channel.setvar(f"{variable}_invalid", None)
    while channel.ready() and tries > 0:
        digits = Digits()
        status = yield from read_digits(
            channel, digits, low, high, words[5], variable, timeout, words[4], digit_timeout
        )
        if status is Status.TIMEOUT and len(digits.text) >= low:
            status = Status.SUCCESS
        if low == 0 and not digits.text and channel.getvar("read_terminator_used"):
            return
        if status is Status.SUCCESS and digits.text:
            if not pattern or _matches(pattern, digits.text):
                return
            channel.setvar(variable, None)
            channel.setvar(f"{variable}_invalid", digits.text)
        if not channel.ready():
            return
        yield from play_file(channel, words[6], None)
        tries -= 1
    if len(words) > 10:
        where = [*words[10:13], "XML", "default"][:3]
        session.transfer(channel, where[0], where[1], where[2])


def _matches(pattern: str, text: str) -> bool:
    try:
        return re2.search(pattern, text) is not None
    except re2.error:
        return False
