"""What a fault may cost, what was seen, and the table of both. Nothing here looks at a clock or a process."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

#: Where a caller stands when the fault comes.
MENU, QUEUED, BRIDGED, RINGING = "menu", "queued", "bridged", "ringing"
#: Of each of these there is one: with an agent, who talks, has put the caller on hold, has a third person in; a fax.
TALK, HELD, CONFERENCE, FAX = "talk", "held", "conference", "fax"
CHAT = "chat"  # on no switch
CALLS = (MENU, QUEUED, BRIDGED, RINGING, TALK, HELD, CONFERENCE, FAX)
KINDS = (*CALLS, CHAT)
GOES_ON, LOST, INTERRUPTED = "goes on", "lost", "interrupted"


@dataclass(frozen=True)
class Expected:
    """``may_lose``: kind of call -> the terminal causes that name its loss, where the fault strikes; other kinds, and
    calls elsewhere, lose nothing."""

    may_lose: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def zero_loss(self) -> bool:
        return not self.may_lose

    def names(self, call: Call) -> bool:
        """Lost, which it may be, and on record as that."""
        causes = self.may_lose.get(call.kind, frozenset()) if call.hit else frozenset()
        return bool(call.records) and set(call.records) <= causes


ALL_LOST = Expected({kind: frozenset({"switch_lost"}) for kind in CALLS})


@dataclass(frozen=True)
class Call:
    """One call of the load as it was seen from outside. ``records``: terminal causes on record, one for each row;
    ``gone``: its channel went before its caller hung up; ``cut``: its bridge ended before that; ``served``: it did what
    its caller asked for after the fault; ``begun_again``: its flow started a second time; ``where``: where it went on,
    if not where it was; ``hit``: it stood where the fault struck, so that it may be lost if its kind may."""

    call_id: str
    kind: str
    records: tuple[str, ...] = ("caller_hangup",)
    gone: bool = False
    cut: bool = False
    served: bool = True
    begun_again: bool = False
    where: str = ""
    hit: bool = True

    @property
    def fate(self) -> str:
        """As the table of docs/failover.md has it."""
        return LOST if self.gone else INTERRUPTED if self.cut else self.where or GOES_ON


@dataclass(frozen=True)
class Seen:
    """One repetition. ``recovered_s``: from the fault until a caller in a menu is answered (None: never) or, where no
    caller is left, until the engine beats on the switch; ``left``: channels there when everybody had gone; ``writes``:
    key or caller -> executions in the back office; ``grown``: the engine's threads and descriptors, above what they
    were; ``newcomer``: what somebody met who called while the fault lasted; ``agents``: what was wrong at
    their desks, and what the fault itself found."""

    calls: tuple[Call, ...]
    recovered_s: float | None
    left: tuple[str, ...] = ()
    writes: Mapping[str, int] = field(default_factory=dict)
    grown: Mapping[str, int] = field(default_factory=dict)
    newcomer: str = ""
    notes: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """A line of the table. ``lost``: kind -> calls; ``named``: of those, the ones that may be lost and are on record as
    such; ``broken``: invariants that did not hold, empty when all did; ``skipped``: why it did not run."""

    fault: str
    repetitions: int
    up: int
    lost: Mapping[str, int]
    named: int
    recovered_s: tuple[float | None, ...]
    broken: tuple[str, ...]
    newcomers: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    skipped: str = ""

    @property
    def failed(self) -> bool:
        return bool(self.broken)


def judge(fault: str, expected: Expected, seen: Sequence[Seen]) -> Row:
    calls = [call for one in seen for call in one.calls]
    lost = [call for call in calls if call.gone]
    named = [call for call in lost if expected.names(call)]
    broken = list(dict.fromkeys(text for one in seen for text in _broken(expected, one)))
    return Row(
        fault, len(seen), len(calls), dict(Counter(call.kind for call in lost)), len(named),
        tuple(one.recovered_s for one in seen), tuple(broken),
        dict(Counter(one.newcomer for one in seen if one.newcomer)),
        tuple(dict.fromkeys(note for one in seen for note in one.notes)),
    )  # fmt: skip


def skipped(fault: str, why: str) -> Row:
    return Row(fault, 0, 0, {}, 0, (), (), skipped=why)


def _broken(expected: Expected, seen: Seen) -> Iterable[str]:
    """The invariants that do not hold, in words that count."""
    for call in seen.calls:
        if call.gone and not expected.names(call):
            yield f"{call.kind} call lost ({', '.join(call.records) or 'no record'})"
    counts = Counter(_faults_of_call(seen.calls))
    yield from (f"{count} x {text}" for text, count in sorted(counts.items()))
    twice = [key for key, count in seen.writes.items() if count > 1]
    if twice:
        yield f"{len(twice)} writes executed more than once"
    if seen.recovered_s is None:
        yield "not recovered"
    if seen.left:
        yield f"{len(seen.left)} channels without an owner"
    yield from seen.agents
    yield from (f"{count} more {what}" for what, count in seen.grown.items() if count > 0)


def _faults_of_call(calls: Iterable[Call]) -> Iterable[str]:
    for call in calls:
        if not call.records:
            yield f"{call.kind} call without a record"
        elif len(call.records) > 1:
            yield f"{call.kind} call with several records"
        if call.cut and not call.gone:
            yield "talk interrupted"
        if not call.gone and not call.served:
            yield f"{call.kind} call not served within its time"
        if call.begun_again:
            yield f"{call.kind} call: flow begins again"


# ---- the table -----------------------------------------------------------------------------------------------------

HEAD = ("fault", "repetitions", "calls up", "calls lost", "time to recover", "new callers meanwhile", "invariants")


def table(rows: Sequence[Row]) -> str:
    """As Markdown, one row for each fault; its columns are aligned."""
    lines = [HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    drawn = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    return "\n".join([drawn[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *drawn[1:]])


def _cells(row: Row) -> tuple[str, ...]:
    if row.skipped:
        return (row.fault, "0", "-", "-", "-", "-", f"skipped: {row.skipped}")
    newcomers = ", ".join(f"{count} {what}" for what, count in sorted(row.newcomers.items())) or "-"
    notes = f" ({'; '.join(row.notes)})" if row.notes else ""
    held = ("; ".join(row.broken) if row.broken else "hold") + notes
    return (row.fault, str(row.repetitions), str(row.up), _lost(row), _times(row.recovered_s), newcomers, held)


def _lost(row: Row) -> str:
    total = sum(row.lost.values())
    if not total:
        return "0"
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(row.lost.items()))
    return f"{total}: {kinds}; {row.named} named"


def _times(values: Sequence[float | None]) -> str:
    """``min / median / max``, or the one value; seconds."""
    known = [value for value in values if value is not None]
    if not known:
        return "never"
    never = f", {len(values) - len(known)} never" if len(known) < len(values) else ""
    if len(known) == 1:
        return f"{known[0]:.1f} s{never}"
    return " / ".join(f"{one:.1f}" for one in (min(known), statistics.median(known), max(known))) + f" s{never}"


def as_json(row: Row) -> dict[str, Any]:
    return {**asdict(row), "failed": row.failed}
