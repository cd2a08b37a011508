"""What the repositories share: a transaction on a thread, with a deadline, and database errors in our words."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from time import monotonic
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import gevent
from gevent.threadpool import ThreadPool
from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from cti.core.errors import StoreUnavailable
from cti.store.database import unavailable
from cti.store.threads import Job, end_threads

T = TypeVar("T")
_ANSWER_S = 10.0
_THREADS = 2
BELIEVED_S = 2.0
_KNOWN_MAX = 5_000
#: Of each database: how many writes this process has made.
_writes: WeakKeyDictionary[Engine, int] = WeakKeyDictionary()


class Repository:
    """Every public method of a repository blocks its greenlet and raises StoreUnavailable."""

    def __init__(self, engine: Engine, url: URL) -> None:
        self._engine, self._url = engine, url
        self._pool = ThreadPool(_THREADS)
        self._known: dict[Hashable, tuple[int, float, Any]] = {}  # key -> writes then, good until (monotonic), found

    def close(self) -> None:
        end_threads(self._pool)

    def _read(self, work: Callable[[Connection], T]) -> T:
        return self._do(work, writing=False)

    def _believe(self, key: Hashable, work: Callable[[Connection], T]) -> T:
        """As `_read`, for what every request asks. What was read is believed until something is written by this process
        (any of its repositories on this database), and for `BELIEVED_S` at most, since others write, too."""
        writes, now = _writes.get(self._engine, 0), monotonic()
        known = self._known.get(key)
        if known is not None and known[0] == writes and now < known[1]:
            believed: T = known[2]
            return believed
        found = self._read(work)
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        self._known[key] = writes, now + BELIEVED_S, found
        return found

    def _write(self, work: Callable[[Connection], T]) -> T:
        """All of ``work`` or nothing."""
        try:
            return self._do(work, writing=True)
        finally:  # a read that began before counts as old, and so does one after an outcome that nobody knows
            _writes[self._engine] = _writes.get(self._engine, 0) + 1

    def _do(self, work: Callable[[Connection], T], *, writing: bool) -> T:
        def run() -> T:
            with self._engine.connect().execution_options(writing=writing) as connection, connection.begin():
                return work(connection)

        return _outcome(self._pool, self._url, run)


def on_thread(url: URL, work: Callable[[], T]) -> T:
    """Once, on a thread of its own. Raises StoreUnavailable, and what ``work`` raises of ours."""
    pool = ThreadPool(1)
    try:
        return _outcome(pool, url, work)
    finally:
        end_threads(pool)


def _outcome(pool: ThreadPool, url: URL, work: Callable[[], T]) -> T:
    late = StoreUnavailable(f"the database did not answer within {_ANSWER_S:.0f} s", remedy="try again")
    with gevent.Timeout(_ANSWER_S, late):  # spawning waits, too, while every thread is at work
        job = Job(pool, work)
        job.wait(_ANSWER_S + 1.0)
    try:
        return job.get()
    except (SQLAlchemyError, OSError) as error:
        raise unavailable(error, url) from error
