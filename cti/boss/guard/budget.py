"""A budget for repetitions, so that retries never multiply the load on who is ill already."""

from __future__ import annotations

from collections import deque


class RetryBudget:
    """At most ``percent`` of the questions of the last ``seconds`` may be repeated, and ``least`` in any case (else a
    quiet back end could never be asked twice). A share of what was asked, not a count a call, as Finagle's budget."""

    def __init__(self, percent: float, *, seconds: float = 10.0, least: int = 3) -> None:
        self._percent, self._seconds, self._least = percent, seconds, least
        self._asked: deque[float] = deque()
        self._repeated: deque[float] = deque()

    def asked(self, now: float) -> None:
        """A question was asked for the first time."""
        self._forget(now)
        self._asked.append(now)

    def repeat(self, now: float) -> bool:
        """True: ask again; it is counted."""
        self._forget(now)
        if len(self._repeated) >= max(self._least, self._percent * len(self._asked) / 100):
            return False
        self._repeated.append(now)
        return True

    def _forget(self, now: float) -> None:
        for times in (self._asked, self._repeated):
            while times and now - times[0] > self._seconds:
                times.popleft()
