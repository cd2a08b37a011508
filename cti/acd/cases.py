"""A contact in the distribution's hands, from its first queue to its end at an agent; and a queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.acd.estimate import Pace
from cti.acd.model import SLOTS
from cti.acd.needs import Line
from cti.acd.states import ContactState, OfferState

if TYPE_CHECKING:
    from cti.acd.desk import Desk
    from cti.acd.model import Overflow, QueueConfig, Skills, Wish
    from cti.acd.needs import Need


class Offer:
    __slots__ = ("case", "desk", "expires_at", "made_at", "number", "state")

    def __init__(self, number: int, case: Case, desk: Desk, now: float, expires_at: float) -> None:
        self.number = number
        self.case = case
        self.desk = desk
        self.made_at = now
        self.expires_at = expires_at
        self.state = OfferState.PENDING

    @property
    def pending(self) -> bool:
        return self.state is OfferState.PENDING


class Queue:
    """``line``: everybody who is not connected yet, offered ones included, but for those that are ``parked``."""

    __slots__ = ("config", "line", "opened", "pace", "parked")

    def __init__(self, config: QueueConfig) -> None:
        self.config = config
        self.opened = True
        self.line = Line()
        self.parked = Line()
        self.pace = Pace()


class Case:
    """``rank`` and ``number`` are its key among those who wait; ``ranked_at``: since when it waits in their eyes.
    ``serial`` is its own, while ``number`` may be that of the contact whose place it took. ``entry``: its place in the
    present queue.

    ``need`` is set while it stands where all who may serve it look. ``waits_for``: who alone is offered it at present.
    ``overdue``: what is to happen when an offer fails, because its time came meanwhile. ``desk`` has it, from the
    offer on; ``offer`` is the one that led there.
    """

    __slots__ = (
        "began_at",
        "contact",
        "counted",
        "desk",
        "entered_at",
        "entry",
        "first_told",
        "hold_s",
        "in_line",
        "need",
        "number",
        "offer",
        "overdue",
        "parked",
        "priority",
        "queue",
        "rank",
        "ranked_at",
        "serial",
        "since",
        "slot",
        "state",
        "step",
        "suspended",
        "talk_s",
        "told",
        "unstaffed_until",
        "visited",
        "waits_for",
        "wish",
        "work_until",
    )

    def __init__(self, wish: Wish, number: int, now: float) -> None:
        self.wish = wish
        self.contact = wish.contact
        self.serial = self.number = number
        self.slot = SLOTS[wish.medium]
        self.priority = wish.priority
        self.rank = 0.0
        self.ranked_at = now if wish.rank_at is None else wish.rank_at
        self.began_at = now if wish.since is None else wish.since  # in the first queue
        self.entered_at = now  # in the present one
        self.entry = 0
        self.counted = True
        self.in_line = False
        self.suspended = False
        self.parked = False
        self.queue: Queue
        self.visited: set[str] = set()
        self.state = ContactState.QUEUED
        self.since = now
        self.step = 0
        self.need: Need | None = None
        self.waits_for: Desk | None = None
        self.offer: Offer | None = None
        self.desk: Desk | None = None
        self.overdue: Overflow | str | None = None
        self.talk_s = self.hold_s = 0.0
        self.work_until: float | None = None
        self.unstaffed_until: float | None = None  # given back then, unless somebody who may serve it came
        self.first_told: tuple[float, float] | None = None  # at, wait
        self.told: tuple[float, float, int, int] | None = None  # at, wait, position, active: as told last

    @property
    def line(self) -> Line:
        """In which it stands, if ``in_line``."""
        return self.queue.parked if self.parked else self.queue.line

    def asked(self, step: int | None = None) -> Skills:
        """The skills asked after ``step`` relaxations (now), with those of the queue."""
        step = self.step if step is None else step
        own = self.wish.relax[step - 1].skills if step else self.wish.skills
        base = self.queue.config.skills
        return {**own, **{name: max(level, own.get(name, 0)) for name, level in base.items()}} if base else own

    def tell(self, at: float, wait_s: float, position: int, active: int) -> None:
        if self.first_told is None:
            self.first_told = (at, wait_s)
        self.told = (at, wait_s, position, active)
