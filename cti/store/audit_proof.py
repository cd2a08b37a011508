"""Proves the chain of the audit, and finds the first line at which it breaks. Beside writers: it reads in pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection

from cti.store.audit_chain import ANCHOR, Fault, Head, hash_of, last_line, line_of, read_head, rows_after
from cti.store.sealing import SealBroken, Sealer

T = TypeVar("T")
Read = Callable[[Callable[[Connection], T]], T]


@dataclass(frozen=True, slots=True)
class Break:
    """``code``: line-changed, line-missing, line-put-in, before-chain, tail-missing, head-missing, head-broken,
    head-old, not-as-noted. ``number``: of the line at which it shows."""

    code: str
    number: int
    message: str


@dataclass(frozen=True, slots=True)
class Proof:
    """``first``: the first line with hashes, None: there is none yet. ``head``: None where it cannot be had.
    ``faults``: what writers found before."""

    lines: int
    first: int | None
    head: Head | None
    broken: Break | None
    faults: tuple[Fault, ...] = ()

    @property
    def good(self) -> bool:
        return self.broken is None and not self.faults


def prove(read: Read[Any], sealer: Sealer, noted: Head | None = None) -> Proof:
    """``read`` runs each look in a transaction. ``noted``: a head of before that was kept elsewhere.

    The last line is looked at before the head, which only ever goes on: a head that lies behind is no coincidence."""
    last, last_hash = read(last_line)
    try:
        head: Head | None = read(lambda connection: read_head(connection, sealer))
        broken = None if head is not None else Break("head-missing", last, "the sealed head is not there")
        if head is None and last_hash is None:
            broken = None  # there was no chain yet
    except SealBroken:
        head, broken = None, Break("head-broken", last, "the head does not open: it was changed, or the key is another")
    walk = _Walk(noted)
    until = max(last, head.number if head is not None else 0)
    while walk.broken is None:
        rows = read(partial(rows_after, number=walk.number, until=until))
        if not rows:
            break
        walk.see(rows)
    found = walk.broken or broken or _end(walk, head, noted, last)
    return Proof(walk.lines, walk.first, head, found, head.faults if head is not None else ())


def _end(walk: _Walk, head: Head | None, noted: Head | None, last: int) -> Break | None:
    if head is not None and head.number < last:
        return Break("head-old", last, f"lines stand behind the head, which is line {head.number}")
    if head is not None and (walk.number, walk.hash) != (head.number, head.hash):
        return Break("tail-missing", walk.number, f"the last line should be {head.number}: later ones were cut off")
    if noted is not None and walk.number < noted.number:
        return Break("not-as-noted", walk.number, f"line {noted.number} was noted, and is not there")
    return None


class _Walk:
    """Along the lines, the oldest first."""

    def __init__(self, noted: Head | None) -> None:
        self._noted = noted
        self.number, self.hash, self.lines = 0, ANCHOR, 0
        self.first: int | None = None
        self.broken: Break | None = None

    def see(self, rows: list[Any]) -> None:
        for row in rows:
            found = hash_of(self.hash, row.number, line_of(row))
            self.broken = self._judge(row, found)
            if self.broken is not None:
                return
            if self.first is None and row.line_hash is not None:
                self.first = row.number
            self.number, self.hash, self.lines = row.number, found, self.lines + 1

    def _judge(self, row: Any, found: str) -> Break | None:
        number = row.number
        if row.line_hash is None:
            put_in = self.first is not None
            return Break("line-put-in", number, "a line without hashes stands in the chain") if put_in else None
        if row.previous_hash != self.hash:
            if self.first is None and self.number:
                return Break("before-chain", number, "lines from before this one, the chain's first, were changed")
            gap = number - self.number - 1
            why = f"{gap} before it are not there" if gap else "it does not follow the one before it"
            return Break("line-missing", number, why)
        if row.line_hash != found:
            return Break("line-changed", number, "what stands in it is not what was written")
        noted = self._noted
        if noted is not None and number == noted.number and noted.hash != found:
            return Break("not-as-noted", number, "its hash is another than the one that was noted")
        return None
