"""The renderer's sound: checked on numbers, not by ear."""

from __future__ import annotations

import math
import subprocess
import wave
from array import array
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.core.errors import CtiError
from cti.prompts import EspeakMissing, Renderer
from cti.prompts.parts import spoken_text
from cti.prompts.render_child import RATE, parse_wav, resample, trim
from cti.prompts.renderer import _literal

ESPEAK_RATE = 22_050


def tone(hertz: float, seconds: float = 0.5, level: int = 10_000) -> array[int]:
    count = int(seconds * ESPEAK_RATE)
    return array("h", (round(level * math.sin(2 * math.pi * hertz * n / ESPEAK_RATE)) for n in range(count)))


def level_db(samples: array[int]) -> float:
    """Level of the middle half, relative to a sine of amplitude 10,000."""
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    power = sum(s * s for s in middle) / len(middle)
    return 10 * math.log10(max(power, 1e-9) / (10_000**2 / 2))


@pytest.mark.parametrize("hertz", [200, 1000, 3000, 3400])
def test_the_telephone_band_passes_unchanged(hertz: int) -> None:
    assert level_db(resample(tone(hertz), ESPEAK_RATE)) == pytest.approx(0, abs=0.2)


@pytest.mark.parametrize("hertz", [4300, 5000, 7000, 10_000])
def test_what_would_alias_into_the_band_is_gone(hertz: int) -> None:
    assert level_db(resample(tone(hertz), ESPEAK_RATE)) < -50


def test_a_sine_comes_out_as_the_same_sine_at_the_new_rate() -> None:
    out = resample(tone(1000), ESPEAK_RATE)
    assert len(out) == 4000
    expected = [round(10_000 * math.sin(2 * math.pi * 1000 * n / RATE)) for n in range(len(out))]
    worst = max(abs(a - b) for a, b in zip(out[200:-200], expected[200:-200], strict=True))
    assert worst < 30


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-32768, 32767), max_size=400), st.sampled_from([8000, 11_025, 16_000, 22_050, 44_100]))
def test_any_samples_keep_their_duration_and_range(samples: list[int], rate: int) -> None:
    out = resample(samples, rate)
    assert len(out) == len(samples) * RATE // rate
    assert all(-32768 <= sample <= 32767 for sample in out)


def test_silence_at_the_ends_is_cut_and_pure_silence_is_nothing() -> None:
    loud = array("h", [5000, -5000] * 500)
    padded = array("h", [0] * 8000) + loud + array("h", [3] * 8000)
    assert trim(padded, 8000) == array("h", [0] * 240) + loud + array("h", [3] * 240)
    assert trim(array("h", [0] * 100), 8000) == array("h")


@pytest.mark.parametrize("data", [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + b"\x02" * 16])
def test_what_is_no_wav_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"WAV|PCM"):
        parse_wav(data)


def read(path: Path) -> tuple[tuple[int, int, int], float]:
    with wave.open(str(path)) as file:
        shape = (file.getframerate(), file.getsampwidth(), file.getnchannels())
        return shape, file.getnframes() / file.getframerate()


def test_a_text_becomes_a_telephone_wav(tmp_path: Path) -> None:
    Renderer().render("欢迎致电客户服务热线。", "cmn-latn-pinyin", tmp_path / "deep" / "a.wav")
    shape, seconds = read(tmp_path / "deep" / "a.wav")
    assert shape == (8000, 2, 1)
    assert 1.0 < seconds < 10.0
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["a.wav"]


@pytest.mark.parametrize(
    "trap",
    [
        "--version",
        "-f /etc/passwd",
        "[[h@l'oU]]",
        "<break time='9s'/>",
        "$(touch x) `touch y`; touch z",
        "\x01100P hello",
    ],
)
def test_options_markup_and_phonemes_in_a_text_are_only_text(tmp_path: Path, trap: str) -> None:
    Renderer().render(spoken_text(trap), "en-us", tmp_path / "trap.wav")
    _, seconds = read(tmp_path / "trap.wav")
    assert 0.3 < seconds < 8.0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["trap.wav"]


def test_phoneme_brackets_are_read_out_instead_of_obeyed(tmp_path: Path) -> None:
    """espeak-ng itself says [[h@l'oU]] as the word hello; ours spells out what stands there."""
    raw = subprocess.run(
        ["espeak-ng", "-v", "en-us", "-s", "160", "--stdin", "--stdout"],
        input=b"[[h@l'oU]]",
        capture_output=True,
        check=True,
    )
    rate, obeyed = parse_wav(raw.stdout)
    Renderer().render("[[h@l'oU]]", "en-us", tmp_path / "literal.wav")
    assert read(tmp_path / "literal.wav")[1] > 1.5 * len(trim(obeyed, rate)) / rate


@given(st.text(alphabet="[] a", max_size=30))
def test_no_phoneme_bracket_survives(text: str) -> None:
    assert "[[" not in _literal(text)
    assert _literal(text).replace(" ", "") == text.replace(" ", "")


def test_a_machine_without_espeak_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(EspeakMissing, match="apt-get install espeak-ng"):
        Renderer(path=str(tmp_path)).render("hello", "en-us", tmp_path / "a.wav")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "voice", "message"),
    [
        ("hello", "nosuch", "espeak-ng refused"),
        ("，。…", "cmn-latn-pinyin", "nothing to speak"),
        ("", "cmn-latn-pinyin", "nothing to speak"),
    ],
)
def test_what_cannot_be_spoken_leaves_no_file(tmp_path: Path, text: str, voice: str, message: str) -> None:
    with pytest.raises(CtiError, match=message) as refused:
        Renderer().render(text, voice, tmp_path / "a.wav")
    assert refused.value.code == "prompt-unavailable"
    assert list(tmp_path.iterdir()) == []


def test_what_is_played_once_is_left_at_the_rate_it_was_spoken_at(tmp_path: Path) -> None:
    """Bringing it down is four fifths of the work, and the switch does it while playing."""
    Renderer().render("您的余额是88元5角。", "cmn-latn-pinyin", tmp_path / "once.wav", once=True)
    Renderer().render("您的余额是88元5角。", "cmn-latn-pinyin", tmp_path / "kept.wav")
    (once, once_s), (kept, kept_s) = read(tmp_path / "once.wav"), read(tmp_path / "kept.wav")
    assert (once, kept) == ((22_050, 2, 1), (8_000, 2, 1))
    assert once_s == pytest.approx(kept_s, abs=0.02)
