"""A caller's stay in queues, as it is kept for another engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Stay:
    """``contact``: as what the distribution knew the caller. ``queue``: the one it stands in now. ``since``: when it
    came into the first of them; ``rank_at``: the same in the eyes of those who are served in turn. ``agent``: with whom
    it talks; empty: it waits.

    Instants are of this process's monotonic clock [s] (in the distribution of its own, see `on`), so that those who
    come back keep their order however long each takes to be read; what is kept and sent are seconds (`state`)."""

    contact: str
    queue: str
    since: float
    rank_at: float
    priority: int
    agent: str = ""
    parked_until: float | None = None  # it stands beside the line until then (may be over: it is due) …
    parked_by: str = ""  # … when this agent is asked to take it back
    number: int = 0  # who came first, of those who came in the same instant
    prefer: str = ""  # only this agent is offered it until ``prefer_s`` after ``since``
    prefer_s: float = 0.0

    @property
    def place(self) -> tuple[float, int]:
        """Whose is less is served first, of the same priority."""
        return self.rank_at, self.number

    def on(self, ahead_s: float) -> Stay:
        """By a clock that is so far ahead of this one's."""
        until = None if self.parked_until is None else self.parked_until + ahead_s
        return replace(self, since=self.since + ahead_s, rank_at=self.rank_at + ahead_s, parked_until=until)

    def state(self, now: float) -> dict[str, Any]:
        """JSON can hold it: ``waited_s``, ``ranked_s``, and ``parked_s`` that are left."""
        return {
            "contact": self.contact,
            "queue": self.queue,
            "waited_s": now - self.since,
            "ranked_s": now - self.rank_at,
            "priority": self.priority,
            "agent": self.agent,
            "parked_s": None if self.parked_until is None else self.parked_until - now,
            "parked_by": self.parked_by,
            "number": self.number,
            "prefer": self.prefer,
            "prefer_s": self.prefer_s,
        }

    @classmethod
    def of(cls, state: Mapping[str, Any], at: float) -> Stay:
        """``at``: when it was so. Raises KeyError."""
        parked_s = state.get("parked_s")
        return cls(
            contact=state["contact"],
            queue=state["queue"],
            since=at - state["waited_s"],
            rank_at=at - state["ranked_s"],
            priority=state["priority"],
            agent=state["agent"],
            parked_until=None if parked_s is None else at + parked_s,
            parked_by=state.get("parked_by", ""),
            number=state.get("number", 0),
            prefer=state.get("prefer", ""),
            prefer_s=state.get("prefer_s", 0.0),
        )
