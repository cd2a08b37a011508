"""What the platform itself knows of a customer: of whoever calls or writes with one number. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: The subflow that proves who calls, and the node that says so; see docs/shipped-flows.md.
IDENTITY, VERIFIED = "identity", "verified"


@dataclass(frozen=True, slots=True)
class Customer:
    """``customer_id`` is always the same for the same number, and does not tell it. ``number``, ``name``: of the last
    contact, in clear. ``media``: medium -> contacts. ``verified_at``, ``verified_call``: when the identity was proven
    last, and in which call. ``agents``: who had the contacts. Times in seconds since the epoch."""

    customer_id: str
    number: str | None = field(repr=False)
    name: str = field(default="", repr=False)
    media: Mapping[str, int] = field(default_factory=dict)
    first_at: float | None = None
    last_at: float | None = None
    verified_at: float | None = None
    verified_call: str | None = None
    callbacks_open: int = 0
    agents: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CustomerContact:
    """A contact of before; ``agents``: who had it, in no order. ``cursor``: for the next page."""

    call_id: str
    medium: str
    called: str
    started_at: float
    ended_at: float | None
    flow: str
    outcome: str
    terminal_cause: str | None
    goals: tuple[str, ...]
    verified: bool
    agents: tuple[str, ...]
    cursor: str
