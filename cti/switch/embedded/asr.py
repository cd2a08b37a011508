"""`detect_speech` (mod_dptools, switch_ivr_async.c) without sound: a recogniser that understands what a virtual caller
says (`Say` in its script).

Two engines are there. ``test`` behaves like mod_test of the switch's sources: it answers JSON with what its parameters
``result`` and ``confidence`` say, whatever was said. ``unimrcp`` answers what the caller says, as mod_unimrcp gives the
result of an MRCPv2 server: NLSML, or ``Completion-Cause`` without a match. Parameters known: ``no-input-timeout``,
``speech-timeout``, ``recognition-timeout`` and ``vad-silence-ms`` (milliseconds), ``result``, ``confidence``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from cti.switch.embedded.apps import quick
from cti.switch.embedded.channel import Channel
from cti.switch.embedded.utterance import Utterance

BUG = "detect_speech"
NO_INPUT_MS, SPEECH_MS, SILENCE_MS = 5000, 10_000, 700
FRAME_S = 0.02
_PARAMS = re.compile(r"\{([^}]*)\}")


@dataclass(slots=True)
class Ear:
    """A session of a recogniser on a channel. ``turn`` changes with every start: timers of an earlier one are void."""

    engine: str
    target: str
    grammar: str = ""
    params: dict[str, str] = field(default_factory=dict)
    turn: int = 0
    began: bool = False
    done: bool = False

    def milliseconds(self, *names: str, default: int) -> float:
        """In seconds: of the first name that is given."""
        told = next((self.params[name] for name in names if self.params.get(name, "").isdigit()), None)
        return (int(told) if told is not None else default) / 1000


Answer = Callable[[Ear, Utterance | None], str]


def _test_answer(ear: Ear, said: Utterance | None) -> str:
    if said is None:
        return f'{{"grammar": "{ear.grammar}", "text": "", "confidence": 0, "error": "no_input"}}'
    text, confidence = ear.params.get("result", "agent"), float(ear.params.get("confidence", "87.3"))
    return f'{{"grammar": "{ear.grammar}", "text": "{text}", "confidence": {confidence:.6f}}}'


def _mrcp_answer(ear: Ear, said: Utterance | None) -> str:
    if said is None:
        return "Completion-Cause: 002"
    if not said.text:
        return "Completion-Cause: 001"
    text, grammar = escape(said.text), escape(ear.grammar, {'"': "&quot;"})
    return (
        '<?xml version="1.0"?>\n<result xmlns="urn:ietf:params:xml:ns:mrcpv2">\n'
        f'  <interpretation grammar="{grammar}" confidence="{said.confidence:g}">\n'
        f'    <instance>{text}</instance>\n    <input mode="speech">{text}</input>\n'
        "  </interpretation>\n</result>"
    )


ENGINES: Mapping[str, Answer] = {"test": _test_answer, "unimrcp": _mrcp_answer}


@quick("detect_speech")
def detect_speech(channel: Channel, argument: str) -> None:
    """``<engine> {name=value,…}<grammar> <name> [<profile>]``, or ``stop``, ``pause``, ``resume``, ``param <n> <v>``.

    An engine that is not there is no error that anybody is told of.
    """
    words = split_words(argument)
    ear = channel.ear
    if words[:1] == ["stop"]:
        stop_listening(channel)
    elif words[:1] == ["pause"] and ear is not None:
        ear.turn, ear.done = ear.turn + 1, True
    elif words[:1] == ["resume"] and ear is not None:
        _start(channel, ear)
    elif words[:1] == ["param"] and ear is not None and len(words) > 2:
        ear.params[words[1]] = words[2]
    elif len(words) >= 3:
        _listen(channel, words)


def split_words(text: str) -> list[str]:
    """switch_utils.c, separate_string_blank_delim: at blanks; '…' keeps them, and a backslash the quote inside."""
    words, word, quoted, at, begun = [], "", False, 0, False
    while at < len(text):
        char = text[at]
        if char == "\\" and text[at + 1 : at + 2] in ("'", "\\", '"'):
            word, at, begun = word + text[at + 1], at + 1, True
        elif char == "'":
            quoted, begun = not quoted, True
        elif char == " " and not quoted:
            words += [word] if begun else []
            word, begun = "", False
        else:
            word, begun = word + char, True
        at += 1
    return words + ([word] if begun else [])


def _listen(channel: Channel, words: list[str]) -> None:
    engine, text = words[0], words[1]
    ear = channel.ear
    if ear is None:
        if engine.partition(":")[0] not in ENGINES or not channel.has_media:
            return
        profile = words[3] if len(words) > 3 else "(null)"
        ear = channel.ear = Ear(engine.partition(":")[0], f"{engine}/(null)/(null)/{profile}")
        channel.fire("MEDIA_BUG_START", [("Media-Bug-Function", BUG), ("Media-Bug-Target", ear.target)])
    params = _PARAMS.match(text)
    if params:
        pairs = (pair.partition("=") for pair in params[1].split(","))
        ear.params.update({name: value for name, equals, value in pairs if name and equals})
    elif text.startswith("{"):
        stop_listening(channel)
        return
    ear.grammar = text[params.end() :] if params else text
    _start(channel, ear)


def _start(channel: Channel, ear: Ear) -> None:
    """From now on, and with what is being said right now."""
    ear.turn, ear.began, ear.done = ear.turn + 1, False, False
    clock = channel.core.clock
    turn = ear.turn
    quiet_s = ear.milliseconds("no-input-timeout", default=NO_INPUT_MS)
    clock.call_at(clock.now() + quiet_s, lambda: None if ear.began else _result(channel, ear, turn, None))
    if channel.utterance is not None and channel.utterance.until > clock.now():
        hear(channel, channel.utterance)


def hear(channel: Channel, said: Utterance) -> None:
    """The caller begins to speak; whether anybody listens is seen here."""
    ear = channel.ear
    if ear is None or ear.done or ear.began:
        return
    clock, turn = channel.core.clock, ear.turn
    ear.began = True
    _tell(channel, "begin-speaking")
    longest = ear.milliseconds("speech-timeout", "recognition-timeout", default=SPEECH_MS)
    silence = ear.milliseconds("vad-silence-ms", default=SILENCE_MS)
    until = min(said.until + silence, clock.now() + longest)
    clock.call_at(max(until, clock.now() + FRAME_S), lambda: _result(channel, ear, turn, said))


def _result(channel: Channel, ear: Ear, turn: int, said: Utterance | None) -> None:
    if channel.ear is ear and ear.turn == turn and not ear.done and channel.up():
        ear.done = True
        _tell(channel, "detected-speech", ENGINES[ear.engine](ear, said))


def stop_listening(channel: Channel) -> None:
    ear, channel.ear = channel.ear, None
    if ear is not None:
        _tell(channel, "closed", last=True)
        channel.fire("MEDIA_BUG_STOP", [("Media-Bug-Function", BUG), ("Media-Bug-Target", ear.target)])


def _tell(channel: Channel, kind: str, body: str = "", *, last: bool = False) -> None:
    """To the channel's queue, which `park` tells of and any other application throws away; with ``fire_asr_events``
    at once, too."""
    if channel.is_true("fire_asr_events"):
        fire_detected(channel, kind, body)
    if last or channel.stack == 0:
        channel.detected.append((kind, body))
        channel.poke()


def fire_detected(channel: Channel, kind: str, body: str) -> None:
    channel.fire("DETECTED_SPEECH", first=[("Speech-Type", kind)], body=body)
