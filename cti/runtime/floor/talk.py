"""A caller who may be talked to, and a talk with one agent, from the offer to its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event as Flag

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.commands import AudioPart
    from cti.core.legs import Phone
    from cti.ports import LegControl
    from cti.runtime.messages import RecordTalk


class Stage(Enum):
    RINGING = "ringing"  # the agent's phone
    TELLING = "telling"  # the agent hears who it is
    JOINING = "joining"
    TALKING = "talking"
    HOLDING = "holding"  # asked for, not there yet
    HELD = "held"
    CONFERENCE = "conference"
    PARTING = "parting"  # no longer bridged; who of the two has gone?
    OVER = "over"


#: The two have been connected.
CONNECTED = (Stage.TALKING, Stage.HOLDING, Stage.HELD, Stage.CONFERENCE, Stage.PARTING)


#: An outcome: the agent who dials thought better of it.
CANCELLED = "cancelled"


def _nobody(told: RecordTalk) -> None:
    """There is no customer whose side could be recorded."""
    if told.done is not None:
        told.done(False)


@dataclass(slots=True, eq=False)
class Party:
    """A caller who may be talked to, or an agent's leg that consults. ``joined`` and ``left`` note the agent's leg in
    the call's record; ``talked`` is called when the talk is over and the caller is still there; ``dismissed`` when the
    queue gives the contact back (an exit), or a phone outside was not to be had (an outcome). ``dial``: the other side
    is still to be called, once the agent is there; whoever does bridges the two. ``record``: what of the talk is to be
    recorded is told there."""

    contact: str
    uuid: str
    legs: LegControl
    whisper: tuple[AudioPart, ...]
    joined: Callable[[str, str], None]
    left: Callable[[str, str], None]
    talked: Callable[[], None]
    dismissed: Callable[[str], None]
    dial: Callable[[Talk], None] | None = None
    record: Callable[[RecordTalk], None] = _nobody


@dataclass(slots=True, eq=False)
class Talk:
    """``agent`` and ``offer`` are empty for a phone outside, of which the distribution knows nothing; ``offer`` alone
    for a call that the agent has placed; it is less than none where an earlier engine made it. ``consult``: the talk of
    this agent's leg with somebody else; ``of``: the talk whose agent consults here. ``changed`` is set at each change
    of ``stage``."""

    party: Party
    agent: str
    offer: int
    leg: str
    phone: Phone
    queue: str = ""  # by whose policy it is recorded; empty: none's
    stage: Stage = Stage.RINGING
    worker: gevent.Greenlet[..., Any] | None = None
    noted: bool = False
    consult: Talk | None = None
    of: Talk | None = None
    heir: Talk | None = None  # who is about to have the other side, in the place of this agent
    room: str = ""
    permanent: bool = False  # the agent's permanent leg is used, which outlasts the talk
    alerted: bool = False  # the alert of an offer is heard in it
    muted: bool = False
    at_it: bool = False  # the agent asked for it, so the phone is to answer by itself, where it can
    leaving: bool = False  # the agent has hung up, and the switch is about to part the two
    joining: Party | None = None  # whom it is to be joined with next, in the place of the one who consulted
    changed: Flag = field(default_factory=Flag)
    moved: Callable[[Talk], None] | None = None  # told of each change

    @property
    def placed(self) -> bool:
        return bool(self.agent) and not self.offer

    @property
    def record_id(self) -> str:
        """Of the leg in the call's record: a permanent leg may be in more than one talk of a call."""
        return f"{self.leg}~{abs(self.offer)}" if self.permanent else self.leg

    def go(self, stage: Stage) -> None:
        self.stage = stage
        self.touch()

    def touch(self) -> None:
        """Something is different that commands go by."""
        self.changed.set()
        if self.moved is not None:
            self.moved(self)
