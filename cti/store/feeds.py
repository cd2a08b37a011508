"""Feeds by file in the store: which records are in which file, and which files are written.

A file is claimed, with its number and its records, in one transaction; its number and each of its records are keys, so
that no two engines claim the same. What is in a claimed file is read again from its records, whoever writes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, exists, func, insert, select, update
from sqlalchemy.engine import URL
from sqlalchemy.exc import IntegrityError

from cti.core.feeds import ENTRY, HANDLED, ContactRecord, FeedFile, Sums
from cti.store.repository import Repository
from cti.store.rows import context
from cti.store.schema import calls
from cti.store.schema_feeds import feed_files, feed_rows
from cti.store.schema_floor import contacts_handled, interval_counts, queue_entries
from cti.store.sealing import Sealer

#: Of a later file nothing but what is not in one yet is read; this bounds one transaction.
ROWS_MAX = 20_000
Build = Callable[[Sequence[ContactRecord]], bytes]


class Feeds(Repository):
    """Periods are [since, until), seconds since the epoch. Raises StoreUnavailable."""

    def __init__(self, engine: Engine, url: URL, sealer: Sealer) -> None:
        super().__init__(engine, url)
        self._sealer = sealer

    def claim(
        self, feed: str, day: str, span: tuple[float, float], name: Callable[[int], str], build: Build, now: float
    ) -> FeedFile | None:
        """The next file of a day, of the ended records that are in none yet: the first one even of no records, a
        further one only of some. None: nothing to write, or another engine claims it at this moment."""

        def work(connection: Connection) -> FeedFile | None:
            mine = and_(feed_files.c.feed == feed, feed_files.c.day == day)
            seq = (connection.execute(select(func.max(feed_files.c.seq)).where(mine)).scalar_one() or 0) + 1
            records = self._new(connection, feed, span)
            if not records and seq > 1:
                return None
            data = build(records)
            file = FeedFile(
                feed=feed, day=day, seq=seq, name=name(seq), rows=len(records), bytes=len(data),
                digest=sha256(data).hexdigest(), claimed_at=now, written_at=None,
            )  # fmt: skip
            row = {column: getattr(file, column) for column in FeedFile.__dataclass_fields__}
            connection.execute(insert(feed_files).values(row))
            place = {"feed": feed, "day": day, "seq": seq}
            rows = [{**place, "kind": r.kind, "record_id": r.record_id, "position": i} for i, r in enumerate(records)]
            if rows:
                connection.execute(insert(feed_rows), rows)
            return file

        def tried(connection: Connection) -> FeedFile | None:
            try:
                with connection.begin_nested():
                    return work(connection)
            except IntegrityError:
                return None

        return self._write(tried)

    def claimed(self, feed: str) -> list[FeedFile]:
        """Those that are not known to be written, in their order."""
        return self._files(feed_files.c.feed == feed, feed_files.c.written_at.is_(None))

    def files(self, feed: str, day: str) -> list[FeedFile]:
        return self._files(feed_files.c.feed == feed, feed_files.c.day == day)

    def records(self, file: FeedFile) -> list[ContactRecord]:
        """In the order of their lines."""
        at = feed_rows.c
        mine = and_(at.feed == file.feed, at.day == file.day, at.seq == file.seq)

        def work(connection: Connection) -> list[ContactRecord]:
            found: list[tuple[int, ContactRecord]] = []
            for kind, query, key in _queries():
                of_file = and_(mine, at.kind == kind, at.record_id == key)
                for row in connection.execute(query.add_columns(at.position).join(feed_rows, of_file)):
                    found.append((row.position, self._record(kind, row)))
            return [record for _, record in sorted(found, key=lambda one: one[0])]

        return self._read(work)

    def rebuilt(self, file: FeedFile, digest: str, size: int) -> None:
        """A claimed file that is not in its folder yet is written otherwise than it was claimed."""
        self._set(file, digest=digest, bytes=size)

    def written(self, file: FeedFile, at: float) -> None:
        self._set(file, written_at=at)

    def report(self, since: int, until: int) -> Sums:
        """What the report of queues counts in a period; ``since`` and ``until`` on quarters of an hour."""
        at = interval_counts.c
        query = (
            select(at.name, at.medium, at.count, func.sum(at.value))
            .where(at.kind == "queue", at.begins >= since, at.begins < until)
            .group_by(at.name, at.medium, at.count)
        )
        rows = self._read(lambda connection: connection.execute(query).all())
        return {(row[0], row[1], row[2]): int(row[3]) for row in rows}

    def open_entries(self, since: float, until: float) -> Sums:
        """Counted entries of the period that have not ended: the report counts them as offered, no file has them."""
        at = queue_entries.c
        query = select(at.queue, at.medium, func.count()).where(
            at.began_at >= since, at.began_at < until, at.ended_at.is_(None), at.counted
        )
        rows = self._read(lambda connection: connection.execute(query.group_by(at.queue, at.medium)).all())
        return Counter({(row[0], row[1], "offered"): int(row[2]) for row in rows})

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _set(self, file: FeedFile, **values: Any) -> None:
        at = feed_files.c
        mine = and_(at.feed == file.feed, at.day == file.day, at.seq == file.seq, at.written_at.is_(None))
        self._write(lambda connection: connection.execute(update(feed_files).where(mine).values(**values)))

    def _files(self, *where: Any) -> list[FeedFile]:
        query = select(feed_files).where(*where).order_by(feed_files.c.day, feed_files.c.seq)
        return self._read(lambda connection: [FeedFile(**row) for row in connection.execute(query).mappings()])

    def _new(self, connection: Connection, feed: str, span: tuple[float, float]) -> list[ContactRecord]:
        found: list[ContactRecord] = []
        for kind, query, key in _queries():
            belongs = queue_entries.c.began_at if kind == ENTRY else contacts_handled.c.ended_at
            ended = queue_entries.c.ended_at.is_not(None) if kind == ENTRY else contacts_handled.c.ended_at.is_not(None)
            there = exists().where(feed_rows.c.feed == feed, feed_rows.c.kind == kind, feed_rows.c.record_id == key)
            query = query.where(belongs >= span[0], belongs < span[1], ended, ~there)
            query = query.order_by(belongs, key).limit(ROWS_MAX - len(found))
            found += [self._record(kind, row) for row in connection.execute(query)]
        return found

    def _record(self, kind: str, row: Row[Any]) -> ContactRecord:
        one, sealed = row._mapping, row.caller_sealed
        caller = None if sealed is None else self._sealer.open(sealed, context("calls", "caller", row.call_id))
        return ContactRecord(
            kind=kind,
            record_id=one["entry_id" if kind == ENTRY else "fact_id"],
            contact=row.contact,
            call_id=row.call_id,
            medium=row.medium,
            queue=row.queue,
            agent=row.agent,
            caller=caller or "",
            began_at=one.get("began_at"),
            ended_at=row.ended_at,
            counted=bool(one.get("counted", True)),
            outcome=one.get("outcome", ""),
            reason=one.get("reason", one.get("ended_by", "")),
            wait_s=one.get("wait_s", 0.0),
            talk_s=one.get("talk_s", 0.0),
            hold_s=one.get("hold_s", 0.0),
            work_s=one.get("work_s", 0.0),
            disposition=one.get("disposition") or "",
        )


def _queries() -> list[tuple[str, Any, Any]]:
    """(kind, its rows with the sealed number of the caller, its key)."""
    entry, handled = queue_entries, contacts_handled
    return [
        (
            ENTRY,
            select(entry, calls.c.caller_sealed).select_from(
                entry.outerjoin(calls, calls.c.call_id == entry.c.call_id)
            ),
            entry.c.entry_id,
        ),
        (
            HANDLED,
            select(handled, calls.c.caller_sealed).select_from(
                handled.outerjoin(calls, calls.c.call_id == handled.c.call_id)
            ),
            handled.c.fact_id,
        ),
    ]
