"""Headers as bytes, in blocks that are encoded once and shared by every event and listener that carries them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from cti.esl import encode_frame, encode_value

Header = tuple[str, str]
_ARRAY = "ARRAY::"
#: So many lines are kept of a channel whose variables have ever new values.
LINES_MOST = 300
#: Of fewer headers no table of their names is made.
FEW = 8


class Shape:
    """Names of headers in their order: blocks that differ in values only share it."""

    __slots__ = ("names", "places")

    def __init__(self, names: Iterable[str]) -> None:
        self.names: Sequence[str] = tuple(names)
        self.places: dict[str, int] = {}  # name in lower case -> the first place where it stands
        for place, name in enumerate(self.names):
            self.places.setdefault(name.lower(), place)


class Block:
    """Some headers of an event, immutable; each encoding is made at first use and kept.

    ``shape``: of these headers, where it is known. ``lines``: of headers that were encoded before, to be added to.
    """

    __slots__ = ("_json", "_lines", "_plain", "_shape", "headers")

    def __init__(
        self, headers: Iterable[Header], shape: Shape | None = None, lines: dict[Header, bytes] | None = None
    ) -> None:
        self.headers: Sequence[Header] = tuple(headers)
        self._plain: bytes | None = None
        self._json: str | None = None
        self._shape, self._lines = shape, lines

    def get(self, name_lower: str) -> str | None:
        if self._shape is None:
            if len(self.headers) < FEW:
                return next((value for name, value in self.headers if name.lower() == name_lower), None)
            self._shape = Shape([name for name, _ in self.headers])
        place = self._shape.places.get(name_lower)
        return None if place is None else self.headers[place][1]

    def plain(self) -> bytes:
        if self._plain is None:
            lines = [_line(header) for header in self.headers] if self._lines is None else self._known(self._lines)
            self._plain = b"".join(lines)
        return self._plain

    def _known(self, lines: dict[Header, bytes]) -> list[bytes]:
        if len(lines) > LINES_MOST:
            lines.clear()
        return [lines.get(header) or lines.setdefault(header, _line(header)) for header in self.headers]

    def json(self) -> str:
        """``"name":"value"`` pairs joined by commas, without braces; repeated names stay repeated."""
        if self._json is None:
            self._json = ",".join([f"{_dumps(name)}:{_value(value)}" for name, value in self.headers])
        return self._json


def _line(header: Header) -> bytes:
    name, value = header
    return b"%s: %s\n" % (name.encode("utf-8", "surrogateescape"), encode_value(value))


def _value(value: str) -> str:
    """Arrays become lists in JSON."""
    return _dumps(value[len(_ARRAY) :].split("|:") if value.startswith(_ARRAY) else value)


def _dumps(item: str | list[str]) -> str:
    return json.dumps(item, ensure_ascii=False, separators=(",", ":"))


def frame(headers: Iterable[Header], body: bytes | None = None) -> bytes:
    """One message of the event socket. Text that a client sent us may come back in it: a NUL ends it, as in C."""
    return encode_frame([(name, value.partition("\0")[0]) for name, value in headers], body)
