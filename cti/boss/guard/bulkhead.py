"""A bulkhead: so many questions at one back end at a time, so many more that wait a little, the important ones first.

When the queue is full the least important gives way: batch before IVR before agent. Whose deadline passes while it
waits is never sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from pydantic import Field

from cti.validating import Section


class Priority(IntEnum):
    """Who asks. The greater goes first."""

    BATCH = 0
    IVR = 1
    AGENT = 2


class ConcurrencySettings(Section):
    max: int = Field(16, ge=1, le=10_000, description="questions at the back end at the same time")
    queue: int = Field(64, ge=0, le=100_000, description="more that may wait")
    queue_ms: float = Field(300.0, ge=0, le=60_000, description="so long at most")


Verdict = Literal["go", "wait", "shed", "expired"]


@dataclass(slots=True, eq=False)
class Ticket:
    """One question. ``expires``: its own deadline, or the end of its patience in the queue, whichever is first."""

    priority: Priority
    number: int
    expires: float
    verdict: Verdict = "wait"


class Bulkhead:
    """The caller acts on `Ticket.verdict`; tickets whose verdict changes by somebody else's step are returned."""

    def __init__(self, settings: ConcurrencySettings) -> None:
        self._settings = settings
        self._running = 0
        self._waiting: list[Ticket] = []
        self._numbers = 0

    @property
    def running(self) -> int:
        return self._running

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def spare(self) -> bool:
        """Would a place stay free if one more were let in?"""
        return not self._waiting and self._running + 1 < self._settings.max

    def enter(self, priority: Priority, now: float, deadline: float) -> tuple[Ticket, list[Ticket]]:
        """The new ticket (go, wait or shed) and those that had to give way to it (shed) or were late (expired)."""
        settings, changed = self._settings, self._late(now)
        self._numbers += 1
        ticket = Ticket(priority, self._numbers, min(deadline, now + settings.queue_ms / 1000))
        if self._running < settings.max:
            self._running += 1
            ticket.verdict = "go"
            return ticket, changed
        if len(self._waiting) >= settings.queue:
            last = min(self._waiting, key=lambda other: (other.priority, -other.number), default=None)
            if last is None or last.priority >= priority:
                ticket.verdict = "shed"
                return ticket, changed
            self._waiting.remove(last)
            last.verdict = "shed"
            changed.append(last)
        self._waiting.append(ticket)
        return ticket, changed

    def leave(self, now: float) -> list[Ticket]:
        """A question that was let go has ended: who goes next, and who was late."""
        self._running -= 1
        changed = self._late(now)
        if self._waiting and self._running < self._settings.max:
            first = max(self._waiting, key=lambda other: (other.priority, -other.number))
            self._waiting.remove(first)
            first.verdict = "go"
            self._running += 1
            changed.append(first)
        return changed

    def give_up(self, ticket: Ticket) -> None:
        """Whoever waited no longer does. One that may go already must `leave` instead."""
        if ticket.verdict == "wait":
            self._waiting.remove(ticket)
            ticket.verdict = "expired"

    def _late(self, now: float) -> list[Ticket]:
        late = [ticket for ticket in self._waiting if ticket.expires <= now]
        for ticket in late:
            self._waiting.remove(ticket)
            ticket.verdict = "expired"
        return late
