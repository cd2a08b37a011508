"""One header or trailer field: a value <-> its bytes. Pure."""

from __future__ import annotations

import re
from typing import Any

from cti.boss.ways.socket.frame_options import HeaderField

_DEC, _HEX = re.compile(rb"[0-9]+"), re.compile(rb"[0-9a-fA-F]+")


class FrameError(ValueError):
    """Bytes that are no frame, or a frame that cannot be made. ``reason``: bad-constant, bad-length, bad-header,
    bad-checksum, bad-escape, bad-encoding, too-long; making one: bad-value, too-long."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def write_field(field: HeaderField, value: Any, charset: str) -> bytes:
    """``value`` None: the field's own, else zero or blanks. Raises FrameError ``bad-value``."""
    if field.type == "const":
        return field.constant or b""
    if value is None:
        value = field.value if field.value is not None else "" if field.type == "str" else 0
    try:
        return _text(field, str(value), charset) if field.type == "str" else _number(field, int(value))
    except (ValueError, OverflowError, TypeError):
        raise FrameError("bad-value") from None


def _text(field: HeaderField, text: str, charset: str) -> bytes:
    raw, pad = text.encode(charset), (field.pad or " ").encode()
    raw = raw.ljust(field.width, pad) if field.align == "left" else raw.rjust(field.width, pad)
    if len(raw) > field.width:
        raise ValueError
    return raw


def _number(field: HeaderField, number: int) -> bytes:
    size = field.width
    if not 0 <= number < field.numbers:
        raise ValueError
    match field.type:
        case "dec":
            return b"%0*d" % (size, number)
        case "hex":
            return b"%0*X" % (size, number)
        case "bcd":
            return bytes.fromhex(f"{number:0{size * 2}d}")
        case _:
            return number.to_bytes(size, field.order)


def read_field(field: HeaderField, raw: bytes, charset: str) -> int | str | None:
    """None for a const. Raises FrameError."""
    match field.type:
        case "const":
            if raw != field.constant:
                raise FrameError("bad-constant")
            return None
        case "uint":
            return int.from_bytes(raw, field.order)
        case "str":
            return _read_text(field, raw, charset)
        case _:
            digits, base = (raw.hex().encode(), 10) if field.type == "bcd" else (raw.strip(b" "), 10)
            if field.type == "hex":
                base = 16
            if not (_HEX if base == 16 else _DEC).fullmatch(digits):
                raise FrameError("bad-header")
            return int(digits, base)


def _read_text(field: HeaderField, raw: bytes, charset: str) -> str:
    try:
        text = raw.decode(charset)
    except UnicodeError:
        raise FrameError("bad-encoding") from None
    pad = field.pad or " "
    if pad == "0":
        return text  # a code's zeros are its own
    return text.rstrip(pad) if field.align == "left" else text.lstrip(pad)
