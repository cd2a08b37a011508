"""`SqlStore`: the store behind `cti.ports.Store`, and how one is opened."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

from gevent.threadpool import ThreadPool
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from cti.core.calls import TerminalCause
from cti.core.documents import DocumentLeft
from cti.core.errors import StoreUnavailable
from cti.core.floor_records import EntryOpened
from cti.core.histogram import Histogram
from cti.core.records import (
    CallDetail,
    CallEnded,
    CallFilter,
    CallJournal,
    CallRow,
    CallStarted,
    NoticeTotal,
    Record,
    StoreHealth,
)
from cti.core.snapshots import RunSnapshot
from cti.core.wrapups import WrapUpRow
from cti.store import audit_chain, document_rows, journal, keycheck
from cti.store.accounts import AccountStore
from cti.store.batch import BatchWriter
from cti.store.database import ENDINGS, Endings, file_of, make_engine, parse_url, unavailable
from cti.store.flow_versions import FlowVersions
from cti.store.migrate import require_head, upgrade
from cti.store.notice_counts import count_notices
from cti.store.owners import Owners
from cti.store.reader import Reader
from cti.store.report_rows import Reports
from cti.store.schema import calls
from cti.store.sealing import Sealer
from cti.store.snapshots import find_snapshots, find_stays
from cti.store.spill import SpillFile
from cti.store.threads import Job, end_threads
from cti.store.timing import DatabaseTimes
from cti.store.writer import Writer, WriterSettings

log = logging.getLogger("cti.store")

T = TypeVar("T")
_READERS = 4
_READ_S = 10.0
_JOURNALS_AT_ONCE = 200
#: Calls that have ended and are still known as our own: more than wait to be written at any time.
_OVER_KEPT = 10_000


def _log_health(health: StoreHealth) -> None:
    if health.healthy:
        log.info("the store writes (%d queued, %d spilled)", health.queued, health.spilled)
    else:
        log.warning("the store waits: %s (%d queued, %d spilled)", health.error, health.queued, health.spilled)


class SqlStore:
    """Made by `open_store`. Without a writer it only reads."""

    def __init__(self, engine: Engine, url: URL, sealer: Sealer, writer: Writer | None, opened_at: float) -> None:
        """``opened_at``: later than every call that was there began, whatever the wall clock shows."""
        self._engine = engine
        self.times = DatabaseTimes()
        self.times.watch(engine)
        self._url = url
        self._sealer = sealer
        self._reader = Reader(sealer)
        self._writer = writer
        self._opened_at = opened_at
        self._begun: set[str] = set()  # calls that this store saw begin
        self._over: deque[str] = deque()  # those of them that have ended: the newest may not be written yet
        self._readers = ThreadPool(_READERS)
        self.flows = FlowVersions(engine, url)
        self.accounts = AccountStore(engine, url, sealer)
        self.reports = Reports(engine, url)
        self.owners = Owners(engine, url, sealer)

    @property
    def written_s(self) -> Histogram:
        """How long groups of records took until they were on disk."""
        return self._writer.written_s if self._writer else Histogram()

    # ---- writing -------------------------------------------------------------------------------------------------

    def record(self, record: Record) -> None:
        self._need_writer().put(record)
        if isinstance(record, CallStarted):
            self._begun.add(record.call_id)
        elif isinstance(record, CallEnded) and record.call_id in self._begun:
            self._over.append(record.call_id)
            if len(self._over) > _OVER_KEPT:
                self._begun.discard(self._over.popleft())

    def together(self) -> AbstractContextManager[None]:
        """What is recorded within is written in one transaction. For a moment only: whatever is recorded waits."""
        return self._need_writer().together()

    def fence(self, owner: str, epoch: int, on_stale: Callable[[], object]) -> None:
        """As `cti.ports.Store`."""
        writer = self._need_writer()
        writer.fence(owner, epoch)
        self.accounts.office_writes.fence(owner, epoch)
        writer.on_stale = on_stale

    def disown(self) -> None:
        self._need_writer().disown()

    def keep_snapshot(self, snapshot: RunSnapshot) -> None:
        self._need_writer().put_snapshot(snapshot)

    def wait_snapshots(self, timeout_s: float) -> bool:
        return self._need_writer().wait_snapshots(timeout_s)

    def flush(self, timeout_s: float) -> bool:
        return self._need_writer().flush(timeout_s)

    def health(self) -> StoreHealth:
        return self._writer.health() if self._writer else StoreHealth(True, 0, 0, 0, 0, 0, 0)

    def close_lost(self, live: Collection[str], at: float, *, switch: str | None = None) -> int:
        """Calls that this store saw begin are never touched: their engine is alive. Raises StoreUnavailable."""
        writer = self._need_writer()
        left = self._read(self._reader.open_calls, self._opened_at, switch)
        lost = [call_id for call_id in left if call_id not in live and call_id not in self._begun]
        for call_id in lost:
            writer.put(CallEnded(call_id, at, TerminalCause.ENGINE_LOST))
        return len(lost)

    def close(self, timeout_s: float) -> bool:
        complete = self._writer.close(timeout_s) if self._writer else True
        end_threads(self._readers)
        self.flows.close()
        self.accounts.close()
        self.reports.close()
        self.owners.close()
        self._engine.dispose()
        return complete

    # ---- reading -------------------------------------------------------------------------------------------------

    def list_calls(
        self, *, limit: int, before: str | None = None, where: CallFilter | None = None, unmask: bool = False
    ) -> list[CallRow]:
        return self._read(self._reader.list_calls, limit, before, where, unmask)

    def find_call(self, call_id: str, *, unmask: bool = False) -> CallDetail | None:
        return self._read(self._reader.find_call, call_id, unmask)

    def find_snapshots(self, owner: str) -> list[RunSnapshot]:
        return self._read(find_snapshots, self._sealer, owner)

    def find_stays(self, worker: str) -> list[EntryOpened]:
        return self._read(find_stays, worker)

    def count_visits(
        self, flow: str, *, since: float | None = None, until: float | None = None
    ) -> list[tuple[str, str, int]]:
        return self._read(self._reader.count_visits, flow, since, until)

    def count_notices(self, *, since: str | None = None) -> list[NoticeTotal]:
        return self._read(count_notices, since)

    def find_documents(self, worker: str) -> list[DocumentLeft]:
        return self._read(document_rows.documents_left, self._sealer, worker)

    def find_wrapups(self, call_ids: Collection[str], *, unmask: bool = False) -> dict[str, list[WrapUpRow]]:
        return self._read(self._reader.wrapups, call_ids, unmask)

    def find_journal(self, call_id: str) -> CallJournal | None:
        return self.find_journals([call_id]).get(call_id)

    def find_journals(self, call_ids: Sequence[str]) -> dict[str, CallJournal]:
        found: dict[str, CallJournal] = {}
        for first in range(0, len(call_ids), _JOURNALS_AT_ONCE):
            found |= self._read(journal.find_journals, self._sealer, call_ids[first : first + _JOURNALS_AT_ONCE])
        return found

    def _read(self, work: Callable[..., T], *arguments: Any) -> T:
        def run() -> T:
            with self._engine.connect() as connection, connection.begin():
                return work(connection, *arguments)

        return _on_thread(self._readers, self._url, run)

    def _need_writer(self) -> Writer:
        if self._writer is None:
            raise StoreUnavailable("this store was opened for reading only")
        return self._writer


def open_store(
    url: str,
    key_ring_path: Path,
    *,
    clock: Callable[[], float] = time.time,
    read_only: bool = False,
    settings: WriterSettings | None = None,
    on_health: Callable[[StoreHealth], None] = _log_health,
    busy_s: float = 5.0,
    endings: Endings = ENDINGS,
) -> SqlStore:
    """Open the database, bring its schema up to date, make a key ring on first start, take up what was spilled.

    ``clock`` gives wall time. ``busy_s`` is how long one attempt waits for a locked database; then it is tried again
    with back-off; ``endings``: bounds of a PostgreSQL. ``read_only`` neither migrates nor writes (several may read
    beside one engine). ``on_health`` is told when writing stops and goes on. Raises ConfigError (what a person must
    mend) and StoreUnavailable.
    """
    parsed = parse_url(url)
    engine = make_engine(parsed, busy_s=busy_s, read_only=read_only, endings=endings)
    file = file_of(parsed)
    if read_only and file is not None and not file.exists():
        raise StoreUnavailable(f"there is no database {file}", remedy="start the engine once, it makes one")
    base = (file or key_ring_path).with_name(f"{(file or key_ring_path).name}.spill.jsonl")

    def prepare() -> tuple[Sealer, float]:
        if not read_only:
            upgrade(engine, parsed)
        with engine.connect().execution_options(writing=not read_only) as connection, connection.begin():
            sealer = _unlock(connection, parsed, key_ring_path, base, read_only)
            if not read_only:
                audit_chain.begin(connection, sealer, clock())
            newest = connection.execute(select(func.max(calls.c.started_at))).scalar()
            return sealer, clock() if newest is None else max(clock(), math.nextafter(newest, math.inf))

    pool = ThreadPool(1)
    try:
        sealer, opened_at = _on_thread(pool, parsed, prepare, deadline_s=120.0)
    finally:
        end_threads(pool)
    writer = None
    if not read_only:
        spill = SpillFile.take(base)
        writer = Writer(
            BatchWriter(engine, sealer, file), spill, sealer, parsed, settings or WriterSettings(), on_health
        )
    return SqlStore(engine, parsed, sealer, writer, opened_at)


def _unlock(connection: Connection, url: URL, ring: Path, spill: Path, read_only: bool) -> Sealer:
    if read_only:
        require_head(connection, url)
        return keycheck.unlock(connection, ring, create=False, mark=False)
    spilled = spill.exists() and spill.stat().st_size > 0
    return keycheck.unlock(connection, ring, create=not spilled, mark=True)


def _on_thread(pool: ThreadPool, url: URL, work: Callable[[], T], deadline_s: float = _READ_S) -> T:
    job = Job(pool, work)
    if not job.wait(deadline_s):
        raise StoreUnavailable(f"the database did not answer within {deadline_s:.0f} s", remedy="try again")
    try:
        return job.get()
    except (SQLAlchemyError, OSError) as error:
        raise unavailable(error, url) from error
