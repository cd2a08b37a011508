"""Where one call stands: what is kept of it at each wait, and given back by the next engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cti.flow import Run
    from cti.runtime.ending import Ending
    from cti.runtime.journal import CallLog
    from cti.runtime.messages import Timers
    from cti.runtime.runclock import RunClock
    from cti.runtime.silent import SilentStay


@dataclass(slots=True)
class Standing:
    """Of the call's actor, which alone changes it. ``run`` is another one after an engine that was lost."""

    run: Run
    clock: RunClock
    timers: Timers
    ending: Ending
    log: CallLog
    silent: SilentStay
