"""Is the engine, or a switch, so busy that whoever is in would suffer from whoever comes?

Pure: readings go in, a reason comes out. A bound that is passed once is chance; one that is passed in several looks on
end is load. It is over when it has been well below the bound for longer than that, so that callers are not let in
and refused in turns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cti.core.histogram import Histogram

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Seconds between two looks; so many on end make it overload, and so many without end it.
LOOK_S, BEGIN_LOOKS, END_LOOKS = 0.25, 4, 12
#: What counts as without: below this share of the bound.
CALM = 0.8


@dataclass(frozen=True, slots=True)
class Bounds:
    """0: not looked at. ``cpu_pct``: of one core, the engine's own; ``late_s``: how late its timers fire;
    ``backlog``: events and commands that wait in the links of a switch; ``idle_pct``: what a switch's machine must
    have left, as its HEARTBEAT tells; ``records``: that wait for a database which answers (one that is away holds up
    nobody who is new: what is recorded meanwhile is kept)."""

    cpu_pct: float = 90.0
    late_s: float = 1.0
    backlog: int = 5000
    idle_pct: float = 0.0
    records: int = 20_000


@dataclass(frozen=True, slots=True)
class Reading:
    """What was seen since the last look; ``backlog`` and ``idle_pct`` by switch."""

    cpu_pct: float
    late_s: float
    backlog: Mapping[str, int] = field(default_factory=dict)
    idle_pct: Mapping[str, float] = field(default_factory=dict)
    records: int = 0


@dataclass(slots=True)
class _Meter:
    """One bound."""

    over: bool = False
    looks: int = 0

    def look(self, share: float) -> None:
        """``share``: of the bound, above 1 is too much."""
        against = share < CALM if self.over else share > 1.0
        self.looks = self.looks + 1 if against else 0
        if self.looks >= (END_LOOKS if self.over else BEGIN_LOOKS):
            self.over, self.looks = not self.over, 0


@dataclass(slots=True)
class Overload:
    """``reading``: the last one. ``late_s``: of all looks."""

    bounds: Bounds
    reading: Reading = field(default_factory=lambda: Reading(0.0, 0.0))
    late_s: Histogram = field(default_factory=Histogram)
    _meters: dict[tuple[str, str], _Meter] = field(default_factory=dict)

    def look(self, reading: Reading) -> None:
        self.reading = reading
        self.late_s.observe(reading.late_s)
        for key, share in self._shares(reading).items():
            self._meters.setdefault(key, _Meter()).look(share)

    def reason(self, switch: str) -> str | None:
        """Why a new call on this switch would be too much (a word for its record), or None."""
        for (what, where), meter in self._meters.items():
            if meter.over and where in ("", switch):
                return what
        return None

    def states(self) -> dict[tuple[str, str], bool]:
        """(what, switch or empty) -> over; of every bound that was looked at."""
        return {key: meter.over for key, meter in self._meters.items()}

    def _shares(self, reading: Reading) -> dict[tuple[str, str], float]:
        bounds, shares = self.bounds, dict[tuple[str, str], float]()
        if bounds.cpu_pct:
            shares["cpu", ""] = reading.cpu_pct / bounds.cpu_pct
        if bounds.late_s:
            shares["late", ""] = reading.late_s / bounds.late_s
        if bounds.records:
            shares["records", ""] = reading.records / bounds.records
        if bounds.backlog:
            shares |= {("backlog", name): waiting / bounds.backlog for name, waiting in reading.backlog.items()}
        if bounds.idle_pct:
            # What is used of what may be used, so that it compares like the others.
            shares |= {
                ("switch_cpu", name): (100.0 - idle) / (100.0 - bounds.idle_pct)
                for name, idle in reading.idle_pct.items()
            }
        return shares
