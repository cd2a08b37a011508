"""What is kept of a call that is up, so that another engine can go on with it."""

from __future__ import annotations

from dataclasses import dataclass

from cti.core.floor_records import EntryOpened

#: Under this name, and the worker's, stands who sits where: no call has such a one.
FLOOR = "floor:"


def floor_id(owner: str) -> str:
    return f"{FLOOR}{owner}"


#: Before the name of what is kept of a contact at an agent: no call has such an id.
TALK = "talk:"


def talk_id(contact: str) -> str:
    return f"{TALK}{contact}"


@dataclass(frozen=True, slots=True)
class RunSnapshot:
    """Where a call stands, as its engine wrote it last. ``owner``: the worker (node and slot) whose call it is;
    ``epoch``: that of its ownership, which rises with each engine that begins for this worker; ``number`` rises with
    each snapshot of the call. ``saved_at``: wall clock. ``body``: what `cti.runtime.saved` makes and reads; has the
    caller's values in clear; empty: nothing is kept any more."""

    call_id: str
    switch: str
    owner: str
    epoch: int
    number: int
    saved_at: float
    body: bytes


@dataclass(frozen=True, slots=True)
class Ownership:
    """``epoch`` of the engine that begins now; ``last_seen``: when the one before it gave its last sign of life (wall
    clock; None: there was none)."""

    epoch: int
    last_seen: float | None = None


@dataclass(frozen=True, slots=True)
class Sign:
    """Of life, of the engine of a worker. ``seen_at`` (its wall clock) is compared with itself alone: it goes on while
    that engine lives."""

    epoch: int
    seen_at: float


@dataclass(frozen=True, slots=True)
class CallsLeft:
    """Of a worker without an engine, taken up by another. ``floor``: who sat where; empty: nobody."""

    snapshots: tuple[RunSnapshot, ...] = ()
    stays: tuple[EntryOpened, ...] = ()
    floor: bytes = b""


@dataclass(frozen=True, slots=True)
class SlotSeen:
    """A worker slot, as a switch tells of it: which engine had it last (empty: none), and whether somebody lives
    there."""

    holder: str
    lives: bool
