"""Which calls are let in: the total and the rate are bounded, and so is what each caller may have at once."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.calls import NewCall
    from cti.ports import Clock

#: The refusal of a number on the list; it is met by the flow of this name, where there is one.
BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Limits:
    """``calls`` at once, ``per_caller`` at once by one number (withheld numbers are not counted), ``per_s`` new ones
    in any second. 0: no limit. ``announcements``: refused calls that hear the busy flow at once; more are hung up."""

    calls: int = 500
    per_caller: int = 5
    per_s: int = 0
    announcements: int = 100


@dataclass(slots=True)
class Admission:
    """Counts from `entered` or `refused` to `left`. Refused calls count for the announcements only."""

    limits: Limits
    clock: Clock
    active: int = 0
    announcing: int = 0
    blocked: Callable[[str], bool] = lambda _number: False
    _by_caller: Counter[str] = field(default_factory=Counter)
    _arrivals: deque[float] = field(default_factory=deque)

    def refusal(self, call: NewCall) -> str | None:
        """Why the call is not let in (a word for the record), or None."""
        limits, number = self.limits, call.caller.number
        if number and self.blocked(number):
            return BLOCKED
        if limits.calls and self.active >= limits.calls:
            return "calls"
        if number and limits.per_caller and self._by_caller[number] >= limits.per_caller:
            return "per_caller"
        if limits.per_s and self._in_last_second() >= limits.per_s:
            return "per_second"
        return None

    def has(self, number: str) -> bool:
        """Is this caller on the line with us now?"""
        return self._by_caller[number] > 0

    def may_announce(self) -> bool:
        return self.announcing < self.limits.announcements

    def entered(self, call: NewCall) -> None:
        self.active += 1
        if self.limits.per_s:
            self._arrivals.append(self.clock.monotonic())
        if call.caller.number:
            self._by_caller[call.caller.number] += 1

    def refused(self) -> None:
        self.announcing += 1

    def left(self, call: NewCall, *, rejected: bool) -> None:
        if rejected:
            self.announcing -= 1
            return
        self.active -= 1
        number = call.caller.number
        if number:
            self._by_caller[number] -= 1
            if self._by_caller[number] <= 0:
                del self._by_caller[number]

    def empty(self) -> bool:
        """Nothing is counted any more."""
        return not (self.active or self.announcing or self._by_caller)

    def _in_last_second(self) -> int:
        now = self.clock.monotonic()
        while self._arrivals and self._arrivals[0] <= now - 1.0:
            self._arrivals.popleft()
        return len(self._arrivals)
