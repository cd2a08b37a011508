"""A studio's WAV file to the telephone's form (8 kHz, 16 bit, mono), and what is wrong with it.

Taken are PCM of 8 to 32 bits, floating point, A-law and μ-law, mono or stereo, 8 to 192 kHz, plain or extensible
headers (RFC 2361 and Microsoft's WAVEFORMATEXTENSIBLE).
"""

from __future__ import annotations

import math
import struct
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from cti.prompts.g711 import ALAW, ULAW, decode
from cti.prompts.render_child import RATE, resample

Samples = TypeVar("Samples", "array[int]", "array[float]")

MAX_BYTES = 64 << 20
_PCM, _FLOAT, _ALAW, _ULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_G711 = {_ALAW: ALAW, _ULAW: ULAW}
_FORMS = {*((_PCM, bits) for bits in (8, 16, 24, 32)), (_FLOAT, 32), (_FLOAT, 64), (_ALAW, 8), (_ULAW, 8)}
_SILENT = 330  # of 32768, about -40 dB: nothing was said when no sample is louder
_EDGE = 150  # of 32768: what counts as silence before and after the words
_KEEP_S = 0.05  # silence kept at both ends, so that joined words neither stumble nor wait
_FULL = 32_700  # of 32767
_CLIPPED_RUN, _CLIPPED_RUNS = 3, 3  # so many equal samples in a row at full scale, so many times: not just loud
_G711_FULL, _G711_CLIPPED_RUN = 32_000, 8  # its outermost step is so wide that the top of a loud 100 Hz holds for 7
_CANCELLED = 0.25  # a mix of two channels that is so much quieter than each of them


class Form(NamedTuple):
    """How the samples of a file are written; ``kind`` is the format tag of RFC 2361, ``rate`` samples a second."""

    kind: int
    channels: int
    rate: int
    bits: int


class BadAudio(ValueError):
    """``code`` is bad-audio, silent-audio or clipped-audio."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Telephone:
    """``samples`` at 8 kHz, the silence at both ends trimmed."""

    samples: array[int]

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE


def to_telephone(data: bytes) -> Telephone:
    """Raises BadAudio."""
    form, channels = read_wav(data)
    loudest = max(channels, key=_peak)
    if _peak(loudest) < _SILENT:
        raise BadAudio("silent-audio", "nothing is to be heard in it")
    for channel in channels:
        check_clipping(channel, form)
    mono = channels[0] if len(channels) == 1 else _mix(channels)
    if _peak(mono) < _CANCELLED * _peak(loudest):
        mono = loudest  # the channels are each other's mirror, or one of them is empty
    return Telephone(_trimmed(resample(mono, form.rate)))


def check_clipping(samples: Sequence[int], form: Form) -> None:
    """Raises BadAudio: tops cut off by a level that was too high."""
    full, enough = (_G711_FULL, _G711_CLIPPED_RUN) if form.kind in _G711 else (_FULL, _CLIPPED_RUN)
    run = runs = first = last = 0
    for index, sample in enumerate(samples):
        if sample >= full or sample <= -full:
            run = run + 1 if sample == last else 1
            last = sample
            if run == enough:
                runs += 1
                first = first or index
                if runs >= _CLIPPED_RUNS:
                    where = f"the first time at {first / form.rate:.2f} s"
                    raise BadAudio("clipped-audio", f"it is cut off at full level, {where}; record it less loud")
        else:
            run = 0


# ---- the file --------------------------------------------------------------------------------------------------------


def read_wav(data: bytes) -> tuple[Form, list[array[int]]]:
    """The 16-bit samples of each channel, and how they were written. Raises BadAudio."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise BadAudio("bad-audio", "this is no WAV file")
    form: Form | None = None
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        body = data[at + 8 : at + 8 + size]
        if name == b"fmt ":
            form = _form(body)
        elif name == b"data":
            if form is None:
                raise BadAudio("bad-audio", "the WAV file does not say how its samples are written")
            return form, _channels(body, form)
        at += 8 + size + (size & 1)
    raise BadAudio("bad-audio", "the WAV file holds no samples")


def _form(body: bytes) -> Form:
    """Raises BadAudio."""
    if len(body) < 16:
        raise BadAudio("bad-audio", "the WAV file is broken off")
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if kind == _EXTENSIBLE and len(body) >= 26:
        kind = struct.unpack_from("<H", body, 24)[0]
    if (kind, bits) not in _FORMS:
        raise BadAudio("bad-audio", f"samples of kind {kind} with {bits} bits are not read; save it as 16-bit PCM")
    if channels not in (1, 2):
        raise BadAudio("bad-audio", f"{channels} channels; save it as mono or stereo")
    if not RATE <= rate <= 192_000:
        raise BadAudio("bad-audio", f"{rate} samples a second; save it with 8000 to 192000")
    return Form(kind, channels, rate, bits)


def _channels(body: bytes, form: Form) -> list[array[int]]:
    kind, channels, _, bits = form
    frame = channels * bits // 8
    whole = body[: len(body) // frame * frame]
    if kind in _G711:
        samples = decode(whole, _G711[kind])
    else:
        samples = _floats(whole, bits) if kind == _FLOAT else _integers(whole, bits)
    if not samples:
        raise BadAudio("silent-audio", "it is empty")
    return [samples[channel::channels] for channel in range(channels)]


def _integers(body: bytes, bits: int) -> array[int]:
    if bits == 8:
        return array("h", [(value - 128) << 8 for value in body])
    step = bits // 8
    top = bytearray(len(body) // step * 2)  # the two most significant bytes of each
    top[0::2], top[1::2] = body[step - 2 :: step], body[step - 1 :: step]
    return _native(array("h", bytes(top)))


def _floats(body: bytes, bits: int) -> array[int]:
    values = _native(array("f" if bits == 32 else "d", body))
    return array("h", [0 if math.isnan(v) else round(max(-1.0, min(1.0, v)) * 32767) for v in values])


def _native(samples: Samples) -> Samples:
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


# ---- samples ---------------------------------------------------------------------------------------------------------


def _peak(samples: Sequence[int]) -> int:
    return max(max(samples), -min(samples))


def _mix(channels: Sequence[Sequence[int]]) -> array[int]:
    return array("h", [(left + right) // 2 for left, right in zip(*channels, strict=True)])


def _trimmed(samples: array[int]) -> array[int]:
    loud = [index for index, sample in enumerate(samples) if abs(sample) > _EDGE]
    if not loud:
        raise BadAudio("silent-audio", "nothing that a telephone carries is to be heard in it")
    keep = int(_KEEP_S * RATE)
    return samples[max(0, loud[0] - keep) : loud[-1] + 1 + keep]
