"""A studio's files become telephone audio, or are refused with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.prompts.studio_audio import BadAudio, to_telephone
from tests.prompts.studio import ALAW, FLOAT, PCM, ULAW, tone, wav


def crossings(samples: Sequence[int]) -> int:
    return sum(one < 0 <= other for one, other in pairwise(samples))


def cut_off(hz: float, level: float) -> list[float]:
    return [max(-1.0, min(1.0, level * value)) for value in tone(hz, 0.3, level=1.0)]


@pytest.mark.parametrize(
    ("rate", "bits", "kind", "extensible", "channels"),
    [
        (8000, 16, PCM, False, 1),
        (8000, 8, PCM, False, 1),
        (11025, 16, PCM, False, 2),
        (16000, 24, PCM, False, 1),
        (22050, 32, PCM, False, 1),
        (44100, 16, PCM, False, 2),
        (48000, 24, PCM, True, 2),
        (48000, 32, FLOAT, False, 1),
        (96000, 64, FLOAT, True, 1),
        (8000, 8, ALAW, False, 1),
        (8000, 8, ULAW, False, 1),
        (16000, 8, ULAW, True, 2),
    ],
)
def test_every_form_becomes_the_telephones(rate: int, bits: int, kind: int, extensible: bool, channels: int) -> None:
    sound = tone(1000.0, 0.5, rate)
    made = to_telephone(wav([sound] * channels, rate, bits, kind, extensible))
    assert made.seconds == pytest.approx(0.5, abs=0.01)
    assert crossings(made.samples) == pytest.approx(500, abs=5)
    middle = made.samples[1000:3000]
    assert max(middle) == pytest.approx(16384, rel=0.04)
    assert min(middle) == pytest.approx(-16384, rel=0.04)


@pytest.mark.parametrize("rate", [22050, 44100, 48000, 96000])
def test_what_a_telephone_cannot_carry_does_not_fold_back(rate: int) -> None:
    """5 kHz would become 3 kHz if samples were merely left out."""
    mixed = [a + b for a, b in zip(tone(500.0, 0.3, rate, 0.3), tone(5000.0, 0.3, rate, 0.3), strict=True)]
    made = to_telephone(wav([mixed], rate))
    assert max(made.samples[400:2000]) == pytest.approx(0.3 * 32767, rel=0.05)
    shrill = to_telephone(wav([tone(500.0, 0.05, rate) + tone(5000.0, 0.3, rate) + tone(500.0, 0.05, rate)], rate))
    assert max(map(abs, shrill.samples[600:2200])) < 50


def test_silence_around_the_words_is_trimmed() -> None:
    quiet = [0.0] * 8000
    assert to_telephone(wav([quiet + tone(seconds=0.4) + quiet])).seconds == pytest.approx(0.5, abs=0.01)


def test_channels_that_cancel_each_other_and_an_empty_one() -> None:
    sound = tone(seconds=0.3)
    mirror = to_telephone(wav([sound, [-value for value in sound]]))
    assert max(mirror.samples) == pytest.approx(16384, rel=0.04)
    one_sided = to_telephone(wav([[0.0] * len(sound), sound]))
    assert max(one_sided.samples) > 8000


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"", "bad-audio", "no WAV file"),
        (b"ID3\x03" + bytes(100), "bad-audio", "no WAV file"),
        (wav([tone()])[:16], "bad-audio", "holds no samples"),
        (wav([tone()])[:30], "bad-audio", "broken off"),
        (wav([tone()] * 3), "bad-audio", "3 channels"),
        (wav([tone(rate=4000)], 4000), "bad-audio", "4000 samples a second"),
        (wav([tone(seconds=0.1)], bits=8, kind=17), "bad-audio", "kind 17 with 8 bits"),
        (wav([tone(seconds=0.1)], bits=16, kind=ALAW), "bad-audio", "kind 6 with 16 bits"),
        (wav([tone(seconds=0.1)], bits=8, kind=FLOAT), "bad-audio", "kind 3 with 8 bits"),
        (wav([[]]), "silent-audio", "empty"),
        (wav([[0.0] * 8000]), "silent-audio", "nothing is to be heard"),
        (wav([tone(level=0.005)]), "silent-audio", "nothing is to be heard"),
        (wav([cut_off(1000.0, 3.0)]), "clipped-audio", "the first time at 0.00 s"),
        (wav([cut_off(200.0, 3.0)], bits=8, kind=ALAW), "clipped-audio", "the first time at 0.00 s"),
        (wav([cut_off(200.0, 3.0)], bits=8, kind=ULAW), "clipped-audio", "the first time at 0.00 s"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_refused(data: bytes, code: str, words: str) -> None:
    with pytest.raises(BadAudio, match=words) as refused:
        to_telephone(data)
    assert refused.value.code == code


@pytest.mark.parametrize("hz", [100.0, 440.0, 1000.0])
@pytest.mark.parametrize(
    ("rate", "bits", "kind"), [(8000, 16, PCM), (48000, 16, PCM), (8000, 8, ALAW), (8000, 8, ULAW)]
)
def test_loud_is_not_clipped(hz: float, rate: int, bits: int, kind: int) -> None:
    assert to_telephone(wav([tone(hz, 0.3, rate, 1.0)], rate, bits, kind)).seconds == pytest.approx(0.3, abs=0.01)


def test_samples_that_are_no_numbers_are_silence() -> None:
    sound = [float("nan"), float("inf"), *tone(seconds=0.2)]
    assert to_telephone(wav([sound], bits=32, kind=FLOAT)).seconds == pytest.approx(0.2, abs=0.05)


@given(st.binary(max_size=200), st.integers(0, 300), st.integers(0, 300))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_taken_or_refused(noise: bytes, at: int, cut: int) -> None:
    good = wav([tone(seconds=0.02)] * 2, 16000, 24)
    for data in (noise, b"RIFF1234WAVE" + noise, good[:at] + noise + good[at + cut :]):
        with suppress(BadAudio):
            assert to_telephone(data).samples
