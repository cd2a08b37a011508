"""Text and bytes in a named charset. Pure."""

from __future__ import annotations

import codecs

from cti.boss.codecs.errors import CodecError


def is_charset(name: str) -> bool:
    """Does it turn text into bytes and back? (``hex`` is a codec of Python's, and no charset.)"""
    try:
        found = codecs.lookup(name)
        return isinstance("7".encode(found.name).decode(found.name), str)
    except (LookupError, ValueError):
        return False


def to_bytes(text: str, charset: str, field: str = "") -> bytes:
    """Raises CodecError ``bad-value``."""
    try:
        return text.encode(charset)
    except UnicodeError:
        raise CodecError("bad-value", field) from None


def to_text(raw: bytes, charset: str, field: str = "") -> str:
    """Raises CodecError ``bad-encoding``."""
    try:
        return raw.decode(charset)
    except UnicodeError:
        raise CodecError("bad-encoding", field) from None
