"""One handler, one greenlet, one bounded queue: a slow handler delays nobody else, and never the reading."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Any

import gevent
from gevent import get_hub

log = logging.getLogger("cti.switch.links")

#: Seconds of work before others get a turn. Bounds how late timers and answers can be while events flood in.
SLICE_S = 0.001
_CHECK_EVERY = 8  # items; the clock is looked at no more often


def breathe() -> None:
    """Let everything else that is due run, timers and sockets included, and go on.

    ``gevent.sleep(0)`` would not do: callbacks are run again and again for up to 5 ms before sockets and timers get
    their turn. A timer that is due at once goes once round the loop.
    """
    hub = get_hub()
    timer = hub.loop.timer(0.0)
    try:
        hub.wait(timer)
    finally:
        timer.close()


class Mailbox:
    """Runs ``handler(item)`` for each item put, in order, on its own greenlet; an exception is logged, not fatal.

    Over ``limit`` waiting items new ones are dropped and counted until the queue is empty; then ``on_overflow`` is
    told how many are missing, between what came before the gap and what comes after it.
    """

    def __init__(
        self,
        handler: Callable[[Any], object],
        *,
        limit: int,
        name: str = "",
        on_overflow: Callable[[int], object] | None = None,
    ) -> None:
        self._handler = handler
        self._limit = limit
        self._name = name or getattr(handler, "__qualname__", repr(handler))
        self._on_overflow = on_overflow
        self._queue: deque[Any] = deque()
        self._greenlet: gevent.Greenlet[[], None] | None = None
        self._parked = False
        self._held = False
        self._closed = False
        self._missing = 0  # dropped since the queue was last empty; while not 0, everything is dropped
        self.dropped = 0
        self.failed = 0

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, item: Any) -> None:
        """Never blocks. After `close` it does nothing."""
        if self._missing or len(self._queue) >= self._limit:
            self._missing += 1
            self.dropped += 1
            return
        if self._closed:
            return
        self._queue.append(item)
        if self._parked:
            self._wake()
        elif self._greenlet is None:
            self._start()

    def hold(self) -> None:
        """Keep items in the queue until `release`. The item in work is finished."""
        self._held = True

    def release(self) -> None:
        self._held = False
        self._wake()

    def close(self) -> None:
        """Take nothing more; what waits is still handled (once released, if held), then the greenlet ends."""
        self._closed = True
        self._wake()

    def join(self, timeout_s: float) -> bool:
        """After `close`: wait until all is handled. True inside the handler itself, which cannot wait for its end."""
        if self._greenlet is None or self._greenlet is gevent.getcurrent():
            return True
        self._greenlet.join(timeout_s)
        return bool(self._greenlet.ready())

    def kill(self) -> None:
        self._closed = True
        self._queue.clear()
        if self._greenlet is not None and self._greenlet is not gevent.getcurrent():
            self._greenlet.kill(block=False)

    def _start(self) -> None:
        self._greenlet = gevent.spawn(self._run)

    def _wake(self) -> None:
        if self._parked:
            self._parked = False
            get_hub().loop.run_callback(self._resume)

    def _resume(self) -> None:
        if self._greenlet is not None and not self._greenlet.ready():
            self._greenlet.switch()

    def _run(self) -> None:
        hub = get_hub()
        queue = self._queue
        while True:
            if queue and not self._held:
                self._work()
            elif self._missing and not self._held:
                self._report_gap()
            elif self._closed and not self._held:
                return
            else:
                self._parked = True
                try:
                    hub.switch()
                finally:
                    self._parked = False

    def _work(self) -> None:
        """Handle what waits, with a pause for others after each slice of time."""
        queue = self._queue
        handler = self._handler
        until = perf_counter() + SLICE_S
        while queue and not self._held:
            for _ in range(min(len(queue), _CHECK_EVERY)):
                if self._held:
                    return
                item = queue.popleft()
                try:
                    handler(item)
                except Exception:
                    self.failed += 1
                    log.exception("handler %s failed on %r", self._name, item)
            if perf_counter() > until:
                breathe()
                until = perf_counter() + SLICE_S

    def _report_gap(self) -> None:
        missing, self._missing = self._missing, 0
        log.warning("handler %s was too slow: %d events dropped", self._name, missing)
        if self._on_overflow is not None:
            try:
                self._on_overflow(missing)
            except Exception:
                log.exception("the overflow handler of %s failed", self._name)
