"""Spoken answers by the switch's own recogniser: `detect_speech` on the embedded switch, what callers say by script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from cti.config import Settings, SpeechSettings
from cti.switch.embedded import Hear, Keys, Say, Wait

from .platform import Platform, path, summary, uuid_of

ASKED = Hear("Which number", ended=True)
AMOUNT = Hear("金额", ended=True)


class Listening(Platform):
    """With a recogniser in its configuration."""

    speech = SpeechSettings(engine="unimrcp", params={"vad-silence-ms": "50"})

    def settings(self) -> Settings:
        return super().settings().model_copy(update={"speech": self.speech})

    def begun(self, caller: Any, times: int = 1) -> None:
        """The recogniser hears the caller's audio."""

        def starts() -> bool:
            return len(self.events(uuid_of(caller), "MEDIA_BUG_START")) >= times

        self.until(starts, "somebody listens")

    def nothing_left(self) -> list[str]:
        ears = self.driver.ears
        assert ears is not None
        return super().nothing_left() + ([] if ears.idle() else [f"listeners: {vars(ears)}"])


@pytest.fixture
def hears(tmp_path: Path) -> Iterator[Listening]:
    platform = Listening(tmp_path)
    yield platform
    platform.close()
    platform.stop()


@pytest.fixture
def deaf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listening]:
    """The switch lacks the module that the configuration names."""
    monkeypatch.setattr(Listening, "speech", SpeechSettings(engine="nosuch"))
    platform = Listening(tmp_path)
    yield platform
    platform.close()
    platform.stop()


@pytest.mark.parametrize(
    ("said", "exit"),
    [
        (Say("one three eight double oh one three eight triple oh", seconds=0.1), "filled"),
        (Say("138 0013 8000", 0.6, seconds=0.1), "filled"),
        (Say("138 0013 8000", 0.59, seconds=0.1), "no_match"),
        (Say("a hundred elephants", seconds=0.1), "no_match"),
        (Say("", seconds=0.1), "no_match"),
        (Wait(0.0), "no_input"),
    ],
    ids=["words", "figures", "unsure", "no number", "noise", "silence"],
)
def test_what_the_caller_says(hears: Listening, said: Say | Wait, exit: str) -> None:
    detail = hears.over(hears.call("spoken", ASKED, said))
    assert path(detail)[0] == ("which", exit)
    assert detail.call.outcome == ("known" if exit == "filled" else "nothing")


def test_the_switch_is_told_the_grammar_of_the_type(hears: Listening) -> None:
    caller = hears.call("spoken", ASKED, Say("13800138000", seconds=0.1))
    hears.over(caller)
    told = [e.get("Application-Data") or "" for e in hears.events(uuid_of(caller), "CHANNEL_EXECUTE_COMPLETE")]
    (begin,) = [text for text in told if text.startswith("unimrcp")]
    assert "no-input-timeout=1000,recognition-timeout=10000" in begin
    assert "speech-language=en-US" in begin
    file = Path(begin.partition("}")[2].partition(" ")[0])
    assert file.parent == hears.folder / "data" / "grammars"
    assert ElementTree.parse(file).getroot().get("root") == "digits"


def test_keys_win_over_speech(hears: Listening) -> None:
    """The caller types while speaking: what the recogniser makes of it is nobody's."""
    caller = hears.call("spoken", ASKED)
    hears.begun(caller)
    caller.say("13811111111", 0.99, 0.3)
    caller.press("13800138000#")
    detail = hears.over(caller)
    assert (detail.call.outcome, path(detail)[0]) == ("known", ("which", "filled"))
    (written,) = detail.visits[:1]
    assert "8000" in str(written)
    assert not [
        e for e in hears.events(uuid_of(caller), "DETECTED_SPEECH") if e.get("Speech-Type") == "detected-speech"
    ]


def test_the_caller_hangs_up_while_speaking(hears: Listening) -> None:
    caller = hears.call("spoken", ASKED)
    hears.begun(caller)
    caller.say("13811111111", 0.99, 5.0)
    caller.hangup()
    assert summary(hears.over(caller))[0] == "caller_hangup"
    hears.close()


@pytest.mark.parametrize("script", [(), (Keys("13800138000#", 0.02),)], ids=["silent", "keys"])
def test_without_the_module_keys_are_taken_and_silence_ends(deaf: Listening, script: Any) -> None:
    caller = deaf.call("spoken", ASKED, *script)
    detail = deaf.over(caller)
    assert path(detail)[0] == ("which", "filled" if script else "no_input")
    assert not deaf.events(uuid_of(caller), "DETECTED_SPEECH", "MEDIA_BUG_START")


def test_the_link_is_lost_while_the_caller_speaks(hears: Listening) -> None:
    """What was said in the gap is lost; the caller is not kept waiting, and asked by the usual way."""
    caller = hears.call("spoken", ASKED)
    hears.begun(caller)
    hears.cut()
    caller.say("13800138000", 0.99, 0.05)
    hears.until(lambda: (caller.channel is not None and caller.channel.ear is None) or _done(caller), "a result")
    hears.mend()
    detail = hears.over(caller)
    assert path(detail)[0] == ("which", "no_input")


def _done(caller: Any) -> bool:
    return bool(caller.channel.ear is not None and caller.channel.ear.done)


def test_a_session_of_an_earlier_engine_is_in_the_way(hears: Listening) -> None:
    """The engine dies while it listens. The next one begins the flow again, and hears the caller."""
    caller = hears.call("spoken", ASKED)
    hears.begun(caller)
    assert caller.channel is not None
    first = caller.channel.ear
    hears.kill_engine()
    hears.restart_engine()
    hears.begun(caller, 2)
    assert caller.channel.ear is not first
    caller.say("13800138000", 0.99, 0.05)
    assert hears.over(caller).call.outcome == "known"


def test_a_switch_that_dies_while_it_listens(hears: Listening) -> None:
    caller = hears.call("spoken", ASKED)
    hears.begun(caller)
    uuid = uuid_of(caller)
    hears.kill_switch()
    hears.new_switch()
    assert hears.recorded(uuid).call.terminal_cause == "switch_lost"


# ---- doubt, and another language -------------------------------------------------------------------------------------


def test_an_amount_in_chinese(hears: Listening) -> None:
    caller = hears.call("spoken_bill", Keys("1"), AMOUNT, Say("八十八块五", 0.9, 0.1))
    assert hears.over(caller).call.outcome == "paid"
    assert "金额是88.5。" in "".join(hears.spoken(caller))


def test_doubt_is_read_back_and_confirmed_by_word(hears: Listening) -> None:
    script = (Keys("1"), AMOUNT, Say("八十八块五", 0.7, 0.1), Hear("88.5", ended=True), Say("对", 0.9, 0.1))
    caller = hears.call("spoken_bill", *script)
    detail = hears.over(caller)
    assert detail.call.outcome == "paid"
    assert len(hears.events(uuid_of(caller), "MEDIA_BUG_START")) == 2


def test_the_language_of_the_call_is_the_recognisers(hears: Listening) -> None:
    said = Say("eighty-eight yuan and fifty cents", 0.9, 0.1)
    caller = hears.call("spoken_bill", Keys("2"), Hear("How much", ended=True), said)
    assert hears.over(caller).call.outcome == "paid"
    assert "You said 88.5." in " ".join(hears.spoken(caller))
    told = [e.get("Application-Data") or "" for e in hears.events(uuid_of(caller), "CHANNEL_EXECUTE_COMPLETE")]
    assert [text for text in told if "speech-language=en-US" in text]
