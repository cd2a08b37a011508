"""Who serves and who waits, as configured: agents' profiles, queues, and what is asked for a contact.

Times are seconds. Instants are one rising clock of the caller's choice (the same for every call of `Distribution`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Skills = Mapping[str, int]


class Slot(StrEnum):
    """What an agent has hands for. Calls of every kind share one, because there is one phone."""

    CALL = "call"
    CHAT = "chat"
    SMS = "sms"
    FAX = "fax"


#: Medium of a contact -> the slot that it takes.
SLOTS: Mapping[str, Slot] = {
    "voice": Slot.CALL,
    "video": Slot.CALL,
    "callback": Slot.CALL,
    "outbound": Slot.CALL,  # placed by an agent
    "chat": Slot.CHAT,
    "sms": Slot.SMS,
    "fax": Slot.FAX,
}
ONE_CALL: Mapping[Slot, int] = {Slot.CALL: 1}


class Select(StrEnum):
    """Which of several free agents who may serve a contact gets it."""

    LONGEST_IDLE = "longest_idle"
    BEST_SKILL = "best_skill"  # highest sum of the levels that are asked for; of equals the longest idle


@dataclass(frozen=True, slots=True)
class Profile:
    """What an agent can do. ``capacity``: how many contacts at once, by slot. ``beside_call``: slots that stay open
    while the agent has a call, and that do not keep a call away. ``wrapup_s`` holds where a queue has none."""

    agent: str
    skills: Skills = field(default_factory=dict)
    capacity: Mapping[Slot, int] = field(default_factory=lambda: ONE_CALL)
    beside_call: frozenset[Slot] = frozenset()
    wrapup_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Overflow:
    """Send a contact on to queue ``to`` when one of the conditions that are given holds.

    ``after_s``: it has waited so long here. On arrival: ``length`` contacts wait already; ``wait_s``: the expected
    wait is longer; ``no_agents``: nobody who could ever serve it is signed in. A contact never returns to a queue that
    it has left this way.
    """

    to: str
    after_s: float | None = None
    length: int | None = None
    wait_s: float | None = None
    no_agents: bool = False


@dataclass(frozen=True, slots=True)
class QueueConfig:
    """A line.

    ``skills`` every contact of the queue asks for, beside its own; ``priority`` is added to the contact's; ``limit``:
    how many wait (None: any number); ``ring_s``: how long an offer is open; ``wrapup_s``: after-contact work;
    ``wait_unstaffed``: wait although nobody who could serve is signed in; otherwise who waits already is given back
    ``unstaffed_s`` after the last such agent has gone. ``after_work_ready``: whether the agent is READY again after
    the work timer, unless the agent chose; ``service_level_s``: the N of the service level.
    """

    name: str
    skills: Skills = field(default_factory=dict)
    priority: int = 0
    limit: int | None = None
    ring_s: float = 20.0
    wrapup_s: float = 0.0
    select: Select = Select.LONGEST_IDLE
    overflow: tuple[Overflow, ...] = ()
    wait_unstaffed: bool = False
    unstaffed_s: float = 60.0
    after_work_ready: bool = True
    service_level_s: int = 20


@dataclass(frozen=True, slots=True)
class Relax:
    """From ``after_s`` in the queue on, ``skills`` are asked in the place of the contact's own."""

    after_s: float
    skills: Skills


@dataclass(frozen=True, slots=True)
class Wish:
    """What a contact asks of its queue.

    ``prefer``: an agent who alone is offered it for ``prefer_s`` (None: for ever, a contact for that agent in
    person), unless that agent is not signed in. ``rank_at``: since when it waits in the eyes of those who are
    served in turn; None: since now. A contact that comes from elsewhere (overflow, transfer, callback) keeps its
    own. ``counted`` False: its entry stands in the counts already (a callback that is tried again). ``patient``: it
    waits although nobody who could serve it is signed in (a document that nobody holds the line for). ``returns``:
    it had come to an engine that ended, with which the agents lost their places, too: it waits ``unstaffed_s`` for
    one of them. ``parked_s``: for so long nobody is offered it, and who likes picks it up; then ``prefer`` is
    offered it first. ``queue`` empty: of no queue, and for ``prefer`` in person.
    """

    contact: str
    queue: str
    medium: str = "voice"
    skills: Skills = field(default_factory=dict)
    relax: tuple[Relax, ...] = ()
    priority: int = 0
    prefer: str | None = None
    prefer_s: float | None = 0.0
    max_wait_s: float | None = None
    rank_at: float | None = None
    counted: bool = True
    patient: bool = False
    returns: bool = False
    parked_s: float | None = None
    since: float | None = None  # it waits in this queue since then: its stay goes on after the end of another engine
