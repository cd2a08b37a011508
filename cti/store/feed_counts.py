"""What the batches of a day are compared with: what the reports count, and of that what has not ended."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, exists, func, select

from cti.core.feeds import FeedKind, Sums
from cti.store.feed_sources import Span
from cti.store.schema import call_records, calls
from cti.store.schema_floor import interval_counts, queue_entries

#: Whose interval counts are the report of a kind.
_COUNTED = {"contacts": "queue", "agent_states": "agent"}


def counted(connection: Connection, kind: FeedKind, since: int, until: int) -> Sums:
    at = interval_counts.c
    query = (
        select(at.name, at.medium, at.count, func.sum(at.value))
        .where(at.kind == _COUNTED[kind], at.begins >= since, at.begins < until)
        .group_by(at.name, at.medium, at.count)
    )
    return {(row[0], row[1], row[2]): int(row[3]) for row in connection.execute(query)}


def not_ended(connection: Connection, kind: FeedKind, span: Span) -> Sums:
    """Of agents nothing: what they do is counted when it has ended."""
    if kind == "contacts":
        at = queue_entries.c
        waiting = (
            select(at.queue, at.medium, func.count())
            .where(at.began_at >= span[0], at.began_at < span[1], at.ended_at.is_(None), at.counted)
            .group_by(at.queue, at.medium)
        )
        return Counter({(row[0], row[1], "offered"): int(row[2]) for row in connection.execute(waiting)})
    if kind == "calls":
        begun, ended = calls.c.started_at, exists().where(call_records.c.call_id == calls.c.call_id)
        going_on = select(func.count()).select_from(calls).where(begun >= span[0], begun < span[1], ~ended)
        return Counter({("", "", "calls"): int(connection.execute(going_on).scalar_one())})
    return Counter()
