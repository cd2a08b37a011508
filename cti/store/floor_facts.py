"""Writes what the floor did, and adds it to the interval counts in the same transaction.

A fact is counted when its row was inserted, or its ending set, by this very statement; so a batch of unknown fate may
be written again. What a fact counts for is said by `cti.acd.counts.changes` alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, select

from cti.acd import outputs as o
from cti.acd.counts import Change, changes, dispositions, interval_of, is_time
from cti.acd.states import OfferState, Outcome
from cti.core import floor_records as f
from cti.store.database import complete_fresh, insert_fresh, insert_or_add
from cti.store.fixed import run_many
from cti.store.rows import Row, clean
from cti.store.schema_floor import (
    agent_times,
    contacts_handled,
    interval_counts,
    offers,
    presence_periods,
    queue_entries,
)

#: An entry that its engine left open ends so.
LOST_REASON = "engine_lost"
_ENDS_ENTRY = ("ended_at", "outcome", "reason", "wait_s", "agent", "told_wait_s", "told_after_s")
_ENDS_OFFER = ("ended_at", "ending", "reason")


def write_facts(connection: Connection, records: Sequence[f.FloorRecord]) -> None:
    if not records:
        return
    _write(connection, [record for record in records if not isinstance(record, f.RunBegan)])
    for record in records:
        if isinstance(record, f.RunBegan):
            _write(connection, _left_open(connection, record))


def _write(connection: Connection, records: Sequence[f.FloorRecord]) -> None:
    made: list[Change] = []
    made += _entries(connection, [r for r in records if isinstance(r, f.EntryOpened)])
    made += _offers(connection, [r for r in records if isinstance(r, f.OfferOpened)])
    handled = {r.fact_id: r for r in records if isinstance(r, f.ContactHandled)}
    for record in _inserted(connection, contacts_handled, handled):
        made += changes(handled_fact(record))
        made += dispositions(handled_fact(record), record.disposition)
    times = {r.fact_id: r for r in records if isinstance(r, f.AgentTime)}
    for spent in _inserted(connection, agent_times, times):
        made += changes(time_fact(spent))
    _presence(connection, [r for r in records if isinstance(r, f.PresencePeriod)])
    add_counts(connection, made)


def _entries(connection: Connection, records: Sequence[f.EntryOpened]) -> Iterable[Change]:
    begun = {r.entry_id: r for r in records}
    rows = [{**_blank(queue_entries), **_row(r, queue_entries, f.EntryOpened)} for r in begun.values()]
    for key in insert_fresh(connection, queue_entries, rows):
        yield from changes(began_fact(begun[key]))
    ended = {r.entry_id: r for r in reversed(records) if isinstance(r, f.EntryClosed)}
    rows = [_row(r, queue_entries, f.EntryClosed) for r in ended.values()]
    for key in complete_fresh(connection, queue_entries, rows, _ENDS_ENTRY):
        yield from changes(ended_fact(ended[key]))


def _offers(connection: Connection, records: Sequence[f.OfferOpened]) -> Iterable[Change]:
    made = {r.offer_id: r for r in reversed(records)}  # the first one of each: it says why
    rows = [{**_blank(offers), **_row(r, offers, f.OfferOpened)} for r in made.values()]
    for key in insert_fresh(connection, offers, rows):
        yield from changes(made_fact(made[key]))
    ended = {r.offer_id: r for r in reversed(records) if isinstance(r, f.OfferClosed)}
    rows = [_row(r, offers, f.OfferClosed) for r in ended.values()]
    for key in complete_fresh(connection, offers, rows, _ENDS_OFFER):
        yield from changes(offer_ended_fact(ended[key]))


def _presence(connection: Connection, records: Sequence[f.PresencePeriod]) -> None:
    begun = {r.fact_id: {**_row(r, presence_periods, f.PresencePeriod), "ended_at": None} for r in records}
    insert_fresh(connection, presence_periods, list(begun.values()))
    ended = {r.fact_id: r for r in reversed(records) if r.ended_at is not None}
    rows = [_row(r, presence_periods, f.PresencePeriod) for r in ended.values()]
    complete_fresh(connection, presence_periods, rows, ("ended_at",))


def _inserted(connection: Connection, table: Table, records: Mapping[str, Any]) -> list[Any]:
    rows = [_row(record, table, type(record)) for record in records.values()]
    return [records[key] for key in insert_fresh(connection, table, rows)]


def _left_open(connection: Connection, began: f.RunBegan) -> list[f.FloorRecord]:
    """What earlier runs of this worker did not end, ended at the beginning of this one."""

    def open_rows(table: Table) -> list[Mapping[str, Any]]:
        left = (table.c.worker == clean(began.worker, 80), table.c.run != began.run, table.c.ended_at.is_(None))
        return [dict(row) for row in connection.execute(select(table).where(*left)).mappings()]

    found: list[f.FloorRecord] = []
    for row in [row for row in open_rows(queue_entries) if row["entry_id"] not in began.kept]:
        own = {name: row[name] for name in f.EntryOpened.__dataclass_fields__}
        wait_s = max(0.0, began.at - row["began_at"])
        lost = str(Outcome.LOST)
        found.append(f.EntryClosed(**own, ended_at=began.at, outcome=lost, reason=LOST_REASON, wait_s=wait_s))
    for row in open_rows(offers):
        own = {name: row[name] for name in f.OfferOpened.__dataclass_fields__}
        ending = str(OfferState.RESCINDED)
        found.append(f.OfferClosed(**own, ended_at=began.at, ending=ending, reason=LOST_REASON))
    for row in open_rows(presence_periods):
        found.append(f.PresencePeriod(**{**row, "ended_at": began.at}))
    return found


# ---- counts --------------------------------------------------------------------------------------------------------


def add_counts(connection: Connection, made: Iterable[Change]) -> None:
    """``value = value + by``, in the order of the keys, so that two engines never wait for each other in a circle."""
    sums: Counter[tuple[int, str, str, str, str]] = Counter()
    for change in made:
        key = (interval_of(change.at), change.kind, clean(change.name, 64), clean(change.medium, 16), change.count)
        sums[key] += stored(change.count, change.by)
    names = ("begins", "kind", "name", "medium", "count")
    rows = [{**dict(zip(names, key, strict=True)), "value": sums[key]} for key in sorted(sums) if sums[key]]
    run_many(connection, insert_or_add(connection, interval_counts, "value"), rows)


def stored(count: str, by: float) -> int:
    """As it stands in the table: seconds in thousandths."""
    return round(by * 1000) if is_time(count) else round(by)


def shown(count: str, value: int) -> float:
    """The other way round."""
    return value / 1000 if is_time(count) else value


# ---- records as rows, and as the facts that they were ----------------------------------------------------------------


def _row(record: Any, table: Table, kind: type[Any]) -> Row:
    row: Row = {}
    for name, value in f.parts_of(record, kind).items():
        if name in table.c:
            length = getattr(table.c[name].type, "length", None)
            row[name] = clean(value, length or 1_000) if isinstance(value, str) else value
    return row


def _blank(table: Table) -> Row:
    """An open row: no ending yet."""
    return {name: _BLANKS[name] for name in _BLANKS if name in table.c}


_BLANKS: Row = {
    "ended_at": None,
    "outcome": "",
    "ending": "",
    "reason": "",
    "wait_s": 0.0,
    "agent": "",
    "told_wait_s": None,
    "told_after_s": 0.0,
}


def began_fact(r: Any) -> o.EntryBegan:
    return o.EntryBegan(r.began_at, 0, r.contact, r.queue, r.medium, r.counted)


def ended_fact(r: Any) -> o.EntryEnded:
    return o.EntryEnded(
        r.ended_at, 0, r.contact, r.queue, r.medium, r.began_at, Outcome(r.outcome), r.reason, r.wait_s, r.agent,
        r.counted,
    )  # fmt: skip


def made_fact(r: Any) -> o.OfferMade:
    why = o.Why("", "longest_idle", {}, 0, 0.0, 0.0, 0, 0.0)  # counts do not ask for it
    return o.OfferMade(r.made_at, 0, r.contact, r.agent, r.queue, r.medium, r.made_at, why)


def offer_ended_fact(r: Any) -> o.OfferEnded:
    lasted_s = r.ended_at - r.made_at
    return o.OfferEnded(
        r.ended_at, 0, r.contact, r.agent, r.queue, r.medium, OfferState(r.ending), r.reason, lasted_s
    )  # fmt: skip


def handled_fact(r: Any) -> o.Handled:
    return o.Handled(r.ended_at, r.contact, r.agent, r.queue, r.medium, r.talk_s, r.hold_s, r.work_s, r.ended_by)


def time_fact(r: Any) -> o.TimeSpent:
    return o.TimeSpent(r.ended_at, r.agent, r.bucket, r.seconds)
