"""One engine at a time does a scheduled job (timers, feeds), whichever of those that share a database.

The holder counts on in the database; who wants the job takes it when the count has stood still for the lease and a
margin by its own clock (`Pace`). No wall clock is compared, so that setting one harms nobody. A holder that could not
count for a lease, by a clock that goes on while it is stopped, does nothing more in the job's name, and what it writes
is refused by its epoch.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import gevent

from cti.core.errors import CtiError
from cti.store.jobs import Lease, StaleEpoch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from cti.store.jobs import Jobs

log = logging.getLogger("cti.jobs")

BEAT_S, LEASE_S, MARGIN_S = 2.0, 6.0, 2.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a holder counts on, how long that is good for, and how much longer others wait; in seconds."""

    beat_s: float = BEAT_S
    lease_s: float = LEASE_S
    margin_s: float = MARGIN_S

    @property
    def over_s(self) -> float:
        """After so long without a beat another one takes the job."""
        return self.lease_s + self.margin_s


ORDINARY = Pace()
#: Of the one who distributes: callers wait for the next. A process that could reach nobody for `over_s` has left the
#: cluster by then (`cti.runtime.cluster.shared_bus.FENCE_S`).
LEADING = Pace(0.5, 2.5, 1.0)


def boottime() -> float:
    """Seconds since the machine started, those in which it slept included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class JobOwner:
    """``before``: names of holders that are known to be over, such as earlier runs of this engine."""

    def __init__(
        self,
        job: str,
        jobs: Jobs,
        holder: str,
        before: Collection[str] = (),
        *,
        pace: Pace = ORDINARY,
        clock: Callable[[], float] = boottime,
    ) -> None:
        self.job, self._jobs, self._holder = job, jobs, holder
        self._before = {"", holder, *before}
        self._pace, self._clock = pace, clock
        self.epoch: int | None = None
        self._renewed = 0.0
        self._seen: Lease | None = None
        self._since = 0.0

    @property
    def held(self) -> bool:
        """May the job be done now?"""
        return self.epoch is not None and self._clock() - self._renewed < self._pace.lease_s

    def run(self) -> None:
        """Until killed."""
        while True:
            try:
                self.look()
            except CtiError as error:
                log.warning("who does the job %s is not known: %s", self.job, error)
            gevent.sleep(self._pace.beat_s)

    def look(self) -> None:
        """Renew, or take what nobody has. Raises StoreUnavailable."""
        at = self._clock()
        if self.epoch is not None:
            try:
                self._jobs.renew(self.job, self.epoch)
                self._renewed = at
            except StaleEpoch:
                log.warning("the job %s was taken over by another engine", self.job)
                self.epoch = None
            return
        try:
            found = self._jobs.find(self.job)
        except CtiError:
            self._seen = None  # nobody could count meanwhile: who had the job may have it still
            raise
        if found != self._seen:
            self._seen, self._since = found, at
        free = found is None or found.holder in self._before
        if free or at - self._since >= self._pace.over_s:
            self.epoch = self._jobs.take(self.job, self._holder, found)
            self._renewed = at
            if self.epoch is not None:
                log.info("the job %s is this engine's (epoch %d)", self.job, self.epoch)

    def release(self) -> None:
        """At an orderly end: the next one need not wait."""
        epoch, self.epoch = self.epoch, None
        if epoch is not None:
            try:
                self._jobs.release(self.job, epoch)
            except CtiError as error:
                log.warning("the job %s could not be given back: %s", self.job, error)
