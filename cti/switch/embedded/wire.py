"""Headers as bytes, in blocks that are encoded once and shared by every event and listener that carries them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from cti.esl import encode_frame, encode_value

Header = tuple[str, str]
_ARRAY = "ARRAY::"


class Block:
    """Some headers of an event, immutable; each encoding is made at first use and kept."""

    __slots__ = ("_index", "_json", "_plain", "headers")

    def __init__(self, headers: Iterable[Header]) -> None:
        self.headers: Sequence[Header] = tuple(headers)
        self._plain: bytes | None = None
        self._json: str | None = None
        self._index: dict[str, str] | None = None

    def get(self, name_lower: str) -> str | None:
        if self._index is None:
            index: dict[str, str] = {}
            for name, value in self.headers:
                index.setdefault(name.lower(), value)
            self._index = index
        return self._index.get(name_lower)

    def plain(self) -> bytes:
        if self._plain is None:
            lines = [b"%s: %s\n" % (_name(name), encode_value(value)) for name, value in self.headers]
            self._plain = b"".join(lines)
        return self._plain

    def json(self) -> str:
        """``"name":"value"`` pairs joined by commas, without braces; repeated names stay repeated."""
        if self._json is None:
            self._json = ",".join([f"{_dumps(name)}:{_value(value)}" for name, value in self.headers])
        return self._json


def _name(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _value(value: str) -> str:
    """Arrays become lists in JSON."""
    return _dumps(value[len(_ARRAY) :].split("|:") if value.startswith(_ARRAY) else value)


def _dumps(item: str | list[str]) -> str:
    return json.dumps(item, ensure_ascii=False, separators=(",", ":"))


def frame(headers: Iterable[Header], body: bytes | None = None) -> bytes:
    """One message of the event socket. Text that a client sent us may come back in it: a NUL ends it, as in C."""
    return encode_frame([(name, value.partition("\0")[0]) for name, value in headers], body)
