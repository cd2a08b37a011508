"""Proves a day: its batches by what was noted of them, and that their records sum to the report of the day."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from typing import Any

from cti.boss.feeds.destination import Destination
from cti.boss.feeds.folder import CHK
from cti.boss.feeds.lines import read_json, read_lines
from cti.boss.feeds.options import FeedPlan
from cti.boss.feeds.sums import Found, is_summed, sums_of
from cti.boss.ways.files.options import ChkOptions
from cti.boss.ways.files.proving import BadFile, prove
from cti.core.feeds import FeedFile, Sums


@dataclass(frozen=True, slots=True)
class Proof:
    """``taken``: files that were not where they were written, proved by what was noted. ``faults``: (file, code);
    ``differences``: (who, medium, count, report, files), times in milliseconds; ``open``: what had not ended, which
    the report counts."""

    feed: str
    kind: str
    day: str
    files: tuple[str, ...]
    taken: tuple[str, ...]
    open: int
    faults: tuple[tuple[str, str], ...]
    differences: tuple[tuple[str, str, str, int, int], ...]

    @property
    def good(self) -> bool:
        return bool(self.files) and not self.faults and not self.differences


def prove_day(
    plan: FeedPlan,
    day: str,
    files: list[FeedFile],
    there: Destination | None,
    made: Callable[[FeedFile], bytes],
    report: Sums,
    waiting: Sums,
) -> Proof:
    """``there``: where files are read back, None: nothing can be. ``made``: a batch by the store. Raises CtiError."""
    faults: list[tuple[str, str]] = []
    taken, contents = [], []
    for number, file in enumerate(files, 1):
        if file.seq != number:
            faults.append((file.name, "sequence-gap"))
        data = there.fetch(file.name) if there is not None else None
        if data is not None and there is not None:
            faults += [(file.name, code) for code in _chk(there.fetch(file.name + CHK), file, data)]
        elif there is not None and file.written_at is not None:
            taken.append(file.name)
        if file.written_at is None:
            faults.append((file.name, "not-written"))
        if data is None and file.rows_gone_at is not None:
            faults.append((file.name, "rows-gone"))
            continue
        data = made(file) if data is None else data
        if sha256(data).hexdigest() != file.digest:
            faults.append((file.name, "digest"))
        contents.append(data)
    try:
        found = sums_of(plan.options.kind, _records(plan, contents))
    except ValueError:
        faults.append((plan.name, "unreadable"))
        found = sums_of(plan.options.kind, ())
    found.update(waiting)
    return Proof(
        plan.name, plan.options.kind, day, tuple(file.name for file in files), tuple(taken), sum(waiting.values()),
        tuple(faults), _differences(plan, report, found),
    )  # fmt: skip


def _records(plan: FeedPlan, contents: Iterable[bytes]) -> Iterable[dict[str, Any]]:
    if plan.options.to is not None:
        return chain.from_iterable(read_lines(data, plan.options.kind) for data in contents)
    return chain.from_iterable(map(read_json, contents))


def _differences(plan: FeedPlan, report: Sums, found: Found) -> tuple[tuple[str, str, str, int, int], ...]:
    keys = sorted(key for key in found.keys() | report.keys() if is_summed(plan.options.kind, key[2]))
    return tuple((*key, report.get(key, 0), found[key]) for key in keys if report.get(key, 0) != found[key])


def _chk(chk: bytes | None, file: FeedFile, data: bytes) -> list[str]:
    if chk is None:
        return ["chk-missing"]
    try:
        prove(file.name, data, chk, ChkOptions())
    except BadFile as error:
        return [error.reason]
    return []
