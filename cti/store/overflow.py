"""Where records go that the database does not take: the spill file, from which they come back, or, for a person to look
at, the file of rejected ones."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from gevent.threadpool import ThreadPool

from cti.core.errors import CtiError
from cti.store.backlog import Backlog
from cti.store.batch import Item
from cti.store.rows import from_line, to_line
from cti.store.sealing import Sealer
from cti.store.spill import SpillFile
from cti.store.threads import Job

log = logging.getLogger("cti.store")

T = TypeVar("T")

_SPILL_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Spilled:
    """The oldest lines of the spill file, what they hold, and those that cannot be read."""

    lines: list[bytes]
    items: list[Item]
    unreadable: list[bytes]


class Overflow:
    """Both files of one writer; their work is done on its pool, one thing at a time. ``report``: something was
    rejected. ``rejected`` and ``lost`` count records; those of which nothing is kept are lost."""

    def __init__(self, spill: SpillFile, sealer: Sealer, pool: ThreadPool, report: Callable[[], None]) -> None:
        self.rejected = self.lost = 0
        self._spill, self._sealer, self._pool, self._report = spill, sealer, pool, report
        self._rejected_file = spill.path.with_name(spill.path.name.replace(".spill.", ".rejected."))

    @property
    def spilled(self) -> int:
        """How many wait in the spill file."""
        return self._spill.lines

    def spill(self, queue: Backlog, count: int) -> None:
        """Its oldest. A group in flight is spilled with the rest: if it was written after all, it is written again
        unharmed. What the file does not take stays in the queue."""
        while count > 0:
            items = queue.first(min(count, _SPILL_AT_ONCE))
            try:
                self._thread(self._append, items)
            except OSError as error:
                log.error("records cannot be spilled to %s: %s", self._spill.path, error)
                return
            queue.forget(items[-1][0])
            count -= len(items)

    def oldest(self, most: int) -> Spilled:
        lines = self._thread(self._spill.peek, most)
        return self._thread(self._read, lines)

    def took(self, spilled: Spilled) -> None:
        """It is in the database, but for what cannot be read."""
        if spilled.unreadable:
            self._keep(spilled.unreadable)
        self._thread(self._spill.took, spilled.lines)

    def reject(self, items: Sequence[Item]) -> None:
        self._keep([to_line(record, ordinal, self._sealer) for ordinal, record in items])

    def reject_all(self, queue: Backlog) -> None:
        while items := queue.first(_SPILL_AT_ONCE):
            queue.forget(items[-1][0])
            self.reject(items)

    def close(self) -> None:
        self._spill.close()

    def _keep(self, lines: list[bytes]) -> None:
        self.rejected += len(lines)
        try:
            self._thread(_append, self._rejected_file, b"".join(lines))
        except OSError as error:
            self.lost += len(lines)
            log.error("%d refused records cannot be kept in %s: %s", len(lines), self._rejected_file, error)
        self._report()

    def _append(self, items: list[Item]) -> None:
        self._spill.append([to_line(record, ordinal, self._sealer) for ordinal, record in items])

    def _read(self, lines: list[bytes]) -> Spilled:
        spilled = Spilled(lines, [], [])
        for line in lines:
            try:
                spilled.items.append(from_line(line, self._sealer))
            except (ValueError, TypeError, KeyError, CtiError):
                spilled.unreadable.append(line + b"\n")
        return spilled

    def _thread(self, work: Callable[..., T], *arguments: object) -> T:
        job: Job[T] = Job(self._pool, work, *arguments)
        while not job.wait(60.0):
            log.error("the disk has not answered for a minute (%s)", self._spill.path)
        return job.get()


def _append(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
