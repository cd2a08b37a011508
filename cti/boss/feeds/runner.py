"""Writes the files of feeds when their day is over, and what comes late in further ones; proves a day's files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

import gevent

from cti.boss.feeds.folder import CHK, put, read
from cti.boss.feeds.lines import SUMMED, sums_of, write_lines
from cti.boss.feeds.options import FeedPlan, name_of
from cti.boss.ways.files.options import ChkOptions
from cti.boss.ways.files.proving import BadFile, prove
from cti.core.errors import CtiError
from cti.core.feeds import ContactRecord, FeedFile, Sums

log = logging.getLogger("cti.boss.feeds")
EVERY_S = 60.0


class FeedStore(Protocol):
    """`cti.store.feeds.Feeds`."""

    def claim(
        self,
        feed: str,
        day: str,
        span: tuple[float, float],
        name: Callable[[int], str],
        build: Callable[[Sequence[ContactRecord]], bytes],
        now: float,
    ) -> FeedFile | None: ...

    def claimed(self, feed: str) -> list[FeedFile]: ...
    def files(self, feed: str, day: str) -> list[FeedFile]: ...
    def records(self, file: FeedFile) -> list[ContactRecord]: ...
    def rebuilt(self, file: FeedFile, digest: str, size: int) -> None: ...
    def written(self, file: FeedFile, at: float) -> None: ...
    def report(self, since: int, until: int) -> Sums: ...
    def open_entries(self, since: float, until: float) -> Sums: ...


@dataclass(frozen=True, slots=True)
class Proof:
    """``faults``: (file, code); ``differences``: (queue, medium, count, report, files), times in milliseconds;
    ``open``: entries that had not ended, which the report counts as offered."""

    feed: str
    day: str
    files: tuple[str, ...]
    taken: tuple[str, ...]
    open: int
    faults: tuple[tuple[str, str], ...]
    differences: tuple[tuple[str, str, str, int, int], ...]

    @property
    def good(self) -> bool:
        return bool(self.files) and not self.faults and not self.differences


class FeedRunner:
    """``folder``: from which relative paths count. One engine runs it; several do no harm."""

    def __init__(
        self,
        plans: Callable[[], Mapping[str, FeedPlan]],
        store: FeedStore,
        now: Callable[[], float],
        zone: ZoneInfo,
        folder: Path,
    ) -> None:
        self._plans, self._store, self._now, self._zone, self._folder = plans, store, now, zone, folder

    def main(self) -> None:
        """For ever: what fails is logged once a look, and tried again at the next."""
        while True:
            for name in sorted(self._plans()):
                try:
                    self.run(name)
                except CtiError as error:
                    log.warning("feed %s: %s", name, error)
                except Exception:
                    log.exception("feed %s", name)
            gevent.sleep(EVERY_S)

    def run(self, name: str) -> list[FeedFile]:
        """What was left claimed first, then what is due; the files that were written. Raises CtiError: unknown-feed,
        feed-folder, feed-foreign-file, StoreUnavailable."""
        plan = self._plan(name)
        done = [self._deliver(plan, file) for file in self._store.claimed(name)]
        for day in self._due(plan):
            while (file := self._claim(plan, day)) is not None:
                done.append(self._deliver(plan, file))
        return done

    def verify(self, name: str, day: date) -> Proof:
        """Proves each file of the day by its chk and by what was noted, their numbers, and that they sum to the report
        of the day. One that was taken away is made again and must be what was noted. Raises CtiError."""
        plan, faults, taken, datas = self._plan(name), [], [], []
        files = self._store.files(name, f"{day:%Y%m%d}")
        for number, file in enumerate(files, 1):
            if file.seq != number:
                faults.append((file.name, "sequence-gap"))
            data = read(self._to(plan), file.name)
            if data is None:
                taken.append(file.name)
                data = self._build(plan, self._store.records(file))
            else:
                faults += [(file.name, code) for code in self._chk(plan, file, data)]
            if file.written_at is None:
                faults.append((file.name, "not-written"))
            if sha256(data).hexdigest() != file.digest:
                faults.append((file.name, "digest"))
            datas.append(data)
        try:
            found = sums_of(datas)
        except ValueError:
            faults.append((name, "unreadable"))
            found = sums_of(())
        since, until = self._span(day)
        waiting, report = self._store.open_entries(since, until), self._store.report(int(since), int(until))
        found.update(waiting)
        keys = sorted(key for key in found.keys() | report.keys() if key[2] in SUMMED)
        different = [(*key, report.get(key, 0), found[key]) for key in keys if report.get(key, 0) != found[key]]
        return Proof(
            name, day.isoformat(), tuple(file.name for file in files), tuple(taken), sum(waiting.values()),
            tuple(faults), tuple(different),
        )  # fmt: skip

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _plan(self, name: str) -> FeedPlan:
        plan = self._plans().get(name)
        if plan is None:
            raise CtiError(f"there is no feed '{name[:40]}'", code="unknown-feed", remedy="see `feeds:` in the file")
        return plan

    def _to(self, plan: FeedPlan) -> Path:
        return self._folder / plan.options.to

    def _build(self, plan: FeedPlan, records: Sequence[ContactRecord]) -> bytes:
        return write_lines(records, plan, self._zone)

    def _due(self, plan: FeedPlan) -> list[date]:
        """The oldest first."""
        now = datetime.fromtimestamp(self._now(), self._zone)
        last = now.date() - timedelta(days=1 if now.time() >= time.fromisoformat(plan.options.at) else 2)
        return [last - timedelta(days=back) for back in reversed(range(plan.options.days))]

    def _span(self, day: date) -> tuple[float, float]:
        begin, end = (datetime.combine(d, time(), self._zone) for d in (day, day + timedelta(days=1)))
        return begin.timestamp(), end.timestamp()

    def _claim(self, plan: FeedPlan, day: date) -> FeedFile | None:
        def name(seq: int) -> str:
            return name_of(plan.options.name, day, seq)

        return self._store.claim(
            plan.name, f"{day:%Y%m%d}", self._span(day), name, lambda records: self._build(plan, records), self._now()
        )

    def _deliver(self, plan: FeedPlan, file: FeedFile) -> FeedFile:
        folder = self._to(plan)
        on_thread = gevent.get_hub().threadpool.apply  # calls go on meanwhile
        data = on_thread(read, (folder, file.name))
        if data is None or sha256(data).hexdigest() != file.digest:
            data = on_thread(self._build, (plan, self._store.records(file)))
            digest = sha256(data).hexdigest()
            if digest != file.digest:  # the class of a number was changed since it was claimed
                self._store.rebuilt(file, digest, len(data))
        on_thread(put, (folder, file.name, data, file.rows))
        self._store.written(file, self._now())
        log.info("feed %s: %s with %d records", plan.name, file.name, file.rows)
        return file

    def _chk(self, plan: FeedPlan, file: FeedFile, data: bytes) -> list[str]:
        chk = read(self._to(plan), file.name + CHK)
        if chk is None:
            return ["chk-missing"]
        try:
            prove(file.name, data, chk, ChkOptions())
        except BadFile as error:
            return [error.reason]
        return []
