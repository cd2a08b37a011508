"""Time for the embedded switch: one interface, a virtual clock for tests, the real one in `gevent_clock`."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Protocol


class Timer:
    """A call that is due at ``at`` (Unix seconds). ``cancel()`` is idempotent and O(1)."""

    __slots__ = ("at", "fn")

    def __init__(self, at: float, fn: Callable[[], None]) -> None:
        self.at = at
        self.fn: Callable[[], None] | None = fn

    def cancel(self) -> None:
        self.fn = None


class Scheduler(Protocol):
    """Everything in the switch that passes time goes through these two calls; neither blocks."""

    def now(self) -> float:
        """Unix seconds, never running backwards."""

    def call_at(self, at: float, fn: Callable[[], None]) -> Timer:
        """Run ``fn`` at ``at``, or as soon as possible when that is past; equal times keep their order."""


class TimerQueue:
    """The heap under both clocks."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._count = 0

    def push(self, at: float, fn: Callable[[], None]) -> Timer:
        timer = Timer(at, fn)
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, timer))
        return timer

    def next_due(self) -> float | None:
        """The time of the earliest live timer; cancelled ones are dropped on the way."""
        while self._heap and self._heap[0][2].fn is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> Timer | None:
        due = self.next_due()
        if due is None or due > now:
            return None
        return heapq.heappop(self._heap)[2]


class VirtualClock:
    """A clock that jumps from timer to timer: simulated hours cost what their events cost."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self._now = start
        self._timers = TimerQueue()

    def now(self) -> float:
        return self._now

    def call_at(self, at: float, fn: Callable[[], None]) -> Timer:
        return self._timers.push(max(at, self._now), fn)

    def run_until(self, at: float) -> None:
        """Run everything due up to and including ``at``; the clock then stands at ``at``."""
        while (timer := self._timers.pop_due(at)) is not None:
            self._now = max(self._now, timer.at)
            if timer.fn is not None:
                timer.fn()
        self._now = max(self._now, at)

    def run_for(self, seconds: float) -> None:
        self.run_until(self._now + seconds)

    def run_while(self, condition: Callable[[], bool], deadline_s: float) -> bool:
        """Run timers while ``condition()`` holds, for at most ``deadline_s``; True when it stopped holding."""
        end = self._now + deadline_s
        while condition():
            due = self._timers.next_due()
            if due is None or due > end:
                self._now = max(self._now, end)
                return not condition()
            self.run_until(due)
        return True
