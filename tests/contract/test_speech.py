"""`detect_speech`: what the switch tells of a recogniser, and the adapter that listens by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cti.core.commands import Listen
from cti.core.events import Heard
from cti.esl import Event, Frame
from cti.switch.links.pending import Pending
from cti.switch.speech import SPEECH_EVENTS, Ears, Engine

from .desk import Call, Desk
from .embedded_rig import EmbeddedRig
from .mouths import find_recogniser, hush, speak
from .rig import Rig, wait_for

NO_RECOGNISER = (
    "the real switch has no speech recogniser to test with: build mod_test of its sources "
    "(make -C src/mod/applications/mod_test) and put mod_test.so into its folder of modules"
)
BEGIN = "{no-input-timeout=5000,vad-silence-ms=200,result=one}builtin:speech/digits digits"
LIMIT_S = 20.0


@pytest.fixture
def engine(rig: Rig) -> str:
    name = "test" if isinstance(rig, EmbeddedRig) else find_recogniser(rig)
    if name is None:
        pytest.skip(NO_RECOGNISER)
    return name


class Wire:
    """What `Ears` asks of a driver, of one call."""

    epoch = 1
    up = True

    def __init__(self, call: Call) -> None:
        self.call = call
        self.sent: list[str] = []

    def run(self, uuid: str, application: str, argument: str) -> tuple[str, Pending[Frame]]:
        self.sent.append(argument)
        token = f"ears.{len(self.sent)}"
        return token, self.call.desk.links.execute(uuid, application, argument, event_uuid=token)


class Ear:
    """The adapter at work on one call; ``heard`` in order."""

    def __init__(self, call: Call, engine: Engine) -> None:
        self.call, self.heard = call, list[Heard]()
        self.ears = Ears(Wire(call), engine)
        call.desk.heard.also.append(self.ears.on_event)

    def listen(self, ref: int = 1, silence_s: float = 5.0, expects: str = "phone") -> None:
        self.ears.listen(self.call.uuid, Listen(ref, expects, "zh-CN", (), silence_s, 5.0), self.heard.append)

    def wait(self) -> Heard:
        wait_for(lambda: bool(self.heard), "something is heard", LIMIT_S)
        return self.heard[0]

    def hears_audio(self) -> None:
        self.call.wait("MEDIA_BUG_START")
        self.call.done("ears.1")


@pytest.fixture
def call(desk: Desk) -> Iterator[Call]:
    arrived = desk.arrive()
    hush(arrived.caller)
    arrived.answer()
    yield arrived
    desk.heard.also.clear()


@pytest.fixture
def engine_of(engine: str, desk: Desk) -> Engine:
    params = {"result": "一 三 八", "confidence": "87.5", "vad-silence-ms": "200"}
    return Engine(engine, params=params, folder=Path(desk.rig.folder) / "grammars")


def told(call: Call) -> list[tuple[str, ...]]:
    """Events of the recogniser, and the completions of what was ordered of it."""
    found: list[tuple[str, ...]] = []
    for event in call.desk.heard.events[call.since :]:
        if event.get("Unique-ID") == call.uuid:
            found += _line(event)
    return found


def _line(event: Event) -> list[tuple[str, ...]]:
    if event.name in SPEECH_EVENTS:
        return [(event.get("Speech-Type") or event.name,)]
    if event.name == "CHANNEL_EXECUTE_COMPLETE" and event.get("Application") == "detect_speech":
        return [("COMPLETE", event.get("Application-UUID") or "")]
    return []


def spoken(call: Call, kind: str) -> None:
    wait_for(lambda: (kind,) in told(call), kind, LIMIT_S)


# ---- what the switch tells -------------------------------------------------------------------------------------------


def test_speech_and_its_result(call: Call, engine: str) -> None:
    call.do("detect_speech", f"{engine} {BEGIN}", "begin")
    speak(call.caller, 0.4)
    spoken(call, "detected-speech")
    call.do("detect_speech", "stop", "stop")
    spoken(call, "closed")
    order = ["begin-speaking", "detected-speech", "MEDIA_BUG_STOP"]
    assert told(call) == [
        ("MEDIA_BUG_START",),
        ("COMPLETE", "begin"),
        *((name,) for name in order),
        ("COMPLETE", "stop"),
        ("closed",),
    ]
    (result,) = [e for e in call.desk.heard.events[call.since :] if e.get("Speech-Type") == "detected-speech"]
    assert result.body == '{"grammar": "builtin:speech/digits", "text": "one", "confidence": 87.300000}'


def test_no_such_engine_is_told_by_nothing(call: Call, engine: str) -> None:
    call.do("detect_speech", "nosuch builtin:speech/digits digits", "begin")
    assert told(call) == [("COMPLETE", "begin")]


def test_a_refused_grammar(call: Call, engine: str) -> None:
    call.do("detect_speech", f"{engine} {{no-input-timeout=400 builtin:speech/digits digits", "begin")
    spoken(call, "closed")
    assert told(call) == [("MEDIA_BUG_START",), ("MEDIA_BUG_STOP",), ("COMPLETE", "begin"), ("closed",)]


def test_a_hang_up_ends_it(call: Call, engine: str) -> None:
    call.do("detect_speech", f"{engine} {BEGIN}", "begin")
    call.caller.hang_up()
    call.wait("CHANNEL_HANGUP_COMPLETE")
    assert told(call) == [("MEDIA_BUG_START",), ("COMPLETE", "begin"), ("MEDIA_BUG_STOP",)]


# ---- the adapter -----------------------------------------------------------------------------------------------------


def test_the_adapter_hears(call: Call, engine_of: Engine) -> None:
    """With a grammar file, which the switch is told by its path."""
    ear = Ear(call, engine_of)
    ear.listen()
    ear.hears_audio()
    speak(call.caller, 0.4)
    assert ear.wait() == Heard(1, "heard", "一 三 八", 0.875)
    spoken(call, "closed")
    wait_for(ear.ears.idle, "the recogniser is closed")
    (file,) = (Path(call.desk.rig.folder) / "grammars").glob("*.grxml")
    (result,) = [e for e in call.desk.heard.events[call.since :] if e.get("Speech-Type") == "detected-speech"]
    assert f'"grammar": "{file}"' in result.body


def test_the_adapter_hears_silence(call: Call, engine_of: Engine) -> None:
    ear = Ear(call, engine_of)
    ear.listen(silence_s=0.3)
    assert ear.wait() == Heard(1, "silence")


def test_the_adapter_knows_at_once_that_there_is_no_engine(call: Call, engine: str) -> None:
    ear = Ear(call, Engine("nosuch", grammar="builtin"))
    ear.listen(silence_s=30.0)
    assert ear.wait() == Heard(1, "unavailable")


def test_a_grammar_in_the_command_arrives_whole(call: Call, engine: str) -> None:
    """mod_test does not quote it in its JSON: the answer cannot be read, and that is said."""
    ear = Ear(call, Engine(engine, grammar="inline", params={"result": "it's", "vad-silence-ms": "200"}))
    ear.listen(silence_s=0.3, expects="yes_no")
    assert ear.wait() == Heard(1, "unavailable")
    (result,) = [e for e in call.desk.heard.events[call.since :] if e.get("Speech-Type") == "detected-speech"]
    assert "<item>没 错</item>" in result.body
    assert 'mode="voice" root="yes_no"' in result.body


def test_stopped_and_begun_again_at_once(call: Call, engine_of: Engine) -> None:
    ear = Ear(call, engine_of)
    ear.listen(1)
    ear.hears_audio()
    ear.ears.stop(call.uuid, 1)
    ear.listen(2, silence_s=0.3)
    assert ear.wait() == Heard(2, "silence")


def test_keys_beside_a_recogniser(call: Call, engine_of: Engine) -> None:
    ear = Ear(call, engine_of)
    ear.listen()
    ear.hears_audio()
    call.caller.press("12")
    wait_for(lambda: call.keys() == "12", "the keys are told")
    assert ear.heard == []
    ear.ears.stop(call.uuid, 1)
    wait_for(ear.ears.idle, "the recogniser is closed")
