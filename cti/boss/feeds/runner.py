"""Sends the batches of feeds when their day is over, and what comes late in further ones; proves a day's batches."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gevent.event import Event
from gevent.lock import RLock
from gevent.pool import Group
from gevent.threadpool import ThreadPool

from cti.boss.feeds.destination import Destination, reason_of
from cti.boss.feeds.lines import write_json, write_lines
from cti.boss.feeds.options import KEEP_DAYS, FeedPlan, name_of
from cti.boss.feeds.proving import Proof, prove_day
from cti.boss.feeds.store import FeedStore
from cti.boss.feeds.ways import Asked, open_destination
from cti.core.errors import CtiError, StoreUnavailable
from cti.core.feeds import FeedFile, FeedKind, FeedRecord, FeedState, Sums

log = logging.getLogger("cti.boss.feeds")
#: Between two looks whether it is.
OWNED_S = 1.0
EVERY_S = 60.0
#: What blocks: files on servers, databases. Each feed waits for its own only.
_THREADS = 8
#: How often a look deletes as much as one transaction may.
_PURGES = 20


#: What a report counts in [since, until), seconds since the epoch.
Report = Callable[[FeedKind, float, float], Sums]


class FeedRunner:
    """``report``: what a day's batches are compared with. ``folder``: from which relative paths count. ``ask``: puts a
    message to a socket back end. One engine runs it; several do no harm."""

    def __init__(
        self,
        plans: Callable[[], Mapping[str, FeedPlan]],
        store: FeedStore,
        now: Callable[[], float],
        zone: ZoneInfo,
        folder: Path,
        report: Report,
        ask: Asked | None = None,
    ) -> None:
        self._plans, self.store, self._now, self._zone = plans, store, now, zone
        self._folder, self._report, self._ask = folder, report, ask
        self._pool, self._looks = ThreadPool(_THREADS), Group()
        self._looking = set[str]()
        self._locks: defaultdict[str, RLock] = defaultdict(RLock)
        self._woken = Event()
        #: (feed, reason) and feed: failed attempts, and batches that arrived, since the start.
        self.failures, self.delivered = Counter[tuple[str, str]](), Counter[str]()
        #: Is it this engine that looks by itself?
        self.owned: Callable[[], bool] = lambda: True
        #: As they were at the last look.
        self.states: dict[str, FeedState] = {}

    @property
    def plans(self) -> Mapping[str, FeedPlan]:
        return self._plans()

    def main(self) -> None:
        """For ever, each feed by itself: what fails is logged once a look, and tried again at the next."""
        try:
            while True:
                self._woken.clear()
                owned = self.owned()
                if owned:
                    for name in sorted(self._plans().keys() - self._looking):
                        self._look_soon(name)
                    self._purge()
                self._woken.wait(EVERY_S if owned else OWNED_S)
        finally:
            self._looks.kill()

    def look(self, name: str) -> None:
        """Soon, and without waiting for it. Raises CtiError (unknown-feed)."""
        self.plan(name)
        if name not in self._looking:
            self._look_soon(name)

    def close(self) -> None:
        self._looks.kill()
        self._pool.kill()

    def age_s(self, state: FeedState) -> float:
        """Of the oldest record that has not arrived; 0: all have."""
        return 0.0 if state.oldest_at is None else max(0.0, self._now() - state.oldest_at)

    def run(self, name: str) -> list[FeedFile]:
        """What was left claimed first, then what is due; the batches that arrived. Raises CtiError: unknown-feed,
        feed-folder, feed-foreign-file, feed-undelivered, StoreUnavailable."""
        plan = self.plan(name)
        try:
            with self._locks[name]:
                return self._run(plan)
        except CtiError as error:
            self.failures[name, reason_of(error)] += 1
            raise

    def verify(self, name: str, day: date) -> Proof:
        """Proves each batch of the day by what was noted, files by their chk too, their numbers, and that they sum to
        the report of the day. What is not there (any more) is made again and must be what was noted. Raises
        CtiError."""
        plan, (since, until) = self.plan(name), self._span(day)
        files = self.store.files(name, f"{day:%Y%m%d}")
        kind = plan.options.kind
        report, waiting = self._report(kind, since, until), self.store.open(kind, since, until)

        def made(file: FeedFile) -> bytes:
            kept = self.store.data(file)
            return kept if kept is not None else self._made(plan, file)

        if plan.options.to is None:
            return prove_day(plan, day.isoformat(), files, None, made, report, waiting)
        with closing(self._open(plan)) as there:
            return prove_day(plan, day.isoformat(), files, there, made, report, waiting)

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _look_soon(self, name: str) -> None:
        self._looking.add(name)
        self._looks.spawn(self._look, name)

    def _look(self, name: str) -> None:
        try:
            self.run(name)
        except CtiError as error:
            log.warning("feed %s: %s", name, error)
        except Exception:
            self.failures[name, "bug"] += 1
            log.exception("feed %s", name)
        finally:
            self._looking.discard(name)
        with suppress(CtiError):
            self.states[name] = self.store.state(name)

    def _purge(self) -> None:
        """Which records were written is forgotten after ``keep_days``; also of feeds that are in the file no more."""
        today, plans = datetime.fromtimestamp(self._now(), self._zone).date(), self._plans()
        try:
            for name in self.store.names():
                keep_days = plans[name].options.keep_days if name in plans else KEEP_DAYS
                before = f"{today - timedelta(days=keep_days):%Y%m%d}"
                for _ in range(_PURGES):
                    if not self.store.purge(name, before, self._now()):
                        break
        except CtiError as error:
            log.warning("feeds: old records are not forgotten: %s", error)

    def plan(self, name: str) -> FeedPlan:
        """Raises CtiError (unknown-feed)."""
        plan = self._plans().get(name)
        if plan is None:
            raise CtiError(f"there is no feed '{name[:40]}'", code="unknown-feed", remedy="see `feeds:` in the file")
        return plan

    def _run(self, plan: FeedPlan) -> list[FeedFile]:
        done: list[FeedFile] = []
        there: Destination | None = None  # nothing is opened where nothing is to be sent
        try:
            for file in self._batches(plan):
                with self._noted(file):
                    there = there or self._open(plan)
                    self._deliver(plan, there, file)
                done.append(file)
        finally:
            if there is not None:
                there.close()
        return done

    @contextmanager
    def _noted(self, file: FeedFile) -> Iterator[None]:
        """What fails is on record with the batch, whatever it is."""
        try:
            yield
        except Exception as error:
            reason = reason_of(error) if isinstance(error, CtiError) else f"bug-{type(error).__name__}"
            with suppress(StoreUnavailable):
                self.store.failed(file, reason, self._now())
            raise

    def _batches(self, plan: FeedPlan) -> Iterator[FeedFile]:
        """The oldest first."""
        yield from self.store.claimed(plan.name)
        for day in self._due(plan):
            while (file := self._claim(plan, day)) is not None:
                yield file

    def _open(self, plan: FeedPlan) -> Destination:
        return open_destination(plan, self._folder, self._on_thread, self._ask, self._now)

    def _on_thread(self, work: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Calls go on meanwhile. What is raised is carried over: the pool would write it to the standard error."""

        def carried() -> tuple[Any, Exception | None]:
            try:
                return work(*arguments), None
            except Exception as error:  # noqa: BLE001 - raised below
                return None, error

        result, error = self._pool.apply(carried)
        if error is not None:
            raise error
        return result

    def _build(self, plan: FeedPlan, records: Sequence[FeedRecord], number: str) -> bytes:
        if plan.options.to is not None:
            return write_lines(records, plan, self._zone)
        return write_json(records, plan, self._zone, number)

    def _made(self, plan: FeedPlan, file: FeedFile) -> bytes:
        return self._build(plan, self._records(plan, file), file.number)

    def _records(self, plan: FeedPlan, file: FeedFile) -> list[FeedRecord]:
        span = self._span(datetime.strptime(file.day, "%Y%m%d").date())
        return self.store.records(file, plan.options.kind, span)

    def _due(self, plan: FeedPlan) -> list[date]:
        """The oldest first."""
        now = datetime.fromtimestamp(self._now(), self._zone)
        last = now.date() - timedelta(days=1 if now.time() >= time.fromisoformat(plan.options.at) else 2)
        return [last - timedelta(days=back) for back in reversed(range(plan.options.days))]

    def _span(self, day: date) -> tuple[float, float]:
        begin, end = (datetime.combine(d, time(), self._zone) for d in (day, day + timedelta(days=1)))
        return begin.timestamp(), end.timestamp()

    def _claim(self, plan: FeedPlan, day: date) -> FeedFile | None:
        key = f"{day:%Y%m%d}"

        def build(records: Sequence[FeedRecord], seq: int) -> bytes:
            return self._build(plan, records, f"{key}-{seq:03d}")

        def name(seq: int) -> str:
            return name_of(plan.options.pattern, day, seq)

        options = plan.options
        return self.store.claim(
            plan.name, options.kind, key, self._span(day), name, build, self._now(), options.most
        )  # fmt: skip

    def _deliver(self, plan: FeedPlan, there: Destination, file: FeedFile) -> None:
        data = self.store.data(file)
        if data is None:  # claimed by an engine that kept no content
            data = self._on_thread(self._build, (plan, self._records(plan, file), file.number))
            self.store.fix(file, data)
        there.deliver(file, data)
        self.store.written(file, self._now())
        self.delivered[plan.name] += 1
        log.info("feed %s: %s with %d records", plan.name, file.name, file.rows)
