"""The time of one run."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cti.ports import Clock


class RunClock:
    """The wall clock at the call's beginning, carried on by the monotonic one: a clock that is set meanwhile neither
    ends a call by its time limit nor lets it last."""

    def __init__(self, clock: Clock, zone: tzinfo) -> None:
        self._clock, self._zone = clock, zone
        self._ahead = clock.now() - clock.monotonic()

    def time(self) -> float:
        """Seconds since the epoch."""
        return self._ahead + self._clock.monotonic()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time(), self._zone)

    def go_on(self, at: float) -> None:
        """It is ``at`` now, by the time of the run."""
        self._ahead = at - self._clock.monotonic()
