"""Checksums of socket protocols. Pure."""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Callable, Mapping
from functools import reduce
from operator import xor


def not_xor32(data: bytes) -> int:
    """Huawei and ZTE MML: big-endian words of 32 bits, exclusive or, inverted. A short last word ends in zeros."""
    words = array("I", data + bytes(-len(data) % 4))
    native = reduce(xor, words, 0) ^ 0xFFFF_FFFF
    return int.from_bytes(array("I", [native]).tobytes(), "big")


def lrc(data: bytes) -> int:
    """ISO 1155: the two's complement of the sum of the bytes."""
    return -sum(data) & 0xFF


#: name -> (bits, function)
CHECKSUMS: Mapping[str, tuple[int, Callable[[bytes], int]]] = {
    "not_xor32": (32, not_xor32),
    "crc32": (32, zlib.crc32),
    "sum8": (8, lambda data: sum(data) & 0xFF),
    "sum16": (16, lambda data: sum(data) & 0xFFFF),
    "xor8": (8, lambda data: reduce(xor, data, 0)),
    "lrc": (8, lrc),
}
