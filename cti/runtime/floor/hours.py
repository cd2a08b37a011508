"""Opening hours of queues: each is closed and opened as its calendar says, whenever that changes.

What a supervisor sets meanwhile holds until the calendar's next change.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import gevent

from cti.acd.inputs import OpenQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cti.flow import Calendar
    from cti.ports import Clock
    from cti.runtime.floor.owner import FloorOwner

log = logging.getLogger("cti.acd")

LOOK_S = 1.0


class OpeningHours:
    """``of``: queue -> its calendar; ``calendars``: those that hold now, looked into anew each time."""

    def __init__(
        self,
        owner: FloorOwner,
        clock: Clock,
        of: Mapping[str, str],
        calendars: Callable[[], Mapping[str, Calendar]],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._owner, self._clock, self._of, self._calendars, self._changed = owner, clock, dict(of), calendars, changed
        self._open: dict[str, bool] = {}

    def look(self) -> None:
        """Tell the distribution what has changed since the last look. A calendar that is not there changes nothing."""
        now, found, changed = datetime.fromtimestamp(self._clock.now(), UTC), self._calendars(), False
        for queue, name in self._of.items():
            calendar = found.get(name)
            if calendar is None:
                continue
            opened = calendar.state(now) == "open"
            if self._open.get(queue, True) != opened:
                log.info("queue %s is %s, by calendar %s", queue, "opened" if opened else "closed", name)
                self._owner.tell(OpenQueue(queue, opened))
                changed = True
            self._open[queue] = opened
        if changed:
            self._changed()

    def run(self) -> None:
        while True:
            gevent.sleep(LOOK_S)
            self.look()
