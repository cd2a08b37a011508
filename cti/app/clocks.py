"""The machine's clock, as is and shifted."""

from __future__ import annotations

import time


class SystemClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class ShiftedClock(SystemClock):
    """A wall clock that shows ``begins`` (seconds since 1970) now, and goes on from there."""

    def __init__(self, begins: float) -> None:
        self._ahead_s = begins - time.time()

    def now(self) -> float:
        return time.time() + self._ahead_s
