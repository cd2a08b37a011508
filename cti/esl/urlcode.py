"""Percent-encoding as the switch does it (``switch_url_encode`` in switch_utils.c, 1.10)."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

# SWITCH_URL_UNSAFE, the space included, and everything that is not printable ASCII. A "%" that already starts an
# escape with upper-case digits is left alone: the switch encodes with double_encode off, so what a caller typed as
# "%0A" and a real line feed look the same on the wire. Both are data, because decoding comes after splitting.
_UNSAFE = re.compile(rb'[\x00-\x20\x7f-\xff#&+:;<=>?@\[\\\]^`{|}"]|%(?![0-9A-F]{2})')


def _escape(match: re.Match[bytes]) -> bytes:
    return b"%%%02X" % match.group()[0]


def encode_value(text: str) -> bytes:
    """One header value as it stands in a plain event; an empty one is written ``_undef_``, as the switch does."""
    if not text:
        return b"_undef_"
    return _UNSAFE.sub(_escape, text.encode("utf-8", "surrogateescape"))


def decode_value(raw: bytes) -> str:
    """The text of one plain header value. Never fails: bytes that are no UTF-8 become U+FFFD."""
    if b"%" in raw:
        raw = unquote_to_bytes(raw)
    elif raw == b"_undef_":
        return ""
    return raw.decode("utf-8", "replace")
