"""G.711 as ITU-T G.711 (11/1988) tables 1 and 2 give it: a byte to a sample, on the scale of 16 bits.

A-law reaches ±32,256 and μ-law ±32,124: the outermost step of either is 1,024 wide.
"""

from __future__ import annotations

from array import array


def _alaw(code: int) -> int:
    """Even bits are sent inverted; a set sign bit is positive."""
    bits = code ^ 0x55
    segment, step = bits >> 4 & 7, bits & 0x0F
    size = (step << 4) + 8 if segment == 0 else (step << 4) + 0x108 << segment - 1
    return size if bits & 0x80 else -size


def _ulaw(code: int) -> int:
    """All bits are sent inverted; the curve begins 132 (of 32,768) below zero."""
    bits = ~code & 0xFF
    size = (((bits & 0x0F) << 3) + 0x84 << (bits >> 4 & 7)) - 0x84
    return -size if bits & 0x80 else size


ALAW = tuple(map(_alaw, range(256)))
ULAW = tuple(map(_ulaw, range(256)))


def decode(codes: bytes, table: tuple[int, ...]) -> array[int]:
    """One sample a byte; ``table`` is `ALAW` or `ULAW`."""
    return array("h", map(table.__getitem__, codes))


__all__ = ["ALAW", "ULAW", "decode"]
