"""Which calls are let in: the total and the rate are bounded, and so is what each caller and each trunk may have."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cti.core.calls import NewCall
    from cti.ports import Clock
    from cti.runtime.overload import Overload

#: The refusal of a number on the list; it is met by the flow of this name, where there is one.
BLOCKED = "blocked"
#: Callers whose attempts are remembered; the one of whom nothing came for longest is forgotten first.
CALLERS_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class TrunkLimit:
    """0: no limit. ``calls`` at once, ``per_s`` new ones in any second."""

    calls: int = 0
    per_s: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """``calls`` at once, ``per_caller`` at once by one number (withheld numbers are not counted), ``per_s`` new ones
    in any second, ``per_caller_min`` attempts in any minute by one number; 0: no limit. ``ill_pct``: the share of
    ``calls`` that is let in while a back end that is needed is ill. ``announcements``: refused calls that hear the busy
    flow at once; more are hung up."""

    calls: int = 500
    per_caller: int = 5
    per_s: int = 0
    announcements: int = 100
    per_caller_min: int = 0
    per_trunk: Mapping[str, TrunkLimit] = field(default_factory=dict)
    ill_pct: float = 50.0


class Window:
    """When something happened, for as long as it counts: ``span_s``."""

    def __init__(self, span_s: float) -> None:
        self._span_s = span_s
        self._times: deque[float] = deque()

    def add(self, now: float) -> None:
        self._times.append(now)

    def count(self, now: float) -> int:
        while self._times and self._times[0] <= now - self._span_s:
            self._times.popleft()
        return len(self._times)


class Attempts:
    """How often each number has tried in any minute: ``limit`` times at most."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._by_number: OrderedDict[str, deque[float]] = OrderedDict()

    def too_many(self, number: str, now: float) -> bool:
        """Counts this attempt; a refused one too, so that who redials without end stays out."""
        times = self._by_number.setdefault(number, deque(maxlen=self._limit))
        self._by_number.move_to_end(number)
        if len(self._by_number) > CALLERS_KEPT:
            self._by_number.popitem(last=False)
        before = len(times) == self._limit and times[0] > now - 60.0
        times.append(now)
        return before


@dataclass(slots=True)
class Admission:
    """Counts from `entered` or `refused` to `left`. Refused calls count for the announcements only.

    ``ill``: is a back end ill without which callers only pile up?
    """

    limits: Limits
    clock: Clock
    active: int = 0
    announcing: int = 0
    blocked: Callable[[str], bool] = lambda _number: False
    overload: Overload | None = None
    ill: Callable[[], bool] = lambda: False
    _by_caller: Counter[str] = field(default_factory=Counter)
    _by_trunk: Counter[str] = field(default_factory=Counter)
    _arrivals: Window = field(default_factory=lambda: Window(1.0))
    _trunk_arrivals: dict[str, Window] = field(default_factory=dict)
    _attempts: Attempts | None = None

    def __post_init__(self) -> None:
        if self.limits.per_caller_min:
            self._attempts = Attempts(self.limits.per_caller_min)

    def refusal(self, call: NewCall) -> str | None:
        """Why the call is not let in (a word for the record), or None."""
        limits, number, now = self.limits, call.caller.number, self.clock.monotonic()
        redials = bool(number) and self._attempts is not None and self._attempts.too_many(number or "", now)
        if number and self.blocked(number):
            return BLOCKED
        if limits.calls and self.active >= limits.calls:
            return "calls"
        if number and limits.per_caller and self._by_caller[number] >= limits.per_caller:
            return "per_caller"
        if redials:
            return "per_caller_minute"
        if limits.per_s and self._arrivals.count(now) >= limits.per_s:
            return "per_second"
        return self._trunk_refusal(call.trunk, now) or self._load_refusal(call.switch)

    def _trunk_refusal(self, trunk: str, now: float) -> str | None:
        limit = self.limits.per_trunk.get(trunk)
        if limit is None:
            return None
        if limit.calls and self._by_trunk[trunk] >= limit.calls:
            return "trunk_calls"
        if limit.per_s and trunk in self._trunk_arrivals and self._trunk_arrivals[trunk].count(now) >= limit.per_s:
            return "trunk_per_second"
        return None

    def _load_refusal(self, switch: str) -> str | None:
        reason = self.overload.reason(switch) if self.overload is not None else None
        if reason is not None:
            return f"overload_{reason}"
        share = self.limits.calls * self.limits.ill_pct / 100.0
        return "overload_backend" if self.limits.calls and self.active >= share and self.ill() else None

    def has(self, number: str) -> bool:
        """Is this caller on the line with us now?"""
        return self._by_caller[number] > 0

    def may_announce(self) -> bool:
        return self.announcing < self.limits.announcements

    def entered(self, call: NewCall) -> None:
        self.active += 1
        now = self.clock.monotonic()
        if self.limits.per_s:
            self._arrivals.add(now)
        if call.caller.number:
            self._by_caller[call.caller.number] += 1
        if call.trunk in self.limits.per_trunk:
            self._by_trunk[call.trunk] += 1
            if self.limits.per_trunk[call.trunk].per_s:  # else nobody counts, and so nobody forgets
                self._trunk_arrivals.setdefault(call.trunk, Window(1.0)).add(now)

    def refused(self) -> None:
        self.announcing += 1

    def left(self, call: NewCall, *, rejected: bool) -> None:
        if rejected:
            self.announcing -= 1
            return
        self.active -= 1
        for counter, key in ((self._by_caller, call.caller.number), (self._by_trunk, call.trunk)):
            if key and key in counter:
                counter[key] -= 1
                if counter[key] <= 0:
                    del counter[key]

    def empty(self) -> bool:
        """Nothing is counted any more."""
        return not (self.active or self.announcing or self._by_caller or self._by_trunk)
