"""One kind of file of a folder: which is the newest that is complete, and what is wrong with the others."""

from __future__ import annotations

import hashlib
import io
import re
import time
from collections.abc import Iterable, Mapping

from cti.boss.codecs import make_codec
from cti.boss.ways.files.options import FeedOptions
from cti.boss.ways.files.proving import BadFile, is_plain, prove, records
from cti.boss.ways.files.table import Table
from cti.boss.ways.files.transport import Entry, Transport, TransportError

_CHK_BYTES = 4096
#: A file that was refused is not fetched again before, unless it or its chk changes.
_AGAIN_S = 600.0
#: What a `TransportError` tells of the file alone; all others are of the server.
_OF_THE_FILE = {"vanished": "vanished", "too-long": "too-long", "no-right": "unreadable", "bad-name": "bad-name"}
_OF_THE_CHK = {**_OF_THE_FILE, "vanished": "chk-missing", "too-long": "chk-unreadable"}
Order = tuple[str, int]


class Feed:
    """`sweep` is called by one thread at a time; `table` and the plain facts are read by all."""

    def __init__(self, options: FeedOptions, transport: Transport, table: Table) -> None:
        self._options, self._transport, self.table = options, transport, table
        self._match, self._codec = re.compile(options.match), make_codec(options.row, options.charset)
        self._newest: tuple[Order, str] | None = None
        self._known: set[Order] = set()
        self._digests: set[bytes] = set()
        self._entries: dict[str, Entry] = {}
        self._before: dict[str, Entry] = {}
        self._part: tuple[Entry, io.BytesIO] | None = None
        self._refused: dict[str, tuple[Entry, Entry | None, float, str]] = {}
        self.rows, self.loaded, self.problem = 0, 0, ""

    def sweep(self, entries: list[Entry]) -> None:
        """Load the newest complete file of the folder, if it is newer. ``problem``: of the newest that could not be,
        else empty. Raises TransportError where the folder cannot be reached; what came is kept, and gone on with."""
        problem = ""
        self._before, self._entries = self._entries, {entry.name: entry for entry in entries}
        if any(not is_plain(name) for name in self._entries if name[:1] != "."):
            problem = "bad-name"
        found = sorted(self._ordered(self._entries), reverse=True)
        self._refused = {name: told for name, told in self._refused.items() if name in self._entries}
        present = {order for order, _ in found}
        for order, name in found:
            if self._newest is not None and order <= self._newest[0]:
                if any(one[0] == self._newest[0] and one != self._newest for one in found):
                    problem = problem or "duplicate"
                break
            try:
                gap = self._gap(order, present)
                if gap and self._options.gap == "hold":
                    raise BadFile("sequence-gap")
                self._take(order, self._entries[name])
                problem = problem or ("sequence-gap" if gap else "")
                break
            except BadFile as error:
                problem = problem or error.reason
        self._known |= present
        self.problem = problem

    def _ordered(self, names: Iterable[str]) -> list[tuple[Order, str]]:
        found = []
        for name in names:
            matched = self._match.fullmatch(name) if is_plain(name) else None
            if matched is not None and matched["seq"].isdecimal():
                found.append(((matched.groupdict().get("day") or "", int(matched["seq"])), name))
        return found

    def _gap(self, order: Order, present: set[Order]) -> bool:
        """Is a number before it missing, of its day from 1 on, else from the first that was ever seen on?"""
        day, seq = order
        seen = {number for other, number in present | self._known if other == day}
        return any(number not in seen for number in range(1 if day else min(seen), seq))

    def _take(self, order: Order, entry: Entry) -> None:
        """Raises BadFile, TransportError."""
        beside = self._entries.get(entry.name + self._options.chk.suffix)
        told = self._refused.get(entry.name)
        if told is not None and told[:2] == (entry, beside) and time.monotonic() - told[2] < _AGAIN_S:
            raise BadFile(told[3])
        chk = self._ready(entry)
        try:
            self._load(order, entry, chk)
        except BadFile as error:
            self._refused[entry.name] = (entry, beside, time.monotonic(), error.reason)
            raise

    def _ready(self, entry: Entry) -> bytes | None:
        """The chk, where one is waited for."""
        if self._options.ready == "stable":
            if self._before.get(entry.name) != entry:
                raise BadFile("growing")
            return None
        into = io.BytesIO()
        self._fetch(entry.name + self._options.chk.suffix, into, _CHK_BYTES, _OF_THE_CHK)
        return into.getvalue()

    def _load(self, order: Order, entry: Entry, chk: bytes | None) -> None:
        if entry.size > self._options.max_bytes:
            raise BadFile("too-long")
        if self._part is None or self._part[0] != entry:  # in memory: data in clear is not written to disk
            self._part = (entry, io.BytesIO())
        self._fetch(entry.name, self._part[1], self._options.max_bytes, _OF_THE_FILE)
        data, self._part = self._part[1].getvalue(), None
        if chk is not None:
            prove(entry.name, data, chk, self._options.chk)
        digest = hashlib.sha256(data).digest()
        if digest in self._digests:
            raise BadFile("duplicate")
        self.rows = self.table.load(records(data, self._codec, self._options.key), entry.mtime or time.time())
        self._digests.add(digest)
        self._newest = (order, entry.name)
        self.loaded += 1

    def _fetch(self, name: str, into: io.BytesIO, most: int, reasons: Mapping[str, str]) -> None:
        """Goes on behind what ``into`` has."""
        try:
            self._transport.read(name, into, offset=into.tell(), most=most)
        except TransportError as error:
            if error.reason not in reasons:
                raise
            self._part = None
            raise BadFile(reasons[error.reason]) from None
