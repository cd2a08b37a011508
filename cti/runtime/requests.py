"""Writes to the back office, seen through by the engine: past the caller's patience, past the call, past a restart.

The back office knows each request by its key and writes it once, so asking again is always right. What the caller was
told is kept: whoever heard that a request was accepted, or that nobody knows, has it asked again until the back office
says done or rejected, or for ``patience_s``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import gevent

from cti.core.events import RequestEnded

if TYPE_CHECKING:
    from cti.core.commands import Request
    from cti.ports import Clock, RequestSink

log = logging.getLogger("cti.request")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
PATIENCE_S = 24 * 3600.0
SETTLED = ("done", "rejected")
Post = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Promise:
    """A request that somebody was told will be seen through. ``since``: wall clock."""

    key: str
    source: str
    arguments: Mapping[str, Any]
    since: float


class Spool(Protocol):
    """Where promises outlive the engine."""

    def keep(self, promise: Promise) -> None:
        """On disk when it returns. Raises OSError."""

    def drop(self, key: str) -> None: ...

    def kept(self) -> list[Promise]: ...


class RequestDesk:
    """``at_once``: requests that may be on their way; more are throttled. ``pause``: sleeps (a test's own)."""

    def __init__(
        self,
        sink: RequestSink,
        clock: Clock,
        spool: Spool,
        *,
        at_once: int = 200,
        patience_s: float = PATIENCE_S,
        pause: Callable[[float], None] = gevent.sleep,
    ) -> None:
        self._sink, self._clock, self._spool = sink, clock, spool
        self._at_once, self._patience_s, self._pause = at_once, patience_s, pause
        self._running: set[gevent.Greenlet[Any, Any]] = set()

    def __len__(self) -> int:
        """Requests on their way."""
        return len(self._running)

    def submit(self, call_id: str, request: Request, post: Post) -> None:
        """``post`` gets exactly one `RequestEnded`, within the request's deadline. Returns at once."""
        if len(self._running) >= self._at_once:
            log.warning("%s: throttled, %d requests are on their way", request.source, self._at_once)
            post(RequestEnded(request.ref, "throttled"))
            return
        promise = Promise(f"{call_id}/{request.key}", request.source, request.arguments, self._clock.now())
        self._spawn(_Errand(self, promise, request.ref, post).run, request.deadline_s)

    def resume(self) -> int:
        """Take up what an earlier engine promised; how many."""
        promises = self._spool.kept()
        for promise in promises:
            self._spawn(_Errand(self, promise, None, _nobody).see_through)
        return len(promises)

    def close(self) -> None:
        """What is promised stays in the spool for the next engine; what was asked for the first time was asked."""
        for greenlet in tuple(self._running):
            greenlet.kill(block=False)

    def _spawn(self, work: Callable[..., None], *arguments: Any) -> None:
        greenlet = gevent.spawn(work, *arguments)
        self._running.add(greenlet)
        greenlet.rawlink(self._running.discard)

    # ---- for errands -----------------------------------------------------------------------------------------------

    def ask(self, promise: Promise) -> RequestEnded:
        try:
            return self._sink.request(promise.source, promise.arguments, promise.key)
        except Exception:
            log.exception("%s: the connector broke its contract", promise.source)
            return RequestEnded(0, "unknown")

    def keep(self, promise: Promise) -> bool:
        try:
            self._spool.keep(promise)
        except OSError as error:
            log.error("%s: a request cannot be kept on disk and ends with this engine: %s", promise.source, error)
            return False
        return True

    def forget(self, promise: Promise) -> None:
        self._spool.drop(promise.key)

    def rest(self) -> None:
        self._pause(FIRST_PAUSE_S)

    def see_through(self, promise: Promise) -> None:
        """Ask until it is settled."""
        pause = FIRST_PAUSE_S
        while self._clock.now() - promise.since < self._patience_s:
            ended = self.ask(promise)
            if ended.outcome in SETTLED:
                log.info("%s: %s after the caller was told to trust us", promise.source, ended.outcome)
                self._spool.drop(promise.key)
                return
            self._pause(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
        log.error("%s: given up after %g s; nobody knows whether it was written", promise.source, self._patience_s)
        self._spool.drop(promise.key)


class _Errand:
    """One request: the caller hears once of it, by the back office or by the clock."""

    def __init__(self, desk: RequestDesk, promise: Promise, ref: int | None, post: Post) -> None:
        self._desk, self._promise, self._ref, self._post = desk, promise, ref, post
        self._told = False

    def run(self, deadline_s: float) -> None:
        clock = gevent.spawn_later(deadline_s, self._overdue)
        try:
            ended = self._desk.ask(self._promise)
        finally:
            clock.kill(block=False)
        promised = self._told
        if not promised:
            if ended.outcome == "unknown":
                self._desk.keep(self._promise)
            self._tell(ended.outcome, ended.values)
        elif ended.outcome in SETTLED:
            log.info("%s: %s after the caller had stopped waiting", self._promise.source, ended.outcome)
            self._desk.forget(self._promise)
            return
        if promised or ended.outcome == "unknown":
            self._desk.rest()
            self.see_through()

    def see_through(self) -> None:
        self._desk.see_through(self._promise)

    def _overdue(self) -> None:
        """Nobody waits any longer. `accepted` is said only of what outlives this engine."""
        kept = self._desk.keep(self._promise)
        self._tell("accepted" if kept else "unknown")

    def _tell(self, outcome: str, values: Mapping[str, Any] | None = None) -> None:
        if not self._told and self._ref is not None:
            self._told = True
            self._post(RequestEnded(self._ref, outcome, values or {}))


def _nobody(_event: Any) -> None:
    """Whoever asked is gone."""
