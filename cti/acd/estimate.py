"""How long a contact will wait: from the pace of its queue, and so that it never rises without a reason."""

from __future__ import annotations

from collections import deque
from statistics import median

#: Before anything was handled, a contact is taken to last so long (seconds).
PRIOR_HANDLING_S = 180.0
_KEEP = 20
_ENOUGH = 5
#: A pace older than this says nothing of now.
_FRESH_S = 900.0


class Pace:
    """Of one queue: when contacts were answered while others waited, how long they took, and how wrong the waits were
    that had been told."""

    __slots__ = ("_answers", "_errors", "_handled")

    def __init__(self) -> None:
        self._answers: deque[float] = deque(maxlen=_KEEP)
        self._handled: deque[float] = deque(maxlen=_KEEP)
        self._errors: deque[float] = deque(maxlen=200)

    def answered(self, now: float, *, others_wait: bool) -> None:
        """An answer out of an empty queue tells nothing about the pace under load."""
        if others_wait:
            self._answers.append(now)

    def handled(self, seconds: float) -> None:
        self._handled.append(seconds)

    def scored(self, told_s: float, actual_s: float) -> None:
        if actual_s > 0:
            self._errors.append(abs(told_s - actual_s) / actual_s)

    @property
    def error(self) -> float | None:
        """Median of |told − actual| / actual over the last answers (KPIS); None before there was one."""
        return median(self._errors) if self._errors else None

    def wait_s(self, position: int, active: int, now: float) -> float | None:
        """Of the contact at ``position`` (from 1). ``active``: READY agents who may serve it, busy or not.

        The mean interval between answers, when it was seen lately (it includes what these agents do for other
        queues); else mean handling time over active agents (Little's law for a queue that is never empty).
        None: nobody works for it.
        """
        if not active:
            return None
        answers = self._answers
        if len(answers) >= _ENOUGH and now - answers[-1] <= _FRESH_S:
            pace = max(now - answers[0], answers[-1] - answers[0]) / len(answers)
        else:
            known = sum(self._handled) / len(self._handled) if self._handled else PRIOR_HANDLING_S
            pace = known / active
        return position * pace


def told_wait(
    fresh: float, last: tuple[float, float, int, int] | None, now: float, position: int, active: int
) -> float:
    """What to tell: ``fresh``, unless that is more than what is left of the wait told before (``last``: at, seconds,
    position, active agents) and nothing has happened that would explain it: fewer agents, or others went before."""
    if last is None:
        return fresh
    at, wait, before, agents = last
    left = max(0.0, wait - (now - at))
    if position > before or active < agents:
        return fresh
    return min(fresh, left)
