"""Feeds in the store: which records are in which batch, what is in a batch, and which have arrived.

A batch is claimed, with its number, its records and its content, in one transaction; its number and each of its records
are keys, so that no two engines claim the same. Its content is what was claimed, whoever sends it and however often.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine, and_, delete, exists, func, insert, select, update
from sqlalchemy.engine import URL
from sqlalchemy.exc import IntegrityError

from cti.core.feeds import FeedFile, FeedKind, FeedRecord, FeedState, Sums
from cti.store.feed_counts import counted, not_ended
from cti.store.feed_sources import Source, Span, sources
from cti.store.repository import Repository
from cti.store.rows import clean, context
from cti.store.schema import call_goals, calls
from cti.store.schema_feeds import feed_files, feed_rows
from cti.store.sealing import Sealer

#: How many records are deleted by one transaction.
PURGED_AT_ONCE = 5_000
_KEYS_AT_ONCE = 500
#: Of the records (new ones, and how many the batch's number is): the content.
Build = Callable[[Sequence[FeedRecord], int], bytes]
_FILE = tuple(FeedFile.__dataclass_fields__)


class Feeds(Repository):
    """Periods are [since, until), seconds since the epoch. Raises StoreUnavailable."""

    def __init__(self, engine: Engine, url: URL, sealer: Sealer) -> None:
        super().__init__(engine, url)
        self._sealer = sealer

    def claim(
        self,
        feed: str,
        kind: FeedKind,
        day: str,
        span: Span,
        name: Callable[[int], str],
        build: Build,
        now: float,
        most: int,
    ) -> FeedFile | None:
        """The next batch of a day, of ``most`` complete records at most that are in none yet: the first one even of no
        records, a further one only of some. None: nothing to write, or another engine claims it at this moment."""

        def work(connection: Connection) -> FeedFile | None:
            mine = and_(feed_files.c.feed == feed, feed_files.c.day == day)
            facts = select(func.max(feed_files.c.seq), func.max(feed_files.c.rows_gone_at)).where(mine)
            last, gone = connection.execute(facts).one()
            if gone is not None:  # which were written already is not known any more
                return None
            seq = (last or 0) + 1
            records = self._new(connection, feed, kind, day, span, most)
            if not records and seq > 1:
                return None
            data = build(records, seq)
            file = FeedFile(
                feed=feed, day=day, seq=seq, name=name(seq), rows=len(records), bytes=len(data),
                digest=sha256(data).hexdigest(), claimed_at=now, written_at=None,
                oldest_at=min((record.at for record in records), default=None),
            )  # fmt: skip
            row = {column: getattr(file, column) for column in _FILE}
            connection.execute(insert(feed_files).values(**row, data_sealed=self._seal(file, data)))
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
        """Those that are not known to have arrived, in their order."""
        return self._files(feed_files.c.feed == feed, feed_files.c.written_at.is_(None))

    def files(self, feed: str, day: str) -> list[FeedFile]:
        return self._files(feed_files.c.feed == feed, feed_files.c.day == day)

    def recent(self, feed: str, limit: int, before: tuple[str, int] | None = None) -> list[FeedFile]:
        """The newest day and number first; ``before``: day and number of the last one seen."""
        at = feed_files.c
        where = [at.feed == clean(feed, 40)]
        if before is not None:
            where.append((at.day < before[0]) | ((at.day == before[0]) & (at.seq < before[1])))
        query = select(*(at[name] for name in _FILE)).where(*where).order_by(at.day.desc(), at.seq.desc())
        rows = self._read(lambda connection: connection.execute(query.limit(limit)).mappings().all())
        return [FeedFile(**row) for row in rows]

    def state(self, feed: str) -> FeedState:
        at = feed_files.c
        arrived = select(*(at[name] for name in _FILE)).where(at.feed == feed, at.written_at.is_not(None))
        newest = arrived.order_by(at.written_at.desc(), at.day.desc(), at.seq.desc()).limit(1)

        def work(connection: Connection) -> FeedState:
            last = connection.execute(newest).mappings().first()
            waits = select(func.count(), func.sum(at.rows), func.min(at.oldest_at))
            count, rows, oldest = connection.execute(waits.where(at.feed == feed, at.written_at.is_(None))).one()
            first = connection.execute(
                select(*(at[name] for name in _FILE)).where(at.feed == feed, at.written_at.is_(None))
                .order_by(at.day, at.seq).limit(1)
            ).mappings().first()  # fmt: skip
            return FeedState(
                None if last is None else FeedFile(**last), count, int(rows or 0), oldest,
                None if first is None or not first["failure"] else FeedFile(**first),
            )  # fmt: skip

        return self._read(work)

    def names(self) -> list[str]:
        """Of the feeds that are known, also of those that are no more."""
        query = select(feed_files.c.feed).distinct().order_by(feed_files.c.feed)
        return self._read(lambda connection: list(connection.execute(query).scalars()))

    def data(self, file: FeedFile) -> bytes | None:
        """What is sent; None once it has arrived."""
        query = select(feed_files.c.data_sealed).where(_is(file))

        def work(connection: Connection) -> bytes | None:
            sealed = connection.execute(query).scalar_one_or_none()
            return None if sealed is None else zlib.decompress(self._sealer.open_bytes(sealed, _context(file)))

        return self._read(work)

    def records(self, file: FeedFile, kind: FeedKind, span: Span) -> list[FeedRecord]:
        """In the order of their lines; those that are in the store no more are missing."""
        at = feed_rows.c
        mine = and_(at.feed == file.feed, at.day == file.day, at.seq == file.seq)

        def work(connection: Connection) -> list[FeedRecord]:
            found: list[tuple[int, FeedRecord]] = []
            for source in sources(kind):
                of_file = and_(mine, at.kind == source.kind, at.record_id == source.key)
                query = source.query.add_columns(at.position).join(feed_rows, of_file)
                rows = [dict(row) for row in connection.execute(query).mappings()]
                made = self._made(connection, source, rows, span)
                found += [(row["position"], record) for row, record in zip(rows, made, strict=True)]
            return [record for _, record in sorted(found, key=lambda one: one[0])]

        return self._read(work)

    def fix(self, file: FeedFile, data: bytes) -> None:
        """Of a claimed batch whose content was not kept, by an engine of before."""
        digest = sha256(data).hexdigest()
        self._set(file, digest=digest, bytes=len(data), data_sealed=self._seal(file, data))

    def failed(self, file: FeedFile, reason: str, at: float) -> None:
        self._set(file, failure=clean(reason, 64), failed_at=at, attempts=feed_files.c.attempts + 1)

    def written(self, file: FeedFile, at: float) -> None:
        """It has arrived; what was sent is kept no more."""
        self._set(file, written_at=at, data_sealed=None, failure="")

    def purge(self, feed: str, day: str, now: float) -> int:
        """Forget which records were in batches of days before ``day`` that have arrived: so many at most as one
        transaction may delete; how many it were. Raises StoreUnavailable."""
        at, rows = feed_files.c, feed_rows.c
        waits = select(at.day).where(at.feed == feed, at.written_at.is_(None))
        mine = and_(at.feed == feed, at.day < day, at.written_at.is_not(None), at.day.not_in(waits))

        def work(connection: Connection) -> int:
            oldest = connection.execute(select(func.min(at.day)).where(mine, at.rows_gone_at.is_(None))).scalar_one()
            if oldest is None:
                return 0
            of_day = and_(rows.feed == feed, rows.day == oldest)
            keys = list(connection.execute(select(rows.record_id).where(of_day).limit(PURGED_AT_ONCE)).scalars())
            for start in range(0, len(keys), _KEYS_AT_ONCE):
                some = keys[start : start + _KEYS_AT_ONCE]
                connection.execute(delete(feed_rows).where(of_day, rows.record_id.in_(some)))
            if len(keys) < PURGED_AT_ONCE:
                whole = and_(mine, at.day == oldest, at.rows_gone_at.is_(None))
                connection.execute(update(feed_files).where(whole).values(rows_gone_at=now))
            return len(keys)

        return self._write(work)

    # ---- what the batches are compared with --------------------------------------------------------------------------

    def counts(self, kind: FeedKind, since: int, until: int) -> Sums:
        """What the report of queues or of agents counts; ``since`` and ``until`` on quarters of an hour."""
        return self._read(lambda connection: counted(connection, kind, since, until))

    def open(self, kind: FeedKind, since: float, until: float) -> Sums:
        """What the report counts already although it has not ended, so that no batch has it: entries, calls."""
        return self._read(lambda connection: not_ended(connection, kind, (since, until)))

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _set(self, file: FeedFile, **values: Any) -> None:
        mine = and_(_is(file), feed_files.c.written_at.is_(None))
        self._write(lambda connection: connection.execute(update(feed_files).where(mine).values(**values)))

    def _files(self, *where: Any) -> list[FeedFile]:
        columns = [feed_files.c[name] for name in _FILE]
        query = select(*columns).where(*where).order_by(feed_files.c.day, feed_files.c.seq)
        return self._read(lambda connection: [FeedFile(**row) for row in connection.execute(query).mappings()])

    def _new(
        self, connection: Connection, feed: str, kind: FeedKind, day: str, span: Span, most: int
    ) -> list[FeedRecord]:
        found: list[FeedRecord] = []
        for source in sources(kind):
            at = feed_rows.c
            there = exists().where(
                at.feed == feed, at.kind == source.kind, at.record_id == source.key, at.day == day
            )  # fmt: skip
            query = source.query.where(source.belongs(span), ~there).order_by(source.order, source.key)
            rows = [dict(row) for row in connection.execute(query.limit(most - len(found))).mappings()]
            found += self._made(connection, source, rows, span)
        return found

    def _made(
        self, connection: Connection, source: Source, rows: Sequence[Mapping[str, Any]], span: Span
    ) -> list[FeedRecord]:
        goals = _goals(connection, [row["call_id"] for row in rows]) if source.key is calls.c.call_id else {}
        return [source.record(row, span, {**self._caller(row), **goals.get(row.get("call_id"), {})}) for row in rows]

    def _caller(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        sealed = row.get("caller_sealed")
        return (
            {} if sealed is None else {"caller": self._sealer.open(sealed, context("calls", "caller", row["call_id"]))}
        )

    def _seal(self, file: FeedFile, data: bytes) -> bytes:
        return self._sealer.seal_bytes(zlib.compress(data), _context(file))


def _is(file: FeedFile) -> Any:
    return and_(feed_files.c.feed == file.feed, feed_files.c.day == file.day, feed_files.c.seq == file.seq)


def _context(file: FeedFile) -> str:
    return context("feed_files", "data", f"{file.feed}/{file.number}")


def _goals(connection: Connection, keys: Sequence[str]) -> dict[Any, dict[str, str]]:
    """In the order in which they were reached, parted by blanks: a goal is a name."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    at = call_goals.c
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        some = select(at.call_id, at.goal).where(at.call_id.in_(keys[start : start + _KEYS_AT_ONCE]))
        for call_id, goal in connection.execute(some.order_by(at.call_id, at.position)):
            found[call_id].append(goal)
    return {call_id: {"goals": " ".join(goals)} for call_id, goals in found.items()}
