"""Where the records of feeds stand: for each kind of feed the tables, what belongs to a day, and what becomes of a row.

A record never changes once it is in its table and complete, so that it may be read again at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, select

from cti.acd.counts import split
from cti.core import feeds as f
from cti.store.schema import call_records, calls
from cti.store.schema_floor import agent_times, contacts_handled, offers, presence_periods, queue_entries

#: A day: [since, until), seconds since the epoch.
Span = tuple[float, float]
#: No time is longer that was spent in one state, so that no row reaches into a day from further away.
_LONGEST_S = 31 * 86_400.0
_FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Source:
    """``key``: of its rows; ``order``: of the lines. ``belongs``: to a day, and complete. ``values``: of a row, in a
    day; by column."""

    kind: str
    query: Select[Any]
    key: Any
    order: Any
    belongs: Callable[[Span], Any]
    values: Callable[[Mapping[str, Any], Span], Mapping[str, Any]]

    def record(self, row: Mapping[str, Any], span: Span, more: Mapping[str, Any]) -> f.FeedRecord:
        values = {**self.values(row, span), **more}
        return f.FeedRecord(self.kind, row[self.key.name], row[self.order.name], values)


def sources(kind: f.FeedKind) -> tuple[Source, ...]:
    return {"contacts": _contacts, "agent_states": _agent_states, "calls": _calls}[kind]()


def _within(column: Any) -> Callable[[Span], Any]:
    return lambda span: and_(column >= span[0], column < span[1])


def _with_caller(table: Any) -> Select[Any]:
    return select(table, calls.c.caller_sealed).select_from(table.outerjoin(calls, calls.c.call_id == table.c.call_id))


def _named(*same: str, **others: str) -> Callable[[Mapping[str, Any], Span], Mapping[str, Any]]:
    """``same``: columns of one name here and there; ``others``: ours -> the table's."""
    names = {**{name: name for name in same}, **others}
    return lambda row, span: {ours: row[theirs] for ours, theirs in names.items()}


_PART = ("contact", "medium", "queue", "agent", "ended_at")
_WORK = ("talk_s", "hold_s", "work_s", "disposition")


# ---- contacts --------------------------------------------------------------------------------------------------------


def _contacts() -> tuple[Source, ...]:
    entry, handled = queue_entries, contacts_handled
    began = _within(entry.c.began_at)
    return (
        Source(
            f.ENTRY, _with_caller(entry), entry.c.entry_id, entry.c.began_at,
            lambda span: and_(began(span), entry.c.ended_at.is_not(None)),
            _named(*_PART, "began_at", "counted", "outcome", "reason", "wait_s", call="call_id"),
        ),
        Source(
            f.HANDLED, _with_caller(handled), handled.c.fact_id, handled.c.ended_at, _within(handled.c.ended_at),
            lambda row, span: {
                **_named(*_PART, *_WORK, call="call_id", reason="ended_by")(row, span), "counted": True, "wait_s": 0.0,
            },
        ),
    )  # fmt: skip


# ---- agent_states ----------------------------------------------------------------------------------------------------


def _agent_states() -> tuple[Source, ...]:
    spell, time, offer, handled = presence_periods, agent_times, offers, contacts_handled

    def reaches(span: Span) -> Any:
        at = time.c
        return and_(at.ended_at > span[0], at.ended_at - at.seconds < span[1], at.ended_at < span[1] + _LONGEST_S)

    of_offer = _named("contact", "medium", "queue", "agent", call="call_id", began_at="made_at")
    return (
        Source(f.PRESENCE, select(spell), spell.c.fact_id, spell.c.ended_at, _within(spell.c.ended_at), _spell),
        Source(f.TIME, select(time), time.c.fact_id, time.c.ended_at, reaches, _spent),
        Source(
            f.OFFERED, select(offer), offer.c.offer_id, offer.c.made_at, _within(offer.c.made_at),
            lambda row, span: {**of_offer(row, span), "state": "reserved"},
        ),
        Source(
            f.OFFER_END, select(offer), offer.c.offer_id, offer.c.ended_at, _within(offer.c.ended_at),
            lambda row, span: {
                **of_offer(row, span), "state": row["ending"], "reason": row["reason"], "ended_at": row["ended_at"],
                "seconds": row["ended_at"] - row["made_at"],
            },
        ),
        Source(
            f.HANDLED, select(handled), handled.c.fact_id, handled.c.ended_at, _within(handled.c.ended_at),
            _named(*_PART, *_WORK, call="call_id", reason="ended_by"),
        ),
    )  # fmt: skip


def _spell(row: Mapping[str, Any], span: Span) -> Mapping[str, Any]:
    return {
        "agent": row["agent"], "state": row["presence"], "reason": row["reason"], "began_at": row["began_at"],
        "ended_at": row["ended_at"], "seconds": row["ended_at"] - row["began_at"],
    }  # fmt: skip


def _spent(row: Mapping[str, Any], span: Span) -> Mapping[str, Any]:
    """What of it was spent on that day; in whole milliseconds of each quarter of an hour, as the counts have it."""
    begin, end = max(row["ended_at"] - row["seconds"], span[0]), min(row["ended_at"], span[1])
    ms = sum(round(seconds * 1000) for _, seconds in split(begin, end))
    return {
        "agent": row["agent"], "state": row["bucket"], "began_at": begin, "ended_at": end, "seconds": ms / 1000,
    }  # fmt: skip


# ---- calls -----------------------------------------------------------------------------------------------------------


def _calls() -> tuple[Source, ...]:
    call, ended, entry, handled = calls.c, call_records.c, queue_entries, contacts_handled
    began = _within(call.started_at)
    whole = select(
        calls, *(ended[name] for name in ("answered_at", "ended_at", "terminal_cause", "hangup_cause", "outcome")),
        ended.language.label("spoken"), (ended.error != "").label(_FAILED),
    )  # fmt: skip

    def of_call(table: Any) -> Select[Any]:
        return select(table, call.started_at).select_from(table.join(calls, call.call_id == table.c.call_id))

    return (
        Source(
            f.CALL, whole.select_from(calls.join(call_records)), call.call_id, call.started_at, began,
            lambda row, span: {
                **_named(
                    "medium", "switch", "called", "entry", "flow", "flow_version", "answered_at", "ended_at",
                    "hangup_cause", "outcome", call="call_id", began_at="started_at", cause="terminal_cause",
                    failed=_FAILED,
                )(row, span),
                "language": row["spoken"] or row["language"],
                "seconds": row["ended_at"] - row["started_at"],
            },
        ),
        Source(
            f.QUEUED, of_call(entry), entry.c.entry_id, entry.c.began_at, began,
            _named("medium", "queue", "began_at", call="call_id"),
        ),
        Source(
            f.HANDLED, of_call(handled), handled.c.fact_id, handled.c.ended_at, began,
            _named("medium", "queue", "agent", "ended_at", "disposition", call="call_id"),
        ),
    )  # fmt: skip
