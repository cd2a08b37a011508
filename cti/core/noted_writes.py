"""A write of the back office as it is noted: before it is sent, and when it is known how it went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

#: sent: on its way, or the engine died before it heard. dead: unknown for good, for a person to decide.
State = Literal["sent", "done", "rejected", "unknown", "dead"]


@dataclass(frozen=True, slots=True)
class Noted:
    """One write. ``since``: wall clock, when it was first asked for. ``backend``: who got it last."""

    key: str
    name: str
    inputs: Mapping[str, Any]
    since: float
    state: State = "sent"
    values: Mapping[str, Any] = field(default_factory=dict)
    backend: str | None = None
