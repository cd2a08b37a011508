"""Who sits where: agents signed in to work, from which session, and whether their client is still there."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import gevent

from cti.acd.inputs import AgentDown, ChooseNext, SetProfile
from cti.acd.model import Profile, Slot
from cti.acd.states import Presence, SystemReason
from cti.core.access import ResourceScope
from cti.core.errors import CtiError
from cti.core.legs import Phone
from cti.core.people import RemoteAnswer
from cti.runtime.floor.hunting import PERSON
from cti.runtime.floor.owner import FloorRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.people import AgentProfile
    from cti.ports import Clock
    from cti.runtime.floor.hub import Hub
    from cti.runtime.floor.lines import Lines

log = logging.getLogger("cti.acd")

#: A client without a stream and without a heartbeat for so long is gone.
GONE_S = 30.0
_LOOK_S = 1.0


@dataclass(slots=True)
class Seat:
    """``streams``: open ones of the agent's session; ``seen_at``: last heartbeat, or end of the last stream
    (monotonic). ``lost``: the agent was made NOT_READY for it already."""

    profile: AgentProfile
    via: str
    seen_at: float
    streams: int = 0
    lost: bool = False


def working_profile(profile: AgentProfile) -> Profile:
    """What distribution goes by."""
    return Profile(
        profile.agent_id,
        {**profile.skills, **PERSON},
        {Slot(slot): most for slot, most in profile.capacity.items()},
        frozenset(Slot(slot) for slot in profile.beside_call),
        profile.wrapup_s,
    )


def phone_of(text: str, remote_answer: RemoteAnswer) -> Phone:
    """``1001``, ``+8613800138000``, or an address such as ``sip/anna@10.0.0.5``. Raises CtiError (bad-phone)."""
    kind = "number" if text.startswith("+") else "user"
    return Phone(text if "/" in text else f"{kind}/{text}", remote_answer.value)


class Seats:
    def __init__(self, lines: Lines, hub: Hub, clock: Clock) -> None:
        self._lines, self._owner, self._hub, self._clock = lines, lines.owner, hub, clock
        self._seats: dict[str, Seat] = {}
        self._agent_of: dict[str, str] = {}  # user -> agent
        self._scopes: dict[tuple[str, str], ResourceScope] = {}  # agent, queue -> made of the profile
        self._watch: gevent.Greenlet[[], None] | None = None
        #: Told when an agent sits elsewhere.
        self.changed: Callable[[], None] = lambda: None

    def all(self) -> dict[str, Seat]:
        """Of everybody who has been signed in since the start, by agent."""
        return dict(self._seats)

    def start(self) -> None:
        self._watch = gevent.spawn(self._run)

    def stop(self) -> None:
        if self._watch is not None:
            self._watch.kill(block=False)

    def profile(self, agent: str) -> AgentProfile | None:
        """Of somebody who has been signed in since the start."""
        seat = self._seats.get(agent)
        return None if seat is None else seat.profile

    def agent_of(self, user: str) -> str:
        """Empty: the user has not been signed in to work since the start."""
        return self._agent_of.get(user, "")

    def team(self, agent: str) -> str:
        """Empty: nobody has signed in as this agent, or it is a phone of a hunt group."""
        profile = self.profile(agent)
        return "" if profile is None else profile.team

    def scope(self, agent: str, queue: str = "") -> ResourceScope:
        """Whom something at this agent, of this queue, belongs to. Asked for with every event, so it is made once."""
        found = self._scopes.get((agent, queue))
        if found is None:
            profile, queues = self.profile(agent), frozenset([queue] if queue else ())
            if profile is None:
                return ResourceScope(queues=queues)
            found = ResourceScope(profile.user_id, frozenset([profile.team]), queues)
            self._scopes[agent, queue] = found
        return found

    def signed_in(self, agent: str) -> bool:
        desk = self._owner.acd.floor.desks.get(agent)
        return desk is not None and desk.presence is not Presence.LOGOUT

    # ---- coming and going ------------------------------------------------------------------------------------------

    def sign_in(self, profile: AgentProfile, phone: Phone, via: str) -> None:
        """A second session of the same user takes the seat over, contacts and all; the first is told.

        Raises FloorRefused (already-signed-in), CtiError (phone-taken)."""
        agent, seat = profile.agent_id, self._seats.get(profile.agent_id)
        for line in self._lines.all():
            if line.agent != agent and line.phone is not None and line.phone.address == phone.address:
                raise CtiError(f"agent {line.agent} sits at this phone", code="phone-taken")
        if seat is not None and self.signed_in(agent):
            if seat.via == via:
                raise FloorRefused(f"agent '{agent}' is signed in", code="already-signed-in")
            replaced, seat.via, seat.streams, seat.lost = seat.via, via, 0, False
            seat.seen_at = self._clock.monotonic()
            self._lines.move(agent, phone)
            self._hub.end_session(replaced, "session_replaced")
            self.changed()
            return
        self._scopes.clear()
        self._seats[agent] = Seat(profile, via, self._clock.monotonic(), self._hub.streams_of(via))
        self._agent_of[profile.user_id] = agent
        self._lines.sign_in(working_profile(profile), phone, profile.name)

    def require(self, agent: str, via: str) -> Seat:
        """The seat, if this session has it. Raises FloorRefused: not-signed-in, session-replaced."""
        seat = self._seats.get(agent)
        if seat is None or not self.signed_in(agent):
            raise FloorRefused(f"agent '{agent}' is not signed in", code="agent-not-signed-in")
        if seat.via != via:
            raise FloorRefused("the same user signed in to work from another session", code="session-replaced")
        return seat

    def sign_out(self, agent: str, *, forced: bool = False) -> None:
        """Raises FloorRefused (agent-has-contacts)."""
        self._lines.sign_out(agent, forced=forced)

    def choose_next(self, agent: str, ready: bool | None, reason: str) -> None:
        """Raises FloorRefused (no-contact)."""
        self._owner.ask(ChooseNext(agent, ready, reason))

    def renew(self, profile: AgentProfile) -> None:
        """The profile was changed: from now on it counts."""
        seat = self._seats.get(profile.agent_id)
        if seat is not None:
            seat.profile = profile
            self._scopes.clear()
            self._owner.tell(SetProfile(working_profile(profile)))

    # ---- whether the client is there -------------------------------------------------------------------------------

    def beat(self, agent: str, via: str) -> float:
        """Until when the client counts as there, seconds since the epoch, if nothing else is heard."""
        seat = self.require(agent, via)
        self._seen(seat)
        return self._owner.now() + GONE_S

    def stream_opened(self, user: str, via: str) -> None:
        seat = self._seats.get(self._agent_of.get(user, ""))
        if seat is not None and seat.via == via:
            seat.streams += 1
            self._seen(seat)

    def stream_closed(self, user: str, via: str) -> None:
        seat = self._seats.get(self._agent_of.get(user, ""))
        if seat is not None and seat.via == via:
            seat.streams = max(0, seat.streams - 1)
            self._seen(seat)

    def look(self) -> None:
        """Agents whose client is gone take no more contacts; their talks stay as they are."""
        now = self._clock.monotonic()
        for agent, seat in list(self._seats.items()):
            if seat.streams or seat.lost or now - seat.seen_at <= GONE_S:
                continue
            seat.lost = True
            if self._owner.acd.floor.desks[agent].ready:
                log.warning("agent %s is not ready: no stream and no heartbeat for %g s", agent, GONE_S)
                self._owner.tell(AgentDown(agent, SystemReason.CONNECTION_DOWN))

    def _seen(self, seat: Seat) -> None:
        seat.seen_at, seat.lost = self._clock.monotonic(), False

    def _run(self) -> None:
        while True:
            gevent.sleep(_LOOK_S)
            self.look()
