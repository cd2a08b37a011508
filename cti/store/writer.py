"""The writing side: records queue up in order and one greenlet brings them to the database in groups.

Order is kept across everything that can happen: spill file before memory, oldest first. Back-pressure, in this order:
1. the database is away: records stay in memory and writing is tried again with back-off; callers never wait;
2. more than ``queue_limit`` in memory: the oldest go to the spill file, sealed, and come back first when it can go on;
3. the spill file cannot be written either and four times the limit is reached: new records are dropped and counted.

An engine whose worker is another engine's by now (it was stopped, and goes on) writes nothing more: what it has goes
into the file of rejected records, for a person to look at.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import gevent
from gevent.event import Event
from gevent.threadpool import ThreadPool
from sqlalchemy.engine import URL

from cti.core.errors import CtiError
from cti.core.histogram import Histogram
from cti.core.records import Record, StoreHealth
from cti.core.snapshots import RunSnapshot
from cti.store.backlog import Backlog
from cti.store.batch import BatchWriter, Item, Written
from cti.store.database import unavailable
from cti.store.overflow import Overflow
from cti.store.owners import StaleOwner
from cti.store.sealing import Sealer
from cti.store.spill import SpillFile
from cti.store.threads import Job, end_threads
from cti.store.waiting_snapshots import WaitingSnapshots

log = logging.getLogger("cti.store")

_LAST_RESORT = 4


@dataclass(frozen=True, slots=True)
class WriterSettings:
    """``gather_s`` is how long the first record of a group waits for others."""

    queue_limit: int = 50_000
    batch: int = 1_000
    gather_s: float = 0.02
    retry_first_s: float = 0.05
    retry_most_s: float = 2.0
    stalled_s: float = 5.0


class Writer:
    """Runs on the hub's thread; only `BatchWriter` and `SpillFile` are used from pool threads, one at a time."""

    def __init__(
        self,
        batch: BatchWriter,
        spill: SpillFile,
        sealer: Sealer,
        url: URL,
        settings: WriterSettings,
        on_health: Callable[[StoreHealth], None],
    ) -> None:
        self._batch = batch
        self._url = url
        self._settings = settings
        self._on_health = on_health
        self._pool = ThreadPool(2)  # the second writes the spill file while the first hangs in the database
        self._queue = Backlog()
        self._snapshots = WaitingSnapshots()
        self._overflow = Overflow(spill, sealer, self._pool, self._report)
        self._error = ""
        self.written_s = Histogram()
        self._written = self._duplicates = 0
        self._wake, self._hurry, self._progress = Event(), Event(), Event()
        self._closing = self._closed = self._complete = False
        self._own = True  # false: this engine was told that another one has its worker
        #: No record of this engine is taken any more; `on_stale` is told once.
        self.stale = False
        self.on_stale: Callable[[], object] = lambda: None
        self._greenlet = gevent.spawn(self._run)

    # ---- the callers' side ---------------------------------------------------------------------------------------

    def fence(self, owner: str, epoch: int) -> None:
        """From here on records are written only while the worker ``owner`` is at ``epoch``."""
        self._batch.owner = owner, epoch

    def disown(self) -> None:
        """Another engine has the worker: what the database does not take at once (it is away) it never gets."""
        self._own = False

    def put(self, record: Record) -> None:
        if self.stale:
            self._overflow.rejected += 1
            return
        if len(self._queue) >= _LAST_RESORT * self._settings.queue_limit or self._closed:
            self._overflow.lost += 1
            return
        self._queue.put(record)
        self._snapshots.over(record)
        self._wake.set()

    def put_snapshot(self, snapshot: RunSnapshot) -> None:
        """It goes with what was put before, and is never spilled to the file: a call that is over may not leave one
        behind."""
        if not self._closed and self._snapshots.put(snapshot):
            self._wake.set()

    def wait_snapshots(self, timeout_s: float) -> bool:
        """Until all that were put are written; False at the deadline."""
        target, deadline = self._snapshots.put_count, time.monotonic() + timeout_s
        while self._snapshots.written < target:
            left = deadline - time.monotonic()
            if left <= 0 or self.stale:
                return False
            self._progress.clear()
            self._hurry.set()
            self._wake.set()
            self._progress.wait(left)
        return True

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is put within is written in one transaction, or spilled to the file, which outlives us just as well."""
        with self._queue.together():
            yield
        self._wake.set()

    def flush(self, timeout_s: float) -> bool:
        target, deadline = self._queue.ordinal, time.monotonic() + timeout_s
        while not self._is_written(target):
            left = deadline - time.monotonic()
            if left <= 0 or self.stale:
                return False
            self._progress.clear()
            self._hurry.set()
            self._progress.wait(left)
        return not self.stale

    def health(self) -> StoreHealth:
        return StoreHealth(
            healthy=not self._error,
            queued=len(self._queue),
            spilled=self._overflow.spilled,
            written=self._written,
            rejected=self._overflow.rejected,
            lost=self._overflow.lost,
            duplicates=self._duplicates,
            error=self._error,
        )

    def close(self, timeout_s: float) -> bool:
        """True when everything is in the database; what is not is in the spill file. A second time does nothing."""
        if self._closing:
            return self._complete
        self._closing = self._queue.closed = True
        self._hurry.set()
        self._wake.set()
        self._greenlet.join(timeout_s)
        idle = self._greenlet.ready()
        self._greenlet.kill()
        self._closed = True
        if self._queue and not self._own:
            self._overflow.reject_all(self._queue)
        if self._queue:
            self._overflow.spill(self._queue, len(self._queue))
        if idle:
            self._batch.close()  # else a thread still hangs in it, and closing would hang too
        self._complete = idle and not self._overflow.spilled and not self._queue
        self._overflow.lost += len(self._queue)
        self._overflow.close()
        end_threads(self._pool)
        return self._complete

    def _is_written(self, target: int) -> bool:
        return not self._overflow.spilled and not self._queue.reaches(target)

    # ---- the writing greenlet ------------------------------------------------------------------------------------

    def _run(self) -> None:
        delay = self._settings.retry_first_s
        while not self.stale and self._work_comes():
            if self._step():
                delay = self._settings.retry_first_s
                self._progress.set()
            else:
                self._spill_overflow()
                self._hurry.clear()
                self._hurry.wait(delay)
                delay = min(2 * delay, self._settings.retry_most_s)

    def _work_comes(self) -> bool:
        """Wait for records; False when there are none and none will come. Snapshots alone wait a little longer."""
        while not self._queue.ready and not self._overflow.spilled:
            if self._snapshots and not len(self._queue) and self._snapshots_are_due():
                return True
            if self._closing:
                return False
            self._hurry.clear()
            self._wake.clear()
            left = self._snapshots.due_in_s if self._snapshots else None
            if self._wake.wait(left) and len(self._queue):
                self._hurry.wait(self._settings.gather_s)
        return True

    def _snapshots_are_due(self) -> bool:
        return self._closing or self._hurry.is_set() or not self._snapshots.due_in_s

    def _step(self) -> bool:
        """Write the oldest group; False when the database is away."""
        try:
            written = self._write_spilled() if self._overflow.spilled else self._write_queued()
        except StaleOwner as error:
            self._refuse_all(error)
            return True
        except Exception as error:  # noqa: BLE001 - whatever it is, the records stay and it is tried again
            self._unhealthy(unavailable(error, self._url))
            return False
        self._settle(written)
        if self._error:
            self._error = ""
            self._report()
        return True

    def _write_queued(self) -> Written:
        items = self._queue.oldest(self._settings.batch)
        # Only with the last of the records: a snapshot stands for what was recorded before it.
        snapshots = {} if len(items) < len(self._queue) else self._snapshots.all()
        put_count = self._snapshots.put_count
        written = self._write(items, list(snapshots.values()))
        if items:
            self._queue.forget(items[-1][0])
        self._snapshots.wrote(snapshots, put_count)
        self._written += len(items) - len(written.refused)
        return written

    def _write_spilled(self) -> Written:
        spilled = self._overflow.oldest(self._settings.batch)
        written = self._write(spilled.items) if spilled.items else Written()
        self._overflow.took(spilled)
        self._written += len(spilled.items) - len(written.refused)
        return written

    def _write(self, items: list[Item], snapshots: Sequence[RunSnapshot] = ()) -> Written:
        began = time.monotonic()
        job = Job(self._pool, self._batch.write, items, *((snapshots,) if snapshots else ()))
        waited = 0.0
        while not job.wait(self._settings.stalled_s):
            waited += self._settings.stalled_s
            self._unhealthy(CtiError(f"the database has not answered for {waited:.0f} s", code="store-unavailable"))
            self._spill_overflow()
        written = job.get()
        self.written_s.observe(time.monotonic() - began)
        return written

    # ---- what does not go into the database ------------------------------------------------------------------------

    def _settle(self, written: Written) -> None:
        self._duplicates += written.duplicates
        if not written.refused:
            return
        for (_, record), reason in written.refused:
            log.error("the database refuses a %s of call %r (%s)", type(record).__name__, record.call_id[:64], reason)
        self._overflow.reject([item for item, _ in written.refused])

    def _refuse_all(self, error: StaleOwner) -> None:
        """What was spilled stays in its file: it is from before, and the next engine on this folder writes it."""
        self.stale = True
        self._error = str(error)
        log.error("%s: what it still has to record is refused (%d records)", error.message, len(self._queue))
        self._snapshots.clear()
        self._overflow.reject_all(self._queue)
        self.on_stale()

    def _spill_overflow(self) -> None:
        limit = self._settings.queue_limit
        if len(self._queue) > limit:
            self._overflow.spill(self._queue, len(self._queue) - limit // 2)

    def _unhealthy(self, error: CtiError) -> None:
        fresh, self._error = str(error) != self._error, str(error)
        if fresh:
            self._report()

    def _report(self) -> None:
        self._on_health(self.health())
