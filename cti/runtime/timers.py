"""Begins the flows of timers when they are due, each due moment once.

What has been seen to is kept in the database, entry -> moment, written before a run begins: an engine that dies in
between leaves a run out rather than run it twice. Moments that passed while no engine was there are made up when they
are no older than `LATE_S`; older ones are left out, with a line in the log. Of several engines with one database the
owner of the job has the timers (`cti.runtime.job_owner`), and the write is refused to whoever was it before.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from gevent.event import Event as Flag

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from cti.flow import EntryTable
    from cti.ports import Clock

log = logging.getLogger("cti.timers")

LATE_S = 600.0
#: What a clock that is set forward by as much, or less, has skipped is late, and not missed.
SET_S = 2 * 3600.0
#: Never asleep for longer: the entry table may be another one, and somebody may have set the clock.
LOOK_S = 10.0
#: Between two looks whether the timers are ours.
OWNED_S = 1.0


class Marks(Protocol):
    """Up to which moment each timer was seen to, in seconds since 1970; one engine's at a time."""

    @property
    def owned(self) -> bool: ...

    def read(self) -> dict[str, float]: ...

    def write(self, marks: dict[str, float]) -> None:
        """Raises CtiError: then nothing is begun."""


class Timers:
    """``table`` gives the entry table that holds now; ``begin`` begins the flow of the entry of that name."""

    def __init__(
        self,
        table: Callable[[], EntryTable],
        begin: Callable[[str], object],
        clock: Clock,
        zone: ZoneInfo,
        marks: Marks,
    ) -> None:
        self._table, self._begin = table, begin
        self._clock, self._zone, self._marks = clock, zone, marks
        self._looked_at: float | None = None  # monotonic
        self._seen: dict[str, datetime] | None = None  # entry -> everything due up to this moment was seen to
        self._stopped = Flag()

    def main(self) -> None:
        """Until `stop`; a failure of one look is logged, and the next look follows."""
        pause_s = 0.0
        while not self._stopped.wait(pause_s):
            if not self._marks.owned:
                self._seen = self._looked_at = None  # somebody else goes on with them, and writes
                pause_s = OWNED_S
                continue
            try:
                pause_s = self.look()
            except Exception:
                log.exception("timers: this look failed")
                pause_s = LOOK_S

    def stop(self) -> None:
        self._stopped.set()

    def look(self) -> float:
        """Begin what is due; seconds until the next look. A timer first seen now has missed nothing."""
        table, now = self._table(), datetime.fromtimestamp(self._clock.now(), self._zone)
        entries = {entry.name: entry for entry in table.timers()}
        if self._seen is None:
            told = self._marks.read()
            self._seen = {name: datetime.fromtimestamp(seen, self._zone) for name, seen in told.items()}
        at = self._clock.monotonic()
        there = self._looked_at is not None and at - self._looked_at <= LATE_S
        due: list[str] = []
        wait_s = LOOK_S
        news = self._seen.keys() != entries.keys()
        seen = {name: self._seen.get(name, now) for name in entries}
        for name, entry in entries.items():
            moment = table.next_due(entry, seen[name])
            while moment is not None and moment <= now:
                following = table.next_due(entry, moment)
                # Nobody was away: the clock was set forward. The last of what it has skipped, once.
                skipped = there and now - moment <= timedelta(seconds=SET_S) and (following is None or following > now)
                if now - moment <= timedelta(seconds=LATE_S) or skipped:
                    due.append(name)
                else:
                    log.warning("timer '%s': %s is passed over", name, moment.isoformat())
                news = True
                moment = following
            seen[name] = max(seen[name], now)  # a clock that was set back brings nothing a second time
            if moment is not None:
                wait_s = min(wait_s, max(0.0, (moment - now).total_seconds()))
        if news:
            self._marks.write({name: moment.timestamp() for name, moment in seen.items()})
        self._seen, self._looked_at = seen, at
        for name in due:
            log.info("timer '%s' is due", name)
            self._begin(name)
        return wait_s
