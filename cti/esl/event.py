"""Events: lazy, case-insensitive views of what the switch sent.

An event has some 150 headers and a reader wants three or four, so nothing is decoded before it is asked for.
Percent-decoding happens on single values, after the lines were told apart: text in a value can never become a
header (a caller named ``x%0AEvent-Name: CHANNEL_HANGUP`` is a strange name and nothing else).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, TypeVar, overload

from cti.esl.urlcode import decode_value

_T = TypeVar("_T")
_ARRAY = "ARRAY::"
_KEYS_MAX = 4096  # names come from code, but nothing stops code from asking for names made of data
_keys: dict[str, bytes] = {}
_CR = 13
_SPACE = 32
_NOWHERE = b"\n\0:"
_FIRST = b"\nEvent-Name: "
_NAMES_MAX = 256
_names: dict[bytes, str] = {}  # names met at the head of events, as they came and as text


def _key(name: str) -> bytes:
    if len(_keys) >= _KEYS_MAX:
        _keys.clear()
    # No header's name holds a colon or a line end, so such a name must be looked for as something that is not there.
    key = _keys[name] = _NOWHERE if ":" in name or "\n" in name else b"\n%s:" % name.encode("utf-8", "replace")
    return key


class _Index(Generic[_T]):
    """Values by exact name and by lower-case name, each in the order sent."""

    __slots__ = ("_exact", "_lower")

    def __init__(self, pairs: Iterable[tuple[str, _T]]) -> None:
        self._exact: dict[str, _T] = {}
        self._lower: dict[str, list[_T]] = {}
        for name, value in pairs:
            self._exact.setdefault(name, value)
            self._lower.setdefault(name.lower(), []).append(value)

    def find(self, name: str) -> _T | None:
        if name in self._exact:
            return self._exact[name]
        return next(iter(self._lower.get(name.lower(), ())), None)

    def every(self, name: str) -> list[_T]:
        return list(self._lower.get(name.lower(), ()))


class Event(Mapping[str, str]):
    """One event. A mapping of header names (any case) to decoded values; where a header repeats, its first value.

    ``headers`` and ``data`` are the names that greenswitch gives to the same things.
    """

    __slots__ = ()

    @abstractmethod
    def pairs(self) -> list[tuple[str, str]]:
        """Every header as sent, repeated ones included, in order, decoded."""

    @abstractmethod
    def getall(self, name: str) -> list[str]:
        """All values of a header that repeats (``Hangup-Cause`` does), in order; empty when there is none."""

    @property
    @abstractmethod
    def body(self) -> str:
        """What follows the headers (BACKGROUND_JOB results, MESSAGE texts); empty for most events."""

    @property
    def name(self) -> str:
        """``Event-Name``; empty when the event has none."""
        return self.get("Event-Name", "")

    @overload
    def get(self, name: str, /) -> str | None: ...
    @overload
    def get(self, name: str, /, default: str) -> str: ...
    @overload
    def get(self, name: str, /, default: _T) -> str | _T: ...
    def get(self, name: str, /, default: object = None) -> object:
        """The first value of the header spelled like this if there is one, else of that name in any case."""
        value = self._find(name)
        return default if value is None else value

    @abstractmethod
    def _find(self, name: str) -> str | None: ...

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.to_dict())

    def __len__(self) -> int:
        return len(self.to_dict())

    def variable(self, name: str) -> str | None:
        """A channel variable: the header ``variable_<name>``."""
        return self.get("variable_" + name)

    def array(self, name: str) -> list[str]:
        """The elements of an ``ARRAY::a|:b`` value; a plain value is an array of one, an absent header of none."""
        value = self.get(name)
        if value is None:
            return []
        return value[len(_ARRAY) :].split("|:") if value.startswith(_ARRAY) else [value]

    def to_dict(self) -> dict[str, str]:
        """All headers by name as spelled on the wire; the first value of those that repeat."""
        found: dict[str, str] = {}
        for name, value in self.pairs():
            found.setdefault(name, value)
        return found

    @property
    def headers(self) -> Event:
        return self

    @property
    def data(self) -> str:
        return self.body

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} {self.get('Unique-ID', '')}>"


class ListEvent(Event):
    """An event whose headers are at hand: from JSON, or made by code."""

    __slots__ = ("_body", "_index", "_pairs")

    def __init__(self, pairs: list[tuple[str, str]], body: str = "") -> None:
        self._pairs = pairs
        self._body = body
        self._index: _Index[str] | None = None

    def pairs(self) -> list[tuple[str, str]]:
        return list(self._pairs)

    def _load(self) -> _Index[str]:
        if self._index is None:
            self._index = _Index(self._pairs)
        return self._index

    def _find(self, name: str) -> str | None:
        return self._load().find(name)

    def getall(self, name: str) -> list[str]:
        return self._load().every(name)

    @property
    def body(self) -> str:
        return self._body


class PlainEvent(Event):
    """An event over the bytes it came in. ``raw[start]`` is the line feed before the first header."""

    __slots__ = ("_clear", "_index", "_raw", "_start")

    def __init__(self, raw: bytes, start: int) -> None:
        self._raw = raw
        self._start = start
        self._clear = start  # no blank line before this offset: headers found up to here are no part of the body
        self._index: _Index[bytes] | None = None

    @overload
    def get(self, name: str, /) -> str | None: ...
    @overload
    def get(self, name: str, /, default: str) -> str: ...
    @overload
    def get(self, name: str, /, default: _T) -> str | _T: ...
    def get(self, name: str, /, default: object = None) -> object:
        # All in one place: this is what a busy engine spends its reading time on.
        raw = self._raw
        key = _keys.get(name) or _key(name)
        at = raw.find(key, self._start)
        if at >= 0 and (at <= self._clear or self._is_header(at)):
            begin = at + len(key)
            end = raw.find(b"\n", begin)
            # The next line must be a header (its colon before its end) or blank, or else it continues this value.
            colon = raw.find(b":", end)
            if end >= 0 and (raw.find(b"\n", end + 1, colon) < 0 < colon or raw[end + 1 : end + 2] == b"\n"):
                value = raw[begin + 1 : end] if raw[begin] == _SPACE else raw[begin:end]
                if b"%" in value or value == b"_undef_":
                    return decode_value(value.removesuffix(b"\r"))
                if raw[end - 1] != _CR:
                    return value.decode("utf-8", "replace")
        elif at < 0 and raw.lower().find(key.lower(), self._start) < 0:
            return default  # not there in any spelling
        found = self._find(name)
        return default if found is None else found

    @property
    def name(self) -> str:
        raw, begin = self._raw, self._start + len(_FIRST)
        if raw.startswith(_FIRST, self._start):  # where the switch puts it
            value = raw[begin : raw.find(b"\n", begin)]
            known = _names.get(value)
            if known is not None:
                return known
        found = self.get("Event-Name", "")
        if (
            len(_names) < _NAMES_MAX
            and found.isidentifier()
            and raw.startswith(_FIRST + found.encode() + b"\n", self._start)
        ):
            _names[found.encode()] = found
        return found

    def _find(self, name: str) -> str | None:
        value = self._load().find(name)
        return None if value is None else decode_value(value)

    def _is_header(self, at: int) -> bool:
        """Whether what was found at this offset stands before the first blank line."""
        raw, clear = self._raw, self._clear
        if raw.find(b"\r", clear, at) >= 0 or raw.find(b"\n\n", clear, at + 1) >= 0:
            return False  # a body, or line ends that are worth a closer look
        self._clear = at
        return True

    def _split(self) -> list[tuple[bytes, bytes]]:
        """Header lines as (name, raw value); a line without a colon continues the value before it."""
        lines = self._raw[self._start + 1 : self._blank()].split(b"\n")
        found: list[tuple[bytes, bytes]] = []
        for line in lines:
            line = line.removesuffix(b"\r")
            name, colon, value = line.partition(b":")
            if colon:
                found.append((name, value.removeprefix(b" ")))
            elif line and found:
                found[-1] = (found[-1][0], found[-1][1] + b"\n" + line)
        return found

    def _blank(self) -> int:
        """Offset of the line feed that ends the last header line."""
        raw, start = self._raw, self._start
        return min((at for at in (raw.find(b"\n\n", start), raw.find(b"\n\r\n", start)) if at >= 0), default=len(raw))

    def _load(self) -> _Index[bytes]:
        if self._index is None:
            self._index = _Index((name.decode("utf-8", "replace"), value) for name, value in self._split())
        return self._index

    def pairs(self) -> list[tuple[str, str]]:
        return [(name.decode("utf-8", "replace"), decode_value(value)) for name, value in self._split()]

    def getall(self, name: str) -> list[str]:
        return [decode_value(value) for value in self._load().every(name)]

    @property
    def body(self) -> str:
        raw = self._raw
        at = self._blank()
        begin = at + (3 if raw[at + 1 : at + 2] == b"\r" else 2)
        return raw[begin:].decode("utf-8", "replace")
