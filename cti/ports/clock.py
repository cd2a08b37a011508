"""Time."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Wall time for records, monotonic time for intervals; both in seconds."""

    def now(self) -> float: ...

    def monotonic(self) -> float: ...
