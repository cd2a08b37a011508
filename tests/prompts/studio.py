"""Makes the WAV files that a studio might send."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from functools import lru_cache

from cti.prompts.g711 import ALAW as ALAW_VALUES
from cti.prompts.g711 import ULAW as ULAW_VALUES

PCM, FLOAT, ALAW, ULAW = 1, 3, 6, 7


def tone(hz: float = 1000.0, seconds: float = 1.0, rate: int = 8000, level: float = 0.5) -> list[float]:
    return [level * math.sin(2 * math.pi * hz * n / rate) for n in range(round(seconds * rate))]


def wav(
    channels: Sequence[Sequence[float]], rate: int = 8000, bits: int = 16, kind: int = PCM, extensible: bool = False
) -> bytes:
    body = b"".join(_sample(value, bits, kind) for frame in zip(*channels, strict=True) for value in frame)
    frame = len(channels) * bits // 8
    form = struct.pack("<HHIIHH", 0xFFFE if extensible else kind, len(channels), rate, rate * frame, frame, bits)
    if extensible:
        form += struct.pack("<HHIH", 22, bits, 3, kind) + b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
    other = b"LIST" + struct.pack("<I", 3) + b"abc\x00"  # an odd chunk, padded
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + other + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def _sample(value: float, bits: int, kind: int) -> bytes:
    if kind == FLOAT:
        return struct.pack("<f" if bits == 32 else "<d", value)
    if kind in (ALAW, ULAW):
        return bytes([_nearest(round(value * 32767), kind)])
    if bits == 8:
        return bytes([128 + round(value * 127)])
    return round(value * (2 ** (bits - 1) - 1)).to_bytes(bits // 8, "little", signed=True)


@lru_cache(4096)
def _nearest(sample: int, kind: int) -> int:
    values = ALAW_VALUES if kind == ALAW else ULAW_VALUES
    return min(range(256), key=lambda code: abs(values[code] - sample))
