"""Begins the flows of timers when they are due, each due moment once.

What has been seen to is kept in a small file, ``{entry's name: moment}``, written before a run begins: an engine that
dies in between leaves a run out rather than run it twice. Moments that passed while no engine was there are made up
when they are no older than `LATE_S`; older ones are left out, with a line in the log. One engine at a time uses the
file; of several workers the one in slot 0 has the timers.
"""

from __future__ import annotations

import json
import logging
import os
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gevent.event import Event as Flag

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from cti.flow import EntryTable
    from cti.ports import Clock

log = logging.getLogger("cti.timers")

LATE_S = 600.0
#: Never asleep for longer: the entry table may be another one, and somebody may have set the clock.
LOOK_S = 10.0


class Timers:
    """``table`` gives the entry table that holds now; ``begin`` begins the flow of the entry of that name."""

    def __init__(
        self,
        table: Callable[[], EntryTable],
        begin: Callable[[str], object],
        clock: Clock,
        zone: ZoneInfo,
        file: Path,
    ) -> None:
        self._table, self._begin = table, begin
        self._clock, self._zone, self._file = clock, zone, file
        self._seen = _read(file)  # entry -> everything due up to this moment was seen to
        self._stopped = Flag()

    def main(self) -> None:
        """Until `stop`; a failure of one look is logged, and the next look follows."""
        pause_s = 0.0
        while not self._stopped.wait(pause_s):
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
        due: list[str] = []
        wait_s = LOOK_S
        news = self._seen.keys() != entries.keys()
        seen = {name: self._seen.get(name, now) for name in entries}
        for name, entry in entries.items():
            moment = table.next_due(entry, seen[name])
            while moment is not None and moment <= now:
                if now - moment <= timedelta(seconds=LATE_S):
                    due.append(name)
                else:
                    log.warning("timer '%s': %s passed while no engine was there", name, moment.isoformat())
                news = True
                moment = table.next_due(entry, moment)
            seen[name] = max(seen[name], now)  # a clock that was set back brings nothing a second time
            if moment is not None:
                wait_s = min(wait_s, max(0.0, (moment - now).total_seconds()))
        self._seen = seen
        if news:
            self._write()
        for name in due:
            log.info("timer '%s' is due", name)
            self._begin(name)
        return wait_s

    def _write(self) -> None:
        """Raises OSError: then nothing is begun, and the moments count as seen to."""
        text = json.dumps({name: moment.isoformat() for name, moment in self._seen.items()}, ensure_ascii=False)
        fresh = self._file.with_suffix(".new")
        with open(fresh, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._file)


def _read(file: Path) -> dict[str, datetime]:
    """What an earlier engine wrote; nothing when it cannot be read, which makes every timer a new one."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        seen = {str(name): datetime.fromisoformat(moment) for name, moment in kept.items()}
        if any(moment.tzinfo is None for moment in seen.values()):
            raise ValueError("a moment without offset")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        log.warning("timers: %s cannot be read (%s); nothing is made up", file, error)
        return {}
    return seen
