"""A caller's stay in queues, as it is kept for another engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Stay:
    """``contact``: as what the distribution knew the caller. ``queue``: the one it stands in now. ``waited_s``: since
    it came into the first of them; ``ranked_s``: in the eyes of those who are served in turn.
    ``agent``: with whom it talks; empty: it waits."""

    contact: str
    queue: str
    waited_s: float
    ranked_s: float
    priority: int
    agent: str = ""
    parked_s: float | None = None  # it stands beside the line for so long yet (less than none: it is due) …
    parked_by: str = ""  # … until this agent is asked to take it back

    def state(self) -> dict[str, Any]:
        """JSON can hold it."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def of(cls, state: Mapping[str, Any], later_s: float) -> Stay:
        """So much later. Raises KeyError."""
        longer = {name: state[name] + later_s for name in ("waited_s", "ranked_s")}
        parked_s = state.get("parked_s")
        return cls(
            contact=state["contact"],
            queue=state["queue"],
            priority=state["priority"],
            agent=state["agent"],
            parked_s=None if parked_s is None else parked_s - later_s,
            parked_by=state.get("parked_by", ""),
            **longer,
        )
