"""Is a file what its chk says? Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from cti.boss.codecs import Codec, CodecError
from cti.boss.ways.files.options import ChkOptions


class BadFile(Exception):
    """``reason``: a stable code, never data."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def is_plain(name: str) -> bool:
    """A name of one file in the folder itself, which may be shown and opened."""
    return name.isprintable() and not name.startswith(".") and not any(mark in name for mark in ("/", "\\", "..", ":"))


def prove(name: str, data: bytes, chk: bytes, options: ChkOptions) -> None:
    """Raises BadFile: ``chk-unreadable``, ``chk-name``, ``truncated``, ``chk-bytes``, ``chk-rows``, ``chk-digest``."""
    try:
        parts = chk.decode("ascii").strip().split(options.sep)
    except UnicodeDecodeError:
        raise BadFile("chk-unreadable") from None
    if len(parts) != len(options.fields):
        raise BadFile("chk-unreadable")
    for what, told in zip(options.fields, parts, strict=True):
        _prove_one(what, told.strip(), name, data)


def _prove_one(what: str, told: str, name: str, data: bytes) -> None:
    if what in ("bytes", "rows"):
        if not told.isdecimal() or len(told) > 18:
            raise BadFile("chk-unreadable")
        found = len(data) if what == "bytes" else len(lines(data))
        if found != int(told):
            raise BadFile("truncated" if what == "bytes" and found < int(told) else f"chk-{what}")
    elif what == "name" and told != name:
        raise BadFile("chk-name")
    elif what in ("md5", "sha256") and hashlib.new(what, data, usedforsecurity=False).hexdigest() != told.lower():
        raise BadFile("chk-digest")


def lines(data: bytes) -> list[bytes]:
    """Records, with or without a line's end behind the last."""
    found = data.replace(b"\r\n", b"\n").split(b"\n")
    return found[:-1] if not found[-1] else found


def records(data: bytes, codec: Codec, key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(key, fields). Raises BadFile: the codec's reasons, ``duplicate-key``, ``missing-field``."""
    seen: set[str] = set()
    for line in lines(data):
        try:
            fields = codec.decode(line)
        except CodecError as error:
            raise BadFile(error.reason) from None
        found = fields.get(key)
        if found in (None, ""):
            raise BadFile("missing-field")
        if str(found) in seen:
            raise BadFile("duplicate-key")
        seen.add(str(found))
        yield str(found), fields
