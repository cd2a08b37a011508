"""What is kept of the floor: queue entries, offers, contacts handled, and how agents spent their time.

All times are wall-clock seconds since the epoch. Every fact has an id that no other start of an engine gives again, so
that a record written twice is one row and is counted once. ``worker`` names the engine (node and slot), ``run`` this
start of it: what a run left open, the next one of the same worker closes (`RunBegan`). ``call_id``: the conversation
that the contact belongs to; several contacts are of one call when it was passed on by an agent.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryOpened:
    """A contact stands in a queue. ``counted`` False: it keeps the place of an entry that is counted already."""

    entry_id: str
    worker: str
    run: str
    contact: str
    call_id: str
    queue: str
    medium: str
    began_at: float
    counted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryClosed(EntryOpened):
    """The one ending of an entry; it tells the beginning again, so that no entry ends without one.

    ``told_wait_s``: the first expected wait that was told, ``told_after_s`` after the entry began."""

    ended_at: float
    outcome: str  # answered, abandoned, flow_out, callback, lost
    reason: str
    wait_s: float
    agent: str = ""
    told_wait_s: float | None = None
    told_after_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferOpened:
    """``why``: the reason for this agent, in words."""

    offer_id: str
    worker: str
    run: str
    contact: str
    call_id: str
    agent: str
    queue: str
    medium: str
    made_at: float
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferClosed(OfferOpened):
    """``ending``: accepted, rejected, timed_out, rescinded."""

    ended_at: float
    ending: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactHandled:
    """A connected contact was closed at its agent. ``ended_by``: agent, timer, sign_out. ``disposition``: the agent's;
    None: none was given."""

    fact_id: str
    contact: str
    call_id: str
    agent: str
    queue: str
    medium: str
    ended_at: float
    talk_s: float
    hold_s: float
    work_s: float
    ended_by: str
    disposition: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PresencePeriod:
    """An agent is READY or NOT_READY; recorded when it begins and again, completed, when it ends."""

    fact_id: str
    worker: str
    run: str
    agent: str
    presence: str
    reason: str
    began_at: float
    ended_at: float | None = None
    call_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentTime:
    """How an agent spent the ``seconds`` up to ``ended_at``: handling, reserved, ready or not_ready."""

    fact_id: str
    agent: str
    bucket: str
    ended_at: float
    seconds: float
    call_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunBegan:
    """The first record of a run: whatever earlier runs of this worker left open has ended without a word. ``kept``:
    entries that go on in this run (of documents that wait by themselves)."""

    worker: str
    run: str
    at: float
    kept: tuple[str, ...] = ()
    call_id: str = ""


FloorRecord = (
    EntryOpened | EntryClosed | OfferOpened | OfferClosed | ContactHandled | PresencePeriod | AgentTime | RunBegan
)
FLOOR_RECORDS: tuple[type[Any], ...] = (
    EntryOpened,
    EntryClosed,
    OfferOpened,
    OfferClosed,
    ContactHandled,
    PresencePeriod,
    AgentTime,
    RunBegan,
)


def parts_of(record: Any, kind: type[Any]) -> dict[str, Any]:
    """The fields of ``record`` that ``kind`` has as well, by name."""
    return {field.name: getattr(record, field.name) for field in fields(kind)}
