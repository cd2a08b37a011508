"""The real clock: timers run one after another in one greenlet, so the model needs no locks."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import gevent
from gevent.event import Event

from cti.switch.embedded.clock import Timer, TimerQueue

log = logging.getLogger(__name__)

IDLE_S = 60.0
BURST = 200


class GeventClock:
    """Wall time anchored once and carried by the monotonic clock, so that setting the system's clock hurts nobody."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()
        self._timers = TimerQueue()
        self._wake = Event()
        self._sleeping_until = 0.0
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def now(self) -> float:
        return self._offset + time.monotonic()

    def call_at(self, at: float, fn: Callable[[], None]) -> Timer:
        timer = self._timers.push(at, fn)
        if at < self._sleeping_until:
            self._wake.set()
        return timer

    def start(self) -> None:
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None

    def _run(self) -> None:
        while True:
            self._run_due()
            now = self.now()
            due = self._timers.next_due()
            if due is not None and due <= now:
                gevent.sleep(0)  # a long burst lets the sockets breathe
                continue
            self._wake.clear()
            self._sleeping_until = now + IDLE_S if due is None else due
            self._wake.wait(self._sleeping_until - now)
            self._sleeping_until = 0.0

    def _run_due(self) -> None:
        for _ in range(BURST):
            timer = self._timers.pop_due(self.now())
            if timer is None:
                return
            if timer.fn is None:
                continue
            try:
                timer.fn()
            except Exception:
                log.exception("a timer of the embedded switch failed")
