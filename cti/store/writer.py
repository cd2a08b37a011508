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
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import gevent
from gevent.event import Event
from gevent.threadpool import ThreadPool
from sqlalchemy.engine import URL

from cti.core.errors import CtiError
from cti.core.floor_records import ContactHandled
from cti.core.histogram import Histogram
from cti.core.records import CallEnded, Record, StoreHealth
from cti.core.snapshots import RunSnapshot, talk_id
from cti.store.backlog import Backlog
from cti.store.batch import BatchWriter, Item, Written
from cti.store.database import unavailable
from cti.store.owners import StaleOwner
from cti.store.rows import from_line, to_line
from cti.store.sealing import Sealer
from cti.store.spill import SpillFile
from cti.store.threads import Job, end_threads

log = logging.getLogger("cti.store")

T = TypeVar("T")

_LAST_RESORT = 4
_SPILL_AT_ONCE = 5_000
#: Where calls stand is written with the records that come; alone after so long: a prompt that ended is no great loss.
SNAPSHOTS_S = 0.1


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
        self._spill = spill
        self._sealer = sealer
        self._url = url
        self._settings = settings
        self._on_health = on_health
        self._rejected_file = spill.path.with_name(spill.path.name.replace(".spill.", ".rejected."))
        self._queue = Backlog()
        self._snapshots: dict[str, RunSnapshot] = {}  # the newest of each call, not written yet
        self._shots = self._shots_written = 0
        self._shots_due = 0.0  # monotonic
        self._error = ""
        self.written_s = Histogram()
        self._written = self._rejected = self._lost = self._duplicates = 0
        self._wake, self._hurry, self._progress = Event(), Event(), Event()
        self._closing = self._closed = self._complete = False
        self._own = True  # false: this engine was told that another one has its worker
        #: No record of this engine is taken any more; `on_stale` is told once.
        self.stale = False
        self.on_stale: Callable[[], object] = lambda: None
        self._pool = ThreadPool(2)  # the second writes the spill file while the first hangs in the database
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
            self._rejected += 1
            return
        if len(self._queue) >= _LAST_RESORT * self._settings.queue_limit or self._closed:
            self._lost += 1
            return
        self._queue.put(record)
        if type(record) is CallEnded:
            self._snapshots.pop(record.call_id, None)
        elif type(record) is ContactHandled:
            self._snapshots.pop(talk_id(record.contact), None)
        self._wake.set()

    def put_snapshot(self, snapshot: RunSnapshot) -> None:
        """In the place of an earlier one of the call that is not written yet: what waits is bounded by the calls that
        are up, however long the database is away. It goes with what was put before, and is never spilled to the file: a
        call that is over may not leave one behind."""
        if not self._closed:
            if not self._snapshots:
                self._shots_due = time.monotonic() + SNAPSHOTS_S
                self._wake.set()
            self._shots += 1
            self._snapshots[snapshot.call_id] = snapshot

    def wait_snapshots(self, timeout_s: float) -> bool:
        """Until all that were put are written; False at the deadline."""
        target, deadline = self._shots, time.monotonic() + timeout_s
        while self._shots_written < target:
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
            spilled=self._spill.lines,
            written=self._written,
            rejected=self._rejected,
            lost=self._lost,
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
            self._reject_queue()
        if self._queue:
            self._spill_oldest(len(self._queue))
        if idle:
            self._batch.close()  # else a thread still hangs in it, and closing would hang too
        self._complete = idle and not self._spill.lines and not self._queue
        self._lost += len(self._queue)
        self._spill.close()
        end_threads(self._pool)
        return self._complete

    def _is_written(self, target: int) -> bool:
        return not self._spill.lines and not self._queue.reaches(target)

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
        while not self._queue.ready and not self._spill.lines:
            if self._snapshots and not len(self._queue) and self._shots_are_due():
                return True
            if self._closing:
                return False
            self._hurry.clear()
            self._wake.clear()
            left = max(0.0, self._shots_due - time.monotonic()) if self._snapshots else None
            if self._wake.wait(left) and len(self._queue):
                self._hurry.wait(self._settings.gather_s)
        return True

    def _shots_are_due(self) -> bool:
        return self._closing or self._hurry.is_set() or time.monotonic() >= self._shots_due

    def _step(self) -> bool:
        """Write the oldest group; False when the database is away."""
        try:
            written = self._write_spilled() if self._spill.lines else self._write_queued()
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
        shots = {} if len(items) < len(self._queue) else dict(self._snapshots)
        number = self._shots
        written = self._write(items, list(shots.values()))
        if items:
            self._queue.forget(items[-1][0])
        if shots or not self._snapshots:
            self._shots_written = number
        for call_id, shot in shots.items():
            if self._snapshots.get(call_id) is shot:
                del self._snapshots[call_id]
        self._written += len(items) - len(written.refused)
        return written

    def _write_spilled(self) -> Written:
        lines = self._thread(self._spill.peek, self._settings.batch)
        items, unreadable = self._thread(self._read_lines, lines)
        written = self._write(items) if items else Written()
        if unreadable:
            self._keep_rejected(unreadable)
        self._thread(self._spill.took, lines)
        self._written += len(items) - len(written.refused)
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

    def _read_lines(self, lines: list[bytes]) -> tuple[list[Item], list[bytes]]:
        items: list[Item] = []
        unreadable: list[bytes] = []
        for line in lines:
            try:
                items.append(from_line(line, self._sealer))
            except (ValueError, TypeError, KeyError, CtiError):
                unreadable.append(line + b"\n")
        return items, unreadable

    # ---- what does not go into the database ------------------------------------------------------------------------

    def _settle(self, written: Written) -> None:
        self._duplicates += written.duplicates
        if not written.refused:
            return
        for (_, record), reason in written.refused:
            log.error("the database refuses a %s of call %r (%s)", type(record).__name__, record.call_id[:64], reason)
        self._keep_rejected([to_line(record, ordinal, self._sealer) for (ordinal, record), _ in written.refused])

    def _refuse_all(self, error: StaleOwner) -> None:
        """What was spilled stays in its file: it is from before, and the next engine on this folder writes it."""
        self.stale = True
        self._error = str(error)
        log.error("%s: what it still has to record is refused (%d records)", error.message, len(self._queue))
        self._snapshots.clear()
        self._reject_queue()
        self.on_stale()

    def _reject_queue(self) -> None:
        while items := self._queue.first(_SPILL_AT_ONCE):
            self._queue.forget(items[-1][0])
            self._keep_rejected([to_line(record, ordinal, self._sealer) for ordinal, record in items])

    def _keep_rejected(self, lines: list[bytes]) -> None:
        self._rejected += len(lines)
        try:
            self._thread(_append, self._rejected_file, b"".join(lines))
        except OSError as error:
            self._lost += len(lines)
            log.error("%d refused records cannot be kept in %s: %s", len(lines), self._rejected_file, error)
        self._report()

    def _spill_overflow(self) -> None:
        limit = self._settings.queue_limit
        if len(self._queue) > limit:
            self._spill_oldest(len(self._queue) - limit // 2)

    def _spill_oldest(self, count: int) -> None:
        """A group in flight is spilled with the rest: if it was written after all, it is written again unharmed."""
        while count > 0:
            items = self._queue.first(min(count, _SPILL_AT_ONCE))
            try:
                self._thread(self._spill_items, items)
            except OSError as error:
                log.error("records cannot be spilled to %s: %s", self._spill.path, error)
                return
            self._queue.forget(items[-1][0])
            count -= len(items)

    def _spill_items(self, items: list[Item]) -> None:
        self._spill.append([to_line(record, ordinal, self._sealer) for ordinal, record in items])

    def _thread(self, work: Callable[..., T], *arguments: object) -> T:
        job: Job[T] = Job(self._pool, work, *arguments)
        while not job.wait(60.0):
            log.error("the disk has not answered for a minute (%s)", self._spill.path)
        return job.get()

    def _unhealthy(self, error: CtiError) -> None:
        fresh, self._error = str(error) != self._error, str(error)
        if fresh:
            self._report()

    def _report(self) -> None:
        self._on_health(self.health())


def _append(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
