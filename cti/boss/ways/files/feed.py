"""One kind of file of a folder: which is the newest that is complete, and what is wrong with the others."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

from cti.boss.codecs import make_codec
from cti.boss.ways.files.options import FeedOptions
from cti.boss.ways.files.proving import BadFile, is_plain, prove, records
from cti.boss.ways.files.table import Table

_CHK_BYTES = 4096
Order = tuple[str, int]


class Feed:
    """`sweep` is called by one thread at a time; `table` and the plain facts are read by all."""

    def __init__(self, options: FeedOptions, folder: Path, table: Table) -> None:
        self._options, self._folder, self.table = options, folder, table
        self._match, self._codec = re.compile(options.match), make_codec(options.row, options.charset)
        self._newest: tuple[Order, str] | None = None
        self._known: set[Order] = set()
        self._digests: set[bytes] = set()
        self.rows, self.loaded, self.problem = 0, 0, ""

    def sweep(self) -> None:
        """Load the newest complete file, if it is newer. ``problem``: of the newest that could not be, else empty.
        Raises OSError where the folder cannot be read."""
        problem = ""
        names = os.listdir(self._folder)
        if any(not is_plain(name) for name in names if name[:1] != "."):
            problem = "bad-name"
        found = sorted(self._ordered(names), reverse=True)
        present = {order for order, _ in found}
        for order, name in found:
            if self._newest is not None and order <= self._newest[0]:
                if order == self._newest[0] and name != self._newest[1]:
                    problem = problem or "duplicate"
                break
            try:
                gap = self._gap(order, present)
                if gap and self._options.gap == "hold":
                    raise BadFile("sequence-gap")
                self._take(order, name)
                problem = problem or ("sequence-gap" if gap else "")
                break
            except BadFile as error:
                problem = problem or error.reason
        self._known |= present
        self.problem = problem

    def _ordered(self, names: list[str]) -> list[tuple[Order, str]]:
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

    def _take(self, order: Order, name: str) -> None:
        """Raises BadFile."""
        chk, _ = self._read(name + self._options.chk.suffix, _CHK_BYTES, "chk-missing")
        data, as_of = self._read(name, self._options.max_bytes, "vanished")
        prove(name, data, chk, self._options.chk)
        digest = hashlib.sha256(data).digest()
        if digest in self._digests:
            raise BadFile("duplicate")
        self.rows = self.table.load(records(data, self._codec, self._options.key), as_of)
        self._digests.add(digest)
        self._newest = (order, name)
        self.loaded += 1

    def _read(self, name: str, most: int, missing: str) -> tuple[bytes, float]:
        """Content and when it was written. A link is not followed: it may lead out of the folder."""
        try:
            handle = os.open(self._folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            raise BadFile(missing) from None
        except OSError:
            raise BadFile("unreadable") from None
        with open(handle, "rb") as file:
            facts = os.fstat(handle)
            if not stat.S_ISREG(facts.st_mode):
                raise BadFile("unreadable")
            data = file.read(most + 1)
        if len(data) > most:
            raise BadFile("too-long")
        return data, facts.st_mtime
