"""Spoken answers through the whole engine on the embedded switch, with a recogniser in memory."""

from __future__ import annotations

from typing import Any

import pytest

from cti.channels.memory_speech import MemorySpeech
from cti.switch.embedded import Hear, Keys

from .platform import Platform, path, uuid_of


@pytest.fixture
def ears(platform: Platform) -> MemorySpeech:
    heard = MemorySpeech()
    object.__setattr__(platform.application.engine._services, "recogniser", heard)
    return heard


@pytest.mark.parametrize(
    ("said", "exit"),
    [
        (("13800000000", 0.9), "filled"),
        (("13800000000", 0.5), "no_match"),
        (("hello", 1.0), "no_match"),
        (("",), "no_input"),
    ],
)
def test_what_the_caller_says(platform: Platform, ears: MemorySpeech, said: tuple[Any, ...], exit: str) -> None:
    caller = platform.call("spoken", Hear("Which number"))
    wanted = platform.until(lambda: ears.wanted.get(uuid_of(caller)), "somebody listens")
    assert (wanted.expects, wanted.language, wanted.silence_s) == ("phone", "en-US", 1.0)
    ears.say(uuid_of(caller), *said)
    detail = platform.over(caller)
    assert path(detail)[0] == ("which", exit)
    assert detail.call.outcome == ("known" if exit == "filled" else "nothing")


def test_a_key_ends_the_listening(platform: Platform, ears: MemorySpeech) -> None:
    caller = platform.call("spoken", Hear("Which number"))
    platform.until(lambda: ears.wanted, "somebody listens")
    caller.press("13800000000#")
    assert platform.over(caller).call.outcome == "known"
    assert not ears.wanted


def test_a_recogniser_that_breaks_leaves_the_keys(
    platform: Platform, ears: MemorySpeech, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise OSError("gone")

    monkeypatch.setattr(ears, "listen", breaks)
    caller = platform.call("spoken", Hear("Which number"), Keys("13800000000#", 0.02))
    assert platform.over(caller).call.outcome == "known"


def test_without_a_recogniser_silence_is_no_input_after_the_usual_wait(platform: Platform) -> None:
    detail = platform.over(platform.call("spoken", Hear("Which number")))
    assert path(detail)[0] == ("which", "no_input")
    (visit,) = detail.visits[:1]
    assert visit.left_at is not None
    assert visit.left_at - visit.entered_at < 8.0
