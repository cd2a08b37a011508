"""Proves the interval counts: counts them again, from the raw rows and by other code than what added them up.

Sums are exact (whole numbers and milliseconds), so any difference is one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from cti.store.schema_floor import agent_times, contacts_handled, interval_counts, offers, queue_entries
from cti.store.schema_wrapups import contact_wrapups

_QUARTER_S = 900
_WITHIN_S = (5, 10, 15, 20, 30, 60)
_SHORT_S = 5

#: (begins, kind, name, medium, count)
Key = tuple[int, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """``kept``: what stands in the counts; ``found``: what the rows say. Of a sum of seconds milliseconds."""

    begins: int
    kind: str
    name: str
    medium: str
    count: str
    kept: int
    found: int


def differences(connection: Connection, since: int, until: int) -> list[Difference]:
    """Of the intervals that begin in [since, until), in their order. One snapshot of the database is needed."""
    kept = _kept(connection, since, until)
    found = recount(connection, since, until)
    keys = sorted(key for key in kept.keys() | found.keys() if kept[key] != found[key])
    return [Difference(*key, kept[key], found[key]) for key in keys]


def _kept(connection: Connection, since: int, until: int) -> Counter[Key]:
    at = interval_counts.c
    query = select(at.begins, at.kind, at.name, at.medium, at.count, at.value)
    rows = connection.execute(query.where(at.begins >= since, at.begins < until))
    return Counter({(row[0], *row[1:5]): row[5] for row in rows})


def recount(connection: Connection, since: int, until: int) -> Counter[Key]:
    sums: Counter[Key] = Counter()
    _entries(connection, since, until, sums)
    _offers(connection, since, until, sums)
    _handled(connection, since, until, sums)
    _wrapups(connection, since, until, sums)
    _times(connection, since, until, sums)
    return Counter({key: value for key, value in sums.items() if value})


def _quarter(at: float) -> int:
    return int(at // _QUARTER_S) * _QUARTER_S


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _entries(connection: Connection, since: int, until: int, sums: Counter[Key]) -> None:
    at = queue_entries.c
    for row in connection.execute(select(queue_entries).where(at.began_at >= since, at.began_at < until)):
        place = (_quarter(row.began_at), "queue", row.queue, row.medium)
        if not row.counted:
            sums[*place, "callbacks_answered"] += row.outcome == "answered" and row.medium == "callback"
            continue
        sums[*place, "offered"] += 1
        if not row.outcome:
            continue
        sums[*place, row.outcome] += 1
        if row.outcome in ("answered", "abandoned"):
            sums[*place, f"wait_{row.outcome}_s"] += _ms(row.wait_s)
            for seconds in _WITHIN_S:
                sums[*place, f"{row.outcome}_in_{seconds}"] += row.wait_s <= seconds
        sums[*place, "short_abandoned"] += row.outcome == "abandoned" and row.wait_s <= _SHORT_S


def _offers(connection: Connection, since: int, until: int, sums: Counter[Key]) -> None:
    at = offers.c
    for row in connection.execute(select(offers).where(at.made_at >= since, at.made_at < until)):
        sums[_quarter(row.made_at), "agent", row.agent, row.medium, "offers"] += 1
    for row in connection.execute(select(offers).where(at.ended_at >= since, at.ended_at < until)):
        begins = _quarter(row.ended_at)
        sums[begins, "agent", row.agent, row.medium, "accepted"] += row.ending == "accepted"
        count = {"timed_out": row.reason, "rejected": "rejected"}.get(row.ending)
        if count is not None:
            sums[begins, "agent", row.agent, row.medium, count] += 1
            if row.queue:
                sums[begins, "queue", row.queue, row.medium, count] += 1


def _handled(connection: Connection, since: int, until: int, sums: Counter[Key]) -> None:
    at = contacts_handled.c
    for row in connection.execute(select(contacts_handled).where(at.ended_at >= since, at.ended_at < until)):
        for kind, name in (("queue", row.queue), ("agent", row.agent)):
            if not name:
                continue  # of no queue
            place = (_quarter(row.ended_at), kind, name, row.medium)
            sums[*place, "handled"] += 1
            for count in ("talk_s", "hold_s", "work_s"):
                sums[*place, count] += _ms(getattr(row, count))


def _wrapups(connection: Connection, since: int, until: int, sums: Counter[Key]) -> None:
    """What agents gave contacts stands in their write-ups; a contact whose engine died is not handled."""
    at = contact_wrapups.c
    query = select(at.agent, at.queue, at.medium, at.ended_at, at.disposition)
    for row in connection.execute(query.where(at.ended_at >= since, at.ended_at < until, at.ended_by != "engine_lost")):
        count = f"disposition:{row.disposition}" if row.disposition is not None else "without_disposition"
        sums[_quarter(row.ended_at), "queue", row.queue, row.medium, count] += 1
        sums[_quarter(row.ended_at), "agent", row.agent, row.medium, count] += 1


def _times(connection: Connection, since: int, until: int, sums: Counter[Key]) -> None:
    """Time belongs to the intervals in which it was spent, so a row may reach into the period from outside."""
    at = agent_times.c
    reaches: Any = select(agent_times).where(at.ended_at > since, at.ended_at - at.seconds < until)
    for row in connection.execute(reaches):
        begin, end = row.ended_at - row.seconds, row.ended_at
        while begin < end:
            quarter = _quarter(begin)
            border = min(end, quarter + _QUARTER_S)
            if since <= quarter < until:
                sums[quarter, "agent", row.agent, "", f"{row.bucket}_s"] += _ms(border - begin)
            begin = border
