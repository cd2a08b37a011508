"""How many callers were told each notice: written with the records, read as sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from cti.core.records import NoticeCount, NoticeTotal
from cti.store.database import insert_or_exceed
from cti.store.fixed import run_many
from cti.store.rows import clean
from cti.store.schema import notice_counts


def write_counts(connection: Connection, records: Sequence[NoticeCount]) -> None:
    """Each record has the whole count of its engine's run so far, so that a batch may be written twice."""
    last = {(row["notice"], row["day"], row["run"]): row for row in map(_row, records)}
    if last:
        statement = insert_or_exceed(connection, notice_counts, ("heard", "heard_whole", "hung_up"), by="heard")
        run_many(connection, statement, list(last.values()))


def count_notices(connection: Connection, since: str | None) -> list[NoticeTotal]:
    """By notice, over the days from ``since`` (a date) on."""
    at = notice_counts.c
    sums = func.sum(at.heard), func.sum(at.heard_whole), func.sum(at.hung_up)
    query = select(at.notice, *sums, func.min(at.day), func.max(at.day)).group_by(at.notice).order_by(at.notice)
    if since is not None:
        query = query.where(at.day >= since)
    return [
        NoticeTotal(row[0], int(row[1]), int(row[2]), int(row[3]), row[4], row[5]) for row in connection.execute(query)
    ]


def _row(record: NoticeCount) -> dict[str, Any]:
    return {
        "notice": clean(record.notice, 64),
        "day": clean(record.day, 10),
        "run": clean(record.run, 64),
        "heard": record.heard,
        "heard_whole": record.heard_whole,
        "hung_up": record.hung_up,
    }
