"""Files of answers: which are there and new, what is wrong with the others, what is in one. For a thread."""

from __future__ import annotations

import hashlib
import io
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from cti.boss.codecs import CodecError, make_codec
from cti.boss.ways.files.options import AnswerOptions
from cti.boss.ways.files.proving import BadFile, is_plain, lines, prove
from cti.boss.ways.files.transport import Entry, Transport, TransportError

_CHK_BYTES = 4096
_KEY_CHARS = 300
_AGAIN_S = 600.0
_OF_THE_FILE = {"too-long": "too-long", "no-right": "unreadable", "bad-name": "bad-name", "vanished": "vanished"}


@dataclass(slots=True)
class Batch:
    """A file's answers, (key, fields) each. ``bad``: reason of a line that cannot be read -> how many."""

    digest: str
    rows: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    bad: dict[str, int] = field(default_factory=dict)


class Answers:
    """One thread at a time."""

    def __init__(self, options: AnswerOptions, transport: Transport) -> None:
        self._options, self._transport = options, transport
        self._match, self._codec = re.compile(options.match), make_codec(options.row, options.charset)
        self._entries: dict[str, Entry] = {}
        self._before: dict[str, Entry] = {}
        self._refused: dict[str, tuple[Entry, Entry | None, float, str]] = {}
        self.problem = ""

    @property
    def names(self) -> Collection[str]:
        """What is in the folder."""
        return self._entries.keys()

    @property
    def transport(self) -> Transport:
        return self._transport

    def look(self, taken: Mapping[str, int]) -> list[Entry]:
        """The files that were not taken up, in the order of their numbers. Raises TransportError."""
        self._before, self._entries = self._entries, {entry.name: entry for entry in self._transport.list()}
        self._refused = {name: told for name, told in self._refused.items() if name in self._entries}
        self.problem = "bad-name" if any(not is_plain(n) for n in self._entries if n[:1] != ".") else ""
        orders = {name: order for name in {*self._entries, *taken} if (order := self._order(name)) is not None}
        new = sorted((order, name) for name, order in orders.items() if name in self._entries and name not in taken)
        if any(taken.get(name, entry.size) != entry.size for name, entry in self._entries.items()):
            self.problem = "duplicate"  # its name was taken up already, with another content
        missing = _first_missing({order for order in orders.values() if order[1] >= 0})
        if missing is not None:
            self.problem = "sequence-gap"
            if self._options.gap == "hold":
                new = [(order, name) for order, name in new if order < missing]
        return [self._entries[name] for _, name in new]

    def read(self, entry: Entry) -> Batch:
        """Raises BadFile, TransportError."""
        beside = self._entries.get(entry.name + self._options.chk.suffix)
        told = self._refused.get(entry.name)
        if told is not None and told[:2] == (entry, beside) and time.monotonic() - told[2] < _AGAIN_S:
            raise BadFile(told[3])
        try:
            return self._read(entry, beside)
        except BadFile as error:
            if error.reason not in ("growing", "chk-missing"):
                self._refused[entry.name] = (entry, beside, time.monotonic(), error.reason)
            raise

    def remove(self, entry: Entry) -> None:
        """Raises TransportError."""
        for name in (entry.name, entry.name + self._options.chk.suffix):
            if name in self._entries:
                self._transport.remove(name)

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _order(self, name: str) -> tuple[str, int] | None:
        """-1: it has no number."""
        matched = self._match.fullmatch(name) if is_plain(name) else None
        if matched is None:
            return None
        groups = matched.groupdict()
        seq = groups.get("seq")
        if seq is None:
            return "", -1
        return ((groups.get("day") or "", int(seq)) if seq.isdecimal() else None) if len(seq) <= 18 else None

    def _read(self, entry: Entry, beside: Entry | None) -> Batch:
        chk = None
        if self._options.ready == "stable":
            if self._before.get(entry.name) != entry:
                raise BadFile("growing")
        elif beside is None:
            raise BadFile("chk-missing")
        else:
            chk = self._fetch(beside.name, _CHK_BYTES)
        if entry.size > self._options.max_bytes:
            raise BadFile("too-long")
        data = self._fetch(entry.name, self._options.max_bytes)
        if chk is not None:
            prove(entry.name, data, chk, self._options.chk)
        batch = Batch(hashlib.sha256(data).hexdigest())
        for line in lines(data):
            try:
                fields = self._codec.decode(line)
                key = str(fields.get(self._options.key) or "")
                if not key or len(key) > _KEY_CHARS:
                    raise CodecError("missing-field")
            except CodecError as error:
                batch.bad[error.reason] = batch.bad.get(error.reason, 0) + 1
            else:
                batch.rows.append((key, fields))
        return batch

    def _fetch(self, name: str, most: int) -> bytes:
        into = io.BytesIO()
        try:
            self._transport.read(name, into, most=most)
        except TransportError as error:
            reason = _OF_THE_FILE.get(error.reason)
            if reason is None:
                raise
            raise BadFile(reason) from None
        return into.getvalue()


def _first_missing(orders: set[tuple[str, int]]) -> tuple[str, int] | None:
    """Of the newest day from 1 on, without days from the first that was ever seen on."""
    day = max((day for day, _ in orders), default="")
    numbers = {seq for other, seq in orders if other == day}
    if not numbers:
        return None
    expected = range(1 if day else min(numbers), max(numbers))
    return next(((day, seq) for seq in expected if seq not in numbers), None)
