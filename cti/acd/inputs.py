"""What the distribution is told: facts about agents and contacts, and wishes of people. All frozen."""

from __future__ import annotations

from dataclasses import dataclass

from cti.acd.model import Profile, QueueConfig, Wish
from cti.acd.states import ContactState, Outcome

# ---- configuration ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SetQueue:
    """A queue is there, or has changed. Contacts that wait keep what they were promised (limits, overflow times).
    What has no name is what holds for contacts of no queue."""

    queue: QueueConfig


@dataclass(frozen=True, slots=True)
class OpenQueue:
    """``opened`` False: it takes nobody any more (opening hours, a supervisor); who waits is still served."""

    queue: str
    opened: bool = True


# ---- agents ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SignIn:
    """LOGOUT -> NOT_READY (reason ``sign_in``)."""

    profile: Profile


@dataclass(frozen=True, slots=True)
class SetProfile:
    """Skills, capacity have changed; from now on they count, contacts at the agent stay."""

    profile: Profile


@dataclass(frozen=True, slots=True)
class SignOut:
    """Refused (agent-has-contacts) while the agent has one, unless forced: then offers are rescinded, and talks go on
    as of somebody who left; their end closes them without work."""

    agent: str
    forced: bool = False


@dataclass(frozen=True, slots=True)
class SetReady:
    agent: str


@dataclass(frozen=True, slots=True)
class SetNotReady:
    """``reason``: break, study, meeting, … as the operator lists them."""

    agent: str
    reason: str


@dataclass(frozen=True, slots=True)
class ChooseNext:
    """Presence to be taken at the end of the work that goes on or comes next; ``ready`` None: none is chosen."""

    agent: str
    ready: bool | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AgentDown:
    """``reason``: connection_down, phone_down, failover. Offers to the agent go back, talks stay untouched."""

    agent: str
    reason: str


# ---- contacts --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Enter:
    wish: Wish


@dataclass(frozen=True, slots=True)
class Adopt:
    """An earlier owner of the distribution had this contact at an agent (signed in or not): it goes on as it is.
    ``state``: TALKING, HOLD or WORK, since ``since_s``; ``talk_s`` and ``hold_s`` before that; ``work_s``: what is left
    of the work (may be less than none). ``began_s``: since the first queue. ``waited_s``: its entry has no ending yet,
    and gets it, answered; None: it has."""

    wish: Wish
    profile: Profile
    state: ContactState
    since_s: float = 0.0
    began_s: float = 0.0
    talk_s: float = 0.0
    hold_s: float = 0.0
    work_s: float = 0.0
    waited_s: float | None = None


@dataclass(frozen=True, slots=True)
class PlaceCall:
    """An agent, READY or not, calls somebody: a contact at the agent that never stood in a queue. `Connect` when the
    two talk; `Leave` when they do not."""

    contact: str
    agent: str


@dataclass(frozen=True, slots=True)
class TakeOver:
    """An agent, READY or not, takes the place of the one who talks with contact ``of``: another contact of the same
    queue and medium, which is no entry there. `Connect` when it is so; `Leave` when it does not come about."""

    contact: str
    agent: str
    of: str


@dataclass(frozen=True, slots=True)
class PickUp:
    """An agent, READY or not, takes a contact that waits, is parked, or rings at somebody else."""

    contact: str
    agent: str


@dataclass(frozen=True, slots=True)
class Leave:
    """The contact goes: ``outcome`` abandoned (it hung up), flow_out (a key), lost (the switch). After it was
    connected this is the end of the talk."""

    contact: str
    outcome: Outcome = Outcome.ABANDONED


@dataclass(frozen=True, slots=True)
class Suspend:
    """The contact keeps its place but takes no offer: the caller is deciding about a callback. `CallBack` or `Leave`
    ends that."""

    contact: str


@dataclass(frozen=True, slots=True)
class CallBack:
    """The waiting contact will be called back: its entry ends as ``callback``, and ``wish`` takes its exact place
    (rank) in the queue as a contact of medium callback, which is not offered to the counts again."""

    contact: str
    wish: Wish


@dataclass(frozen=True, slots=True)
class Accept:
    """The agent's phone was answered, or the agent's client took the contact."""

    offer: int


@dataclass(frozen=True, slots=True)
class Reject:
    offer: int


@dataclass(frozen=True, slots=True)
class OfferFailed:
    """The offer could not be brought to the agent. ``reason``: no_answer (as a time-out), or phone_down (busy by a
    talk that we do not know, not registered, unreachable)."""

    offer: int
    reason: str


@dataclass(frozen=True, slots=True)
class Connect:
    """Agent and customer are joined."""

    contact: str


@dataclass(frozen=True, slots=True)
class Hold:
    contact: str


@dataclass(frozen=True, slots=True)
class Retrieve:
    contact: str


@dataclass(frozen=True, slots=True)
class TalkOver:
    contact: str


@dataclass(frozen=True, slots=True)
class ExtendWork:
    """So many seconds from now on."""

    contact: str
    seconds: float


@dataclass(frozen=True, slots=True)
class FinishWork:
    contact: str


@dataclass(frozen=True, slots=True)
class Move:
    """A supervisor puts a waiting contact into another queue; it keeps its rank."""

    contact: str
    queue: str


@dataclass(frozen=True, slots=True)
class Reprioritise:
    contact: str
    priority: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has come to what is due."""


Input = (
    SetQueue
    | OpenQueue
    | SignIn
    | SetProfile
    | SignOut
    | SetReady
    | SetNotReady
    | ChooseNext
    | AgentDown
    | Enter
    | Adopt
    | PlaceCall
    | TakeOver
    | PickUp
    | Leave
    | Suspend
    | CallBack
    | Accept
    | Reject
    | OfferFailed
    | Connect
    | Hold
    | Retrieve
    | TalkOver
    | ExtendWork
    | FinishWork
    | Move
    | Reprioritise
    | Tick
)
