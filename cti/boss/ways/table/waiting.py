"""Who waits for an answer row: what is to be written, in groups, and what is looked for, by one for all.

All of it belongs to the hub's greenlets, without locks; only the statements run on threads.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import gevent
from gevent.event import Event
from gevent.threadpool import ThreadPool
from sqlalchemy.exc import SQLAlchemyError

from cti.boss.way import WayError
from cti.boss.ways.databases import describe, reason_of
from cti.boss.ways.table.statements import Row, Tables

log = logging.getLogger("cti.boss")

#: How often rows are looked for that have been kept long enough.
PURGE_EVERY_S = 600.0
#: How long what a thread does just then is waited for at the end.
CLOSE_S = 2.0


class Waiter:
    """One question. ``read``: whoever asks it needs the answer now, or none. ``put``: the row is there, or may be.
    ``askers``: how many wait for it."""

    __slots__ = ("answer", "askers", "done", "put", "read", "row")

    def __init__(self, row: Row, *, read: bool) -> None:
        self.row, self.read, self.put, self.askers = row, read, False, 0
        self.done = Event()
        self.answer: list[dict[str, Any]] | WayError | None = None

    def end(self, answer: list[dict[str, Any]] | WayError) -> None:
        if self.answer is None:
            self.answer = answer
            self.done.set()


class Waiting:
    """``poll_s``: the shortest and the longest pause between two looks; ``batch``: rows, and keys, of one statement."""

    def __init__(self, name: str, tables: Tables, poll_s: tuple[float, float], batch: int, *, withdraws: bool) -> None:
        self._name, self._tables, self._poll_s, self._batch = name, tables, poll_s, batch
        self._withdraws = withdraws
        self._pool = ThreadPool(2)
        self._unwritten: deque[Waiter] = deque()
        self._by_key: dict[str, Waiter] = {}
        self._given_up: list[str] = []
        self._to_write, self._to_look = Event(), Event()
        self.looks = self.late = self.purged = 0
        self.trouble = ""
        self._greenlets = [gevent.spawn(self._writes), gevent.spawn(self._looks)]

    @property
    def outstanding(self) -> int:
        return len(self._by_key)

    @property
    def unwritten(self) -> int:
        return len(self._unwritten)

    def ask(self, waiter: Waiter, deadline: float) -> list[dict[str, Any]]:
        """The rows of the answer: one, or more where the back office has written more. Raises WayError."""
        earlier = self._by_key.get(waiter.row.key)
        if earlier is not None:  # the same request, asked again while the first one is on its way
            waiter = earlier
        else:
            self._by_key[waiter.row.key] = waiter
            self._unwritten.append(waiter)
            self._to_write.set()
        waiter.askers += 1
        if not waiter.done.wait(max(0.0, deadline - time.monotonic())):
            self._give_up(waiter)
            raise WayError("timeout", "no-answer" if waiter.put else "not-written", sent=waiter.put)
        if isinstance(waiter.answer, WayError):
            raise WayError(waiter.answer.outcome, waiter.answer.reason, sent=waiter.answer.sent)
        assert waiter.answer is not None
        return waiter.answer

    def probe(self, deadline: float) -> None:
        """Raises WayError."""
        found = self._on_thread(lambda: self._tables.probe(deadline))
        if isinstance(found, WayError):
            raise found

    def close(self) -> None:
        gevent.killall(self._greenlets)
        for waiter in list(self._by_key.values()):
            waiter.end(WayError("error", "closed", sent=waiter.put))
        self._by_key.clear()
        with gevent.Timeout(CLOSE_S, False):  # type: ignore[arg-type]  # as documented: it ends the block silently
            self._pool.join()
        if len(self._pool) == 0:  # else a thread still hangs in the database, and waiting for it would hang too
            self._pool.kill()

    # ---- greenlets ---------------------------------------------------------------------------------------------------

    def _writes(self) -> None:
        """Rows in groups: as many as have come while the group before was written."""
        while True:
            self._to_write.wait()
            self._to_write.clear()
            while self._unwritten:
                group = [self._unwritten.popleft() for _ in range(min(self._batch, len(self._unwritten)))]
                group = [waiter for waiter in group if waiter.row.key in self._by_key]  # others were given up unsent
                if not group:
                    continue
                for waiter in group:
                    waiter.put = True  # from here on nobody knows, until the database has said
                found = self._on_thread(lambda group=group: self._tables.put([one.row for one in group]))  # type: ignore[misc]
                endings = [found] * len(group) if isinstance(found, WayError) else found
                for waiter, ending in zip(group, endings, strict=True):
                    if ending is not None:
                        self._end(waiter, ending)
                self._to_look.set()

    def _looks(self) -> None:
        pause_s, purged_at = self._poll_s[0], float("-inf")
        while True:
            if not self._by_key and not self._given_up:
                self._to_look.wait(PURGE_EVERY_S)
            if self._to_look.is_set():
                pause_s = self._poll_s[0]
                self._to_look.clear()
            if self._look():
                pause_s = self._poll_s[0]
            self._withdraw()
            if time.monotonic() - purged_at > PURGE_EVERY_S:
                purged_at = time.monotonic()
                self._purge()
            if self._by_key:
                gevent.sleep(pause_s)
                pause_s = min(2 * pause_s, self._poll_s[1])

    def _look(self) -> bool:
        """For everybody's answer; has one come?"""
        came = False
        for keys in self._groups([key for key, waiter in self._by_key.items() if waiter.put]):
            found = self._on_thread(lambda keys=keys: self._tables.answers(keys))  # type: ignore[misc]
            self.looks += 1
            if isinstance(found, WayError):
                for key in keys:
                    waiter = self._by_key.get(key)
                    if waiter is not None and waiter.read:  # who writes something waits for the database to come back
                        self._end(waiter, WayError(found.outcome, found.reason, sent=True))
                continue
            for key, rows in found.items():
                came = True
                waiter = self._by_key.get(key)
                if waiter is None:
                    self.late += 1  # it came between the question for it and its deadline
                else:
                    self._end(waiter, rows)
        return came

    def _withdraw(self) -> None:
        keys, self._given_up = self._given_up, []
        for group in self._groups(keys):
            self._on_thread(lambda group=group: self._tables.withdraw(group))  # type: ignore[misc]

    def _purge(self) -> None:
        while True:
            found = self._on_thread(self._tables.purge)
            if isinstance(found, WayError) or not found:
                return
            self.purged += found

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _end(self, waiter: Waiter, answer: list[dict[str, Any]] | WayError) -> None:
        if self._by_key.get(waiter.row.key) is waiter:
            del self._by_key[waiter.row.key]
        waiter.end(answer)

    def _give_up(self, waiter: Waiter) -> None:
        waiter.askers -= 1
        if waiter.askers:
            return
        if self._by_key.get(waiter.row.key) is waiter:
            del self._by_key[waiter.row.key]
        if waiter.put and waiter.read and self._withdraws:
            self._given_up.append(waiter.row.key)
            self._to_look.set()

    def _groups(self, keys: list[str]) -> Iterator[list[str]]:
        return (keys[at : at + self._batch] for at in range(0, len(keys), self._batch))

    def _on_thread(self, work: Callable[[], Any]) -> Any:
        """What it returns, or a WayError that is returned, too: gevent prints what a thread of a pool raises."""

        def safely() -> Any:
            try:
                return work()
            except SQLAlchemyError as error:
                log.error("%s: the database failed: %s", self._name, describe(error))
                return WayError("error", reason_of(error), sent=False)
            except Exception as error:  # noqa: BLE001 - a driver's bug is an outcome too; the type is logged, no data
                log.error("%s: the database's driver broke: %s", self._name, type(error).__name__)
                return WayError("error", f"bug-{type(error).__name__}", sent=True)

        found = self._pool.spawn(safely).get()
        self.trouble = found.reason if isinstance(found, WayError) else ""
        return found
