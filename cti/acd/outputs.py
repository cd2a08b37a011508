"""What the distribution says: facts, in the order in which they became true. The runtime acts on them, the counts add
them up, clients see them as events. All carry ``at``, the instant.

Facts: nobody changes them. They are not frozen, because making a frozen one takes three times as long, and a decision
makes a dozen: 16,500 decisions a second frozen, 22,400 so (`scripts/bench acd`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cti.acd.model import Skills
from cti.acd.states import ContactState, OfferState, Outcome, Presence


@dataclass(slots=True)
class Refused:
    """What was asked is not possible in this state; nothing has changed. ``error`` is a stable id."""

    at: float
    error: str
    message: str


@dataclass(slots=True)
class PresenceChanged:
    at: float
    agent: str
    presence: Presence
    reason: str
    before: Presence
    lasted_s: float


@dataclass(slots=True)
class EntryBegan:
    """A contact stands in a queue: it is offered, in the words of KPIS. ``entry`` counts up over all queues.
    ``counted`` False: a callback that keeps the place of an entry already counted."""

    at: float
    entry: int
    contact: str
    queue: str
    medium: str
    counted: bool = True


@dataclass(slots=True)
class EntryEnded:
    """``reason`` says more: connected, hangup, key, timeout, full, no_agents, closed, overflow, moved, …"""

    at: float
    entry: int
    contact: str
    queue: str
    medium: str
    began_at: float
    outcome: Outcome
    reason: str
    wait_s: float
    agent: str = ""
    counted: bool = True
    told_wait_s: float | None = None  # the first expected wait that was told …
    told_after_s: float = 0.0  # … so long after the entry began


@dataclass(slots=True)
class Dismissed:
    """The queue gives the contact back to its flow. ``exit``: timeout, full, no_agents."""

    at: float
    contact: str
    exit: str


@dataclass(slots=True)
class Relaxed:
    at: float
    contact: str
    skills: Skills


@dataclass(slots=True)
class PriorityChanged:
    """Of a contact in a queue, by a person: it stands elsewhere in the line, or not, and keeps its entry."""

    at: float
    contact: str
    priority: int


@dataclass(slots=True)
class Why:
    """Why this agent, for this contact, now."""

    # agent_free: the agent took the first of all who wait; contact_came: the contact took the best free; picked_up: the
    # agent took it by hand
    cause: str
    select: str  # preferred, longest_idle, best_skill, picked
    skills: Skills  # what was asked at this time
    relaxed: int  # steps of relaxation taken
    waited_s: float
    idle_s: float
    priority: int
    rank: float

    def __str__(self) -> str:
        asked = ", ".join(f"{name} ≥ {level}" for name, level in sorted(self.skills.items())) or "no skill"
        after = f" after {self.relaxed} relaxation(s)" if self.relaxed else ""
        chosen = {
            "picked": "picked up by the agent",
            "preferred": "the preferred agent of this contact",
            "longest_idle": f"the longest idle ({self.idle_s:.0f} s) of those who may serve it",
            "best_skill": "the best skilled of those who may serve it",
        }[self.select]
        turn = (
            "first by rank of all contacts that this agent may serve"
            if self.cause == "agent_free"
            else f"{chosen} when it came"
        )
        if self.select in ("preferred", "picked"):
            turn = chosen
        return f"{turn}; asked: {asked}{after}; waited {self.waited_s:.0f} s, priority {self.priority}"


@dataclass(slots=True)
class OfferMade:
    """``expires_at``: after it the offer is timed out."""

    at: float
    offer: int
    contact: str
    agent: str
    queue: str
    medium: str
    expires_at: float
    why: Why


@dataclass(slots=True)
class OfferEnded:
    """Exactly one for each offer. ``reason``: of rejected and timed_out the agent's system reason, of rescinded why."""

    at: float
    offer: int
    contact: str
    agent: str
    queue: str
    medium: str
    ending: OfferState
    reason: str
    lasted_s: float


@dataclass(slots=True)
class ContactMoved:
    """A contact at an agent went from one state to another; ``lasted_s``: how long it was in the former."""

    at: float
    contact: str
    agent: str
    queue: str
    medium: str
    state: ContactState
    before: ContactState
    lasted_s: float
    until: float | None = None  # of WORK: when the timer ends it


@dataclass(slots=True)
class Handled:
    """A connected contact is closed at its agent; seconds in each state."""

    at: float
    contact: str
    agent: str
    queue: str
    medium: str
    talk_s: float
    hold_s: float
    work_s: float
    ended_by: str = field(default="agent")  # agent, timer, sign_out


@dataclass(slots=True)
class TimeSpent:
    """How an agent signed in spent the ``seconds`` up to ``at``; every second is in exactly one ``bucket``: handling (a
    contact in TALKING, HOLD or WORK), reserved (offered or being called only), ready, not_ready."""

    at: float
    agent: str
    bucket: str
    seconds: float


Output = (
    Refused
    | PresenceChanged
    | EntryBegan
    | EntryEnded
    | Dismissed
    | Relaxed
    | PriorityChanged
    | OfferMade
    | OfferEnded
    | ContactMoved
    | Handled
    | TimeSpent
)
