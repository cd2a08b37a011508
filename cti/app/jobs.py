"""Jobs that one engine at a time does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.runtime.job_owner import JobOwner
from cti.store.jobs import StaleEpoch

if TYPE_CHECKING:
    from cti.config import Settings
    from cti.store.jobs import Jobs
    from cti.switch.holding import Holder

TIMERS, FEEDS, ORDERS = "timers", "feeds", "orders"


def make_owners(settings: Settings, jobs: Jobs, holder: Holder | None) -> dict[str, JobOwner]:
    """By job. Without ``holder`` this engine is known by its node and slot, as those before it were."""
    name = holder.name if holder is not None else f"{settings.node}/{settings.worker.slot}"
    before = holder.before if holder is not None else ()
    return {job: JobOwner(job, jobs, name, before) for job in (TIMERS, FEEDS, ORDERS)}


class TimerMarks:
    """`cti.runtime.timers.Marks` in the database."""

    def __init__(self, jobs: Jobs, owner: JobOwner) -> None:
        self._jobs, self._owner = jobs, owner

    @property
    def owned(self) -> bool:
        return self._owner.held

    def read(self) -> dict[str, float]:
        return self._jobs.timer_marks()

    def write(self, marks: dict[str, float]) -> None:
        epoch = self._owner.epoch
        if epoch is None:
            raise StaleEpoch("the timers are another engine's")
        self._jobs.set_timer_marks(marks, self._owner.job, epoch)
