"""The interface server: the one door to every back office. Its file decides who answers, and by which way."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gevent

from cti.boss.asking import Asking, Found
from cti.boss.backend import Backend
from cti.boss.caching import Cache, CacheStore, MemoryCache, Sealing
from cti.boss.guard.bulkhead import Priority
from cti.boss.plans import BackendPlan, OfficePlan
from cti.boss.redis_cache import RedisCache
from cti.boss.routing import Segments
from cti.boss.segments import SegmentSource
from cti.boss.way import Outbox, Surroundings, WayError
from cti.boss.writes import WriteLog, Writes
from cti.core.errors import ConfigError
from cti.core.events import LookupEnded, RequestEnded
from cti.ports import Clock

log = logging.getLogger("cti.boss")

#: How long a back end that is no longer named may take to end what it was asked.
_LEAVE_S = 60.0


class InterfaceServer:
    """One for each engine, used by many greenlets. Implements `cti.ports.LookupSource` and `RequestSink`."""

    def __init__(
        self,
        plan: OfficePlan,
        clock: Clock,
        *,
        folder: Path,
        sealing: Sealing,
        writes: WriteLog,
        cache: CacheStore | None = None,
        shared: CacheStore | None = None,
        outbox: Outbox | None = None,
    ) -> None:
        """``folder``: from which relative paths of the plan count. ``outbox``: without it no question goes by files.
        ``shared`` None: this process keeps by itself what others would share.
        Raises ConfigError for a back end that can never work; one that is down now is no error."""
        self._clock, self._folder, self._outbox = clock, folder, outbox
        self._plan = plan
        self._backends: dict[str, Backend] = {}
        self._leaving: set[gevent.Greenlet[Any, Any]] = set()
        #: None: nothing is shared by one.
        self.redis: RedisCache | None = None
        self._shares = shared is not None
        try:
            for backend in plan.backends.values():
                self._backends[backend.name] = self._open(backend)
            self.redis = self._open_redis(plan)
            self._segments: SegmentSource | None = self._open_segments(plan, Segments())
        except BaseException:
            self._close_backends()
            if self.redis is not None:
                self.redis.close()
            raise
        self._cache = Cache(cache if cache is not None else MemoryCache(), sealing, shared, self.redis)
        self.asking = Asking(plan, self._backends, self._cache, clock, segments=self._segments or Segments)
        self.writes = Writes(plan, self._backends, self.asking, writes, clock)

    @property
    def plan(self) -> OfficePlan:
        return self._plan

    @property
    def clock(self) -> Clock:
        return self._clock

    # ---- questions -------------------------------------------------------------------------------------------------

    def ask(self, source: str, arguments: Mapping[str, Any], deadline_s: float) -> LookupEnded:
        found = self.asking.ask(source, arguments, deadline_s)
        return LookupEnded(0, found.outcome, found.values)

    def request(self, source: str, arguments: Mapping[str, Any], key: str) -> RequestEnded:
        return self.writes.request(source, arguments, key)

    def find(self, name: str, arguments: Mapping[str, Any], priority: Priority) -> Found:
        """As `ask`, with what was tried and how old the answer is, within the look-up's own deadline."""
        plan = self._plan.lookups.get(name)
        return self.asking.ask(name, arguments, plan.deadline_s if plan is not None else 0.0, priority)

    # ---- back ends -------------------------------------------------------------------------------------------------

    def facts(self) -> list[dict[str, Any]]:
        """Of each back end, as `Backend.facts`, with its way. No personal data."""
        plans = self._plan.backends
        return [{**self._backends[name].facts(), "kind": plans[name].kind.name} for name in sorted(plans)]

    def backend(self, name: str) -> Backend:
        """With its guards, for what goes out of itself. Raises KeyError."""
        return self._backends[name]

    def ill(self, name: str) -> bool:
        """Is the back end kept away from by a breaker? False too for one that is not in the file."""
        backend = self._backends.get(name)
        return backend is not None and backend.ill

    def segments(self) -> dict[str, Any] | None:
        """Of the table of number segments, as `SegmentSource.facts`; None: there is none."""
        return None if self._segments is None else self._segments.facts()

    def unreadable(self) -> Mapping[str, int]:
        """Kept answers that did not open, by reason, since the start."""
        return self._cache.unreadable

    def probe(self, name: str, deadline_s: float) -> None:
        """Is it there, and does it let us in? Raises KeyError, WayError."""
        backend = self._backends[name]
        with gevent.Timeout(deadline_s, WayError("timeout", "no-answer", sent=False)):
            backend.probe(self._clock.monotonic() + deadline_s)

    # ---- life ------------------------------------------------------------------------------------------------------

    def use(self, plan: OfficePlan) -> None:
        """From now on this plan holds. Back ends that stay as they were keep their connections, breakers and counts;
        those that are new or changed are opened, the others end what they were asked. Raises ConfigError; nothing has
        changed then."""
        opened: dict[str, Backend] = {}
        try:
            for name, backend in plan.backends.items():
                if not _same(self._plan.backends.get(name), backend):
                    opened[name] = self._open(backend)
        except BaseException:
            for one in opened.values():
                one.close()
            raise
        left = {name: self._backends[name] for name in self._backends if name in opened or name not in plan.backends}
        segments, redis = self._segments, self.redis
        if (plan.segments, plan.targets) != (self._plan.segments, self._plan.targets):
            try:
                segments = self._open_segments(plan, self._segments() if self._segments is not None else Segments())
            except BaseException:
                for one in opened.values():
                    one.close()
                raise
        if (plan.redis, plan.targets) != (self._plan.redis, self._plan.targets):
            try:
                redis = self._open_redis(plan)
            except BaseException:
                for one in opened.values():
                    one.close()
                if segments is not None and segments is not self._segments:
                    segments.close()
                raise
        changed = [name for name, question in plan.lookups.items() if question != self._plan.lookups.get(name)]
        self._plan = plan
        self._backends.update(opened)
        if segments is not self._segments:
            if self._segments is not None:
                self._segments.close()
            self._segments = segments
        if redis is not self.redis:
            before, self.redis = self.redis, redis
            self._cache.use_redis(redis)
            if before is not None:
                before.close()
        self.asking.use(plan, segments or Segments)
        self.writes.use(plan)
        for name in changed:
            self._cache.forget(name, plan.lookups[name].policy.cache)
        for name, one in left.items():
            greenlet = gevent.spawn(self._let_leave, name, one)
            self._leaving.add(greenlet)
            greenlet.rawlink(self._leaving.discard)

    def close(self) -> None:
        self.asking.close()
        self.writes.close()
        gevent.killall(tuple(self._leaving))
        if self._segments is not None:
            self._segments.close()
        if self.redis is not None:
            self.redis.close()
        self._close_backends()

    def _open_segments(self, plan: OfficePlan, before: Segments) -> SegmentSource | None:
        """Raises ConfigError."""
        return (
            None
            if plan.segments is None
            else SegmentSource(plan.segments, self._folder, self._clock, before, plan.targets)
        )

    def _open_redis(self, plan: OfficePlan) -> RedisCache | None:
        """Raises ConfigError."""
        if plan.redis is None or not self._shares:
            return None
        return RedisCache(plan.redis, self._folder, plan.targets)

    def _open(self, plan: BackendPlan) -> Backend:
        around = Surroundings(plan.name, self._folder, plan.concurrency.max, self._outbox, plan.targets)
        try:
            way = plan.kind.open(plan.options, around)
        except ConfigError as error:
            message = f"back end '{plan.name}': {error.message}"
            raise ConfigError(message, code=error.code, remedy=error.remedy, place=error.place or plan.place) from None
        return Backend(plan.name, way, self._clock, concurrency=plan.concurrency, breaker=plan.breaker, rate=plan.rate)

    def _let_leave(self, name: str, backend: Backend) -> None:
        until = self._clock.monotonic() + _LEAVE_S
        try:
            while backend.busy and self._clock.monotonic() < until:
                gevent.sleep(0.2)
        finally:
            if self._backends.get(name) is backend and name not in self._plan.backends:
                del self._backends[name]
            backend.close()

    def _close_backends(self) -> None:
        for backend in self._backends.values():
            backend.close()


def _same(before: BackendPlan | None, now: BackendPlan) -> bool:
    if before is None or before.kind is not now.kind or before.targets != now.targets:
        return False
    mine = (before.options, before.concurrency, before.breaker, before.rate)
    # Sections made anew of the same file are equal field by field.
    return [_plain(part) for part in mine] == [
        _plain(part) for part in (now.options, now.concurrency, now.breaker, now.rate)
    ]


def _plain(part: Any) -> Any:
    return part.model_dump() if hasattr(part, "model_dump") else part
