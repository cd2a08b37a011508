"""The state that the parts of the distribution share, and the few steps that all of them take."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from cti.acd.cases import Case, Offer, Queue
from cti.acd.desk import Desk
from cti.acd.model import QueueConfig
from cti.acd.needs import Line, Needs
from cti.acd.outputs import ContactMoved, Output, PresenceChanged, Refused, TimeSpent
from cti.acd.states import CONTACT, PRESENCE, ContactState, Presence

if TYPE_CHECKING:
    from cti.acd.due import Due
    from cti.acd.model import Profile


HANDLING = (ContactState.TALKING, ContactState.HOLD, ContactState.WORK)
_STATES = {str(state): state for state in ContactState}


class Floor:
    """``ageing_s``: how many seconds of waiting one step of priority is worth (the K of the rank)."""

    def __init__(self, ageing_s: float) -> None:
        self.ageing_s = ageing_s
        self.now = 0.0
        self.desks: dict[str, Desk] = {}
        self.cases: dict[str, Case] = {}
        self.queues: dict[str, Queue] = {}
        self.direct = Queue(QueueConfig(""))  # contacts of no queue: called by agents, or for one in person
        self.offers: dict[int, Offer] = {}
        self.needs = Needs()
        self.out: list[Output] = []
        self._agenda: list[tuple[float, int, Due]] = []
        self._serial = 0

    # ---- numbers and time ------------------------------------------------------------------------------------------

    def number(self) -> int:
        self._serial += 1
        return self._serial

    def at(self, due: float, what: Due) -> None:
        """``what`` comes back from `take_due` when its time has come; whether it still matters is seen then."""
        heappush(self._agenda, (due, self.number(), what))

    @property
    def next_due(self) -> float | None:
        return self._agenda[0][0] if self._agenda else None

    def take_due(self, now: float) -> Due | None:
        """The next that is due by ``now``, with the clock at its own instant; the clock never goes back."""
        if not self._agenda or self._agenda[0][0] > now:
            self.now = max(self.now, now)
            return None
        due, _, what = heappop(self._agenda)
        self.now = max(self.now, due)
        return what

    # ---- facts -----------------------------------------------------------------------------------------------------

    def refuse(self, error: str, message: str) -> None:
        self.out.append(Refused(self.now, error, message))

    def desk_of(self, profile: Profile) -> Desk:
        desk = self.desks.get(profile.agent)
        if desk is None:
            desk = self.desks[profile.agent] = Desk(profile, self.number(), self.now, Line())
        return desk

    def find_queue(self, name: str) -> Queue | None:
        return self.queues.get(name) if name else self.direct

    def find_desk(self, agent: str) -> Desk | None:
        """None, and a refusal, when nobody of this id was ever signed in."""
        desk = self.desks.get(agent)
        if desk is None:
            self.refuse("unknown-agent", f"agent '{agent}' has never signed in")
        return desk

    def find_case(self, contact: str) -> Case | None:
        case = self.cases.get(contact)
        if case is None:
            self.refuse("unknown-contact", f"contact '{contact}' is not here, or no longer")
        return case

    def set_presence(self, desk: Desk, command: str, reason: str) -> bool:
        """By the table; False, and a refusal, where it says so."""
        cell = PRESENCE[desk.presence, command]
        if cell.error:
            self.refuse(cell.error, f"agent '{desk.agent}' is {desk.presence}")
            return False
        before, after = desk.presence, Presence(cell.to)
        if before is after and command == "expire":
            return True  # it is what the agent chose, for the agent's own reason
        if (before, desk.reason) == (after, reason):
            return True
        active = (after is Presence.READY) - (before is Presence.READY)
        if active:
            for need in desk.all_needs():
                need.active += active
        desk.presence, desk.reason = after, reason
        if active > 0:
            desk.idle_since = self.now
        desk.changed()
        self.out.append(PresenceChanged(self.now, desk.agent, after, reason, before, self.now - desk.since))
        desk.since = self.now
        self.account(desk)
        return True

    def account(self, desk: Desk) -> None:
        """The agent may spend the time otherwise from now on."""
        bucket = desk.spends()
        if bucket == desk.bucket:
            return
        if desk.bucket and self.now > desk.bucket_since:
            self.out.append(TimeSpent(self.now, desk.agent, desk.bucket, self.now - desk.bucket_since))
        desk.bucket, desk.bucket_since = bucket, self.now

    def move(self, case: Case, happening: str) -> bool:
        """The contact's state by the table; False, and a refusal, where it says so."""
        cell = CONTACT[case.state, happening]
        if cell.error:
            self.refuse(cell.error, f"contact '{case.contact}' is {case.state}")
            return False
        self.go(case, _STATES[cell.to])
        return True

    def go(self, case: Case, state: ContactState) -> None:
        before, lasted = case.state, self.now - case.since
        if before is state:
            return
        if before is ContactState.TALKING:
            case.talk_s += lasted
        elif before is ContactState.HOLD:
            case.hold_s += lasted
        case.state, case.since = state, self.now
        if case.desk is not None:
            case.desk.handling += (state in HANDLING) - (before in HANDLING)
            agent, until = case.desk.agent, case.work_until if state is ContactState.WORK else None
            queue, medium = case.queue.config.name, case.wish.medium
            self.out.append(ContactMoved(self.now, case.contact, agent, queue, medium, state, before, lasted, until))
            self.account(case.desk)
