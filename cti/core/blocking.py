"""Numbers that are not let in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BlockedNumber:
    """``until`` None: until it is lifted. Times in seconds since the epoch."""

    blocked_id: str
    number: str
    reason: str
    created_at: float
    created_by: str
    until: float | None = None
    lifted_at: float | None = None

    def holds(self, at: float) -> bool:
        return self.lifted_at is None and (self.until is None or at < self.until)
