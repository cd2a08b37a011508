"""What reports are made of: interval counts, and rows of entries, talks and calls. Read beside a running engine."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, exists, func, select, text

from cti.store.counts_proof import Difference, differences
from cti.store.floor_facts import shown
from cti.store.repository import Repository
from cti.store.schema import call_goals, call_records, calls, node_visits
from cti.store.schema_floor import contacts_handled, interval_counts, queue_entries

#: So much is read at once, that no single read lasts long.
STRETCH_S = 6 * 3600


class CountRow(NamedTuple):
    """``value`` in seconds, where it is a time."""

    begins: int
    name: str
    what: str
    value: float


class EntryRow(NamedTuple):
    call_id: str
    began_at: float
    outcome: str
    wait_s: float


class ToldRow(NamedTuple):
    """An answered entry whose contact was told a wait: what was told, and how long it was from then on."""

    began_at: float
    queue: str
    told_s: float
    actual_s: float


class CallFacts(NamedTuple):
    """``known``: the caller's number was shown; ``again``: the same caller called again within the window;
    ``disposition``: the last that an agent gave."""

    call_id: str
    started_at: float
    medium: str
    flow: str
    answered_at: float | None
    ended_at: float | None
    terminal_cause: str | None
    error: str
    goal: bool
    queued: bool
    handled: bool
    known: bool
    again: bool
    disposition: str | None = None


class Reports(Repository):
    """Periods are [since, until) in seconds since the epoch; times of interval counts are multiples of 900."""

    def counts(self, kind: str, since: int, until: int) -> list[CountRow]:
        at = interval_counts.c
        query = (
            select(at.begins, at.name, at.count, func.sum(at.value))
            .where(at.kind == kind, at.begins >= since, at.begins < until)
            .group_by(at.begins, at.name, at.count)
        )
        rows = self._read(lambda connection: connection.execute(query).all())
        return [CountRow(begins, name, count, shown(count, int(value))) for begins, name, count, value in rows]

    def contacts(self, since: int, until: int, queues: Collection[str] | None) -> Iterator[EntryRow]:
        """All counted entries, in order, of the calls whose first entry was in the period. ``queues``: these only."""
        entry, earlier = queue_entries, queue_entries.alias()
        of_queues = [] if queues is None else [entry.c.queue.in_(queues)]
        for begin, end in _stretches(since, until):
            there = select(entry.c.call_id).where(entry.c.began_at >= begin, entry.c.began_at < end, *of_queues)
            before = [earlier.c.call_id == entry.c.call_id, earlier.c.began_at < begin, earlier.c.counted]
            if queues is not None:
                before.append(earlier.c.queue.in_(queues))
            query = (
                select(entry.c.call_id, entry.c.began_at, entry.c.outcome, entry.c.wait_s)
                .where(entry.c.call_id.in_(there), entry.c.counted, ~exists().where(and_(*before)), *of_queues)
                .order_by(entry.c.call_id, entry.c.began_at, entry.c.entry_id)
            )
            yield from (EntryRow(*row) for row in self._rows(query))

    def told(self, since: int, until: int) -> Iterator[ToldRow]:
        at = queue_entries.c
        for begin, end in _stretches(since, until):
            query = select(at.began_at, at.queue, at.told_wait_s, at.wait_s - at.told_after_s).where(
                at.began_at >= begin, at.began_at < end, at.outcome == "answered", at.told_wait_s.is_not(None)
            )
            yield from (ToldRow(*row) for row in self._rows(query))

    def calls(self, since: float, until: float, window_s: float) -> Iterator[CallFacts]:
        """``window_s``: how long a caller must not call again for the matter to count as settled."""
        later = calls.alias()
        again = exists().where(
            later.c.caller_blind == calls.c.caller_blind,
            later.c.started_at > calls.c.started_at,
            later.c.started_at <= calls.c.started_at + window_s,
        )
        of_call, given = calls.c.call_id, contacts_handled.alias()
        last = (
            select(given.c.disposition)
            .where(given.c.call_id == of_call, given.c.disposition.is_not(None))
            .order_by(given.c.ended_at.desc(), given.c.fact_id.desc())
            .limit(1)
        )
        columns = select(
            of_call,
            *(calls.c[name] for name in ("started_at", "medium", "flow")),
            *(call_records.c[name] for name in ("answered_at", "ended_at", "terminal_cause", "error")),
            exists().where(call_goals.c.call_id == of_call),
            exists().where(queue_entries.c.call_id == of_call),
            exists().where(contacts_handled.c.call_id == of_call),
            calls.c.caller_blind.is_not(None),
            again,
            last.correlate(calls).scalar_subquery(),
        ).select_from(calls.outerjoin(call_records))
        for begin, end in _stretches(since, until):
            query = columns.where(calls.c.started_at >= begin, calls.c.started_at < end)
            for row in self._rows(query):
                yield CallFacts._make((*row[:7], row[7] or "", *map(bool, row[8:13]), row[13]))

    def passed_on(self, since: float, until: float) -> tuple[int, int]:
        """(contacts handled that an agent had passed on, or asked about; contacts handled)."""
        at = contacts_handled.c
        period = (at.ended_at >= since, at.ended_at < until)

        def work(connection: Connection) -> tuple[int, int]:
            query = select(func.count()).select_from(contacts_handled).where(*period)
            some = connection.execute(query.where(at.contact != at.call_id)).scalar_one()
            return some, connection.execute(query).scalar_one()

        return self._read(work)

    def exits(self, flow: str, node: str, since: float, until: float) -> dict[str, int]:
        """exit -> how often this node was left by it."""
        at = node_visits.c
        query = (
            select(at.exit, func.count())
            .where(at.flow == flow, at.node == node, at.entered_at >= since, at.entered_at < until)
            .group_by(at.exit)
        )
        return {exit: int(count) for exit, count in self._rows(query)}

    def verify(self, since: int, until: int) -> Iterator[Difference]:
        """Where a count is not what the raw rows say."""
        for begin, end in _stretches(since, until):
            yield from self._read(partial(_differences, since=int(begin), until=int(end)))

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _rows(self, query: Any) -> list[Any]:
        return self._read(lambda connection: list(connection.execute(query).all()))


def _differences(connection: Connection, since: int, until: int) -> list[Difference]:
    if connection.dialect.name == "postgresql":  # all reads of it at one instant; SQLite's always are
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    return differences(connection, since, until)


def _stretches(since: float, until: float) -> Iterator[tuple[float, float]]:
    while since < until:
        end = min(until, since + STRETCH_S)
        yield since, end
        since = end
