"""Which calls are let in: the total and the rate are bounded, and so is each called number and each caller."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cti.core.calls import NewCall
    from cti.ports import Clock


@dataclass(frozen=True, slots=True)
class Limits:
    """``calls`` at once, ``per_caller`` at once by one number (withheld numbers are not counted), ``per_s`` new ones
    in any second. 0: no limit."""

    calls: int = 500
    per_caller: int = 5
    per_s: int = 0


@dataclass(slots=True)
class Admission:
    limits: Limits
    clock: Clock
    _by_caller: Counter[str] = field(default_factory=Counter)
    _arrivals: deque[float] = field(default_factory=deque)

    def refuse(self, call: NewCall, active: int) -> str | None:
        """Why the call is not let in (a word for the record), or None."""
        if self.limits.calls and active >= self.limits.calls:
            return "calls"
        if self.limits.per_s and self._rate_exceeded():
            return "per_s"
        number = call.caller.number
        if number and self.limits.per_caller and self._by_caller[number] >= self.limits.per_caller:
            return "per_caller"
        return None

    def entered(self, call: NewCall) -> None:
        if call.caller.number:
            self._by_caller[call.caller.number] += 1

    def left(self, call: NewCall) -> None:
        number = call.caller.number
        if number:
            self._by_caller[number] -= 1
            if self._by_caller[number] <= 0:
                del self._by_caller[number]

    def _rate_exceeded(self) -> bool:
        now = self.clock.monotonic()
        while self._arrivals and self._arrivals[0] <= now - 1.0:
            self._arrivals.popleft()
        if len(self._arrivals) >= self.limits.per_s:
            return True
        self._arrivals.append(now)
        return False
