"""Legs to agents' phones that stay open from sign-in to sign-out: contacts are joined with the leg, and nothing rings.

    closed -> opening (it rings) -> open -> down (it died, or was not answered) -> opening (time, registration, READY)

The leg is on one switch. A contact on another one, or a second one beside a talk, rings the phone as any other.
"""

from __future__ import annotations

import logging
import uuid as uuids
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import gevent

from cti.acd.inputs import AgentDown
from cti.acd.outputs import PresenceChanged
from cti.acd.states import Cell, Presence, SystemReason, Table
from cti.core import legs as l
from cti.core.errors import CtiError
from cti.runtime.floor.owner import FloorRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from cti.acd.outputs import Output
    from cti.ports import LegControl
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.phones import Phones

log = logging.getLogger("cti.acd")

RING_S = 30.0
#: From one loss, or one ringing in vain, to the next ringing. After the last of them only READY, or the phone's
#: registration, has it rung again; so it is at once for a phone whose owner rejected the call. While no switch is there
#: it is tried on and on.
REOPEN_S = (1.0, 5.0, 15.0, 30.0, 60.0)
#: A leg that stood so long is no part of a row of losses.
STEADY_S = 60.0


class LegState(StrEnum):
    CLOSED = "closed"
    OPENING = "opening"
    OPEN = "open"
    DOWN = "down"


_ROWS: Mapping[str, Mapping[str, str]] = {
    "closed": {
        "open": "opening", "answered": "closed", "failed": "closed", "lost": "closed", "close": "closed",
        "ready": "!agent-not-signed-in",
    },
    "opening": {
        "open": "opening", "answered": "open", "failed": "down", "lost": "down", "close": "closed",
        "ready": "!phone-not-open",
    },
    "open": {
        "open": "open", "answered": "open", "failed": "down", "lost": "down", "close": "closed", "ready": "open",
    },
    "down": {
        "open": "opening", "answered": "down", "failed": "down", "lost": "down", "close": "closed",
        "ready": "!phone-not-open",
    },
}  # fmt: skip
#: A permanent leg × what happens. ``open``: sign-in, or another attempt; ``close``: sign-out, another phone, the end of
#: the engine; ``ready``: the agent wants contacts (in ``down`` the phone is rung again besides).
PERMANENT: Table = {
    (state, happening): Cell(error=answer[1:]) if answer.startswith("!") else Cell(to=answer)
    for state, answers in _ROWS.items()
    for happening, answer in answers.items()
}


@dataclass(slots=True, eq=False)
class PermanentLeg:
    """``reason``: why it is down: an outcome of `cti.core.legs`, ``hung_up``, or ``lost`` (the switch). ``used``: by a
    talk. ``since``: seconds since the epoch, of the state."""

    agent: str
    phone: l.Phone
    since: float
    state: LegState = LegState.CLOSED
    reason: str = ""
    leg: str = ""
    legs: LegControl | None = None
    used: bool = False
    tries: int = 0
    timer: gevent.Greenlet[..., None] | None = None


class PermanentLegs:
    """``idle``: playback arguments that a leg hears between contacts; none: it is parked, and nothing is sent."""

    def __init__(self, owner: FloorOwner, phones: Phones, idle: Sequence[str] = ()) -> None:
        self._owner, self._phones, self._idle = owner, phones, idle
        self._by_agent: dict[str, PermanentLeg] = {}
        self._by_leg: dict[str, PermanentLeg] = {}  # those of a talk that goes on after the sign-out, too
        #: Told of every change of a leg's state.
        self.told: Callable[[PermanentLeg], None] = lambda _held: None
        owner.listeners.append(self._heard)

    def find(self, agent: str) -> PermanentLeg | None:
        return self._by_agent.get(agent)

    # ---- coming and going ------------------------------------------------------------------------------------------

    def open(self, agent: str, phone: l.Phone) -> None:
        """From now on the agent is reached at this phone. A leg to another one is hung up, after the talk that it is
        in; the same phone keeps its leg."""
        held = self._by_agent.get(agent)
        if held is not None and held.phone == phone:
            return
        self.close(agent)
        if phone.permanent:
            held = self._by_agent[agent] = PermanentLeg(agent, phone, self._owner.now())
            self._down(held)
            self._ring(held)

    def adopt(self, agent: str, phone: l.Phone, leg: str, legs: LegControl, *, used: bool) -> None:
        """An earlier engine had this leg to the agent; whether it stands is yet to be told (`LegFound`, or its end)."""
        self.close(agent)
        held = self._by_agent[agent] = PermanentLeg(agent, phone, self._owner.now(), leg=leg, legs=legs, used=used)
        self._go(held, "open")
        self._by_leg[leg] = held
        legs.keep(leg, phone)

    def part(self, lost: Collection[LegControl]) -> dict[str, str]:
        """Whoever drives these legs is gone: agent by leg, of those that stand, as far as is known. Who has them next
        is told by `moved`."""
        return {
            leg: held.agent for leg, held in self._by_leg.items() if held.legs in lost and held.state is LegState.OPEN
        }

    def moved(self, find: Callable[[LegControl], LegControl | None]) -> set[str]:
        """``find``: who drives these legs now, if that is another one. The legs that are."""
        moved = set()
        for leg, held in list(self._by_leg.items()):
            legs = None if held.legs is None else find(held.legs)
            if legs is not None and legs is not held.legs:
                held.legs = legs
                legs.keep(leg, held.phone)
                moved.add(leg)
        return moved

    def move(self, leg: str, legs: LegControl) -> None:
        """One that is in a talk, which asks for it."""
        held = self._by_leg.get(leg)
        if held is not None:
            held.legs = legs

    def close(self, agent: str) -> None:
        held = self._by_agent.pop(agent, None)
        if held is not None:
            self._untime(held)
            if held.leg and not held.used:
                self._hang_up(held)
            self._go(held, "close")

    def stop(self) -> None:
        """Those that wait are hung up; a talk goes on."""
        for agent in list(self._by_agent):
            self.close(agent)

    def leave(self) -> None:
        """The next engine has them."""
        for held in self._by_agent.values():
            self._untime(held)

    def require_open(self, agent: str) -> None:
        """The agent wants contacts. Raises FloorRefused (phone-not-open); a leg that is down is rung again."""
        held = self._by_agent.get(agent)
        if held is None or not (cell := PERMANENT[held.state, "ready"]).error:
            return
        state, reason = held.state, held.reason
        if state is LegState.DOWN:
            held.tries = 0
            self._ring(held)
        raise FloorRefused(
            f"the permanent leg to the phone is {state}" + (f" ({reason})" if reason else ""),
            code=cell.error,
            remedy="take up the phone, which rings",
        )

    # ---- contacts ----------------------------------------------------------------------------------------------------

    def take(self, agent: str, phone: l.Phone, legs: LegControl) -> tuple[l.Phone, str]:
        """For a contact: the phone, and the leg that is to be used; empty: it is to be rung. Raises FloorRefused
        (phone-not-open)."""
        held = self._by_agent.get(agent)
        if held is None:
            return phone, ""
        if held.state is not LegState.OPEN:
            raise FloorRefused(f"the permanent leg of agent '{agent}' is {held.state}", code="phone-not-open")
        if held.used or held.legs is not legs:
            return replace(phone, remote_answer="none"), ""
        held.used = True
        return held.phone, held.leg

    def give_back(self, leg: str) -> None:
        """The talk has no more to do with it."""
        held = self._by_leg.get(leg)
        if held is None:
            return  # it died in the talk
        held.used = False
        if self._by_agent.get(held.agent) is held:
            self._wait(held)
        else:
            self._hang_up(held)

    # ---- what the switch tells ---------------------------------------------------------------------------------------

    def leg_event(self, event: l.LegEvent) -> None:
        match event:
            case l.LegFound(leg, "ringing") if leg in self._by_leg:
                pass
            case l.LegFound(leg) if leg in self._by_leg and self._by_leg[leg].used:
                self._go(self._by_leg[leg], "answered")  # its talk goes on
            case l.LegFound(leg) | l.LegAnswered(leg) if leg in self._by_leg:
                held = self._by_leg[leg]
                self._go(held, "answered")
                self._wait(held)
            case l.LegFailed(leg, outcome) if leg in self._by_leg:
                self._gone(self._by_leg.pop(leg), "failed", outcome)
            case l.LegHungUp(leg, cause) if leg in self._by_leg:
                self._gone(self._by_leg.pop(leg), "lost", "hung_up" if cause else "lost")
            case l.PhoneRegistered(user):
                for held in list(self._by_agent.values()):
                    if held.state is LegState.DOWN and held.phone.address == f"user/{user}":
                        self._ring(held)

    def _gone(self, held: PermanentLeg, happening: str, reason: str) -> None:
        if self._by_agent.get(held.agent) is not held:
            return  # nobody waits for it
        if held.state is LegState.OPEN and self._owner.now() - held.since >= STEADY_S:
            held.tries = 0
        held.leg, held.legs, held.used = "", None, False
        log.info("the permanent leg of agent %s is down: %s", held.agent, reason)
        self._go(held, happening, reason)
        self._down(held)
        if reason != "rejected" and (held.tries < len(REOPEN_S) or reason == "lost"):
            held.timer = gevent.spawn_later(REOPEN_S[min(held.tries, len(REOPEN_S) - 1)], self._ring, held)
            held.tries += 1

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _ring(self, held: PermanentLeg) -> None:
        """Not here and now: switches may have to be asked."""
        self._untime(held)
        self._go(held, "open")
        held.timer = gevent.spawn(self._rung, held)

    def _rung(self, held: PermanentLeg) -> None:
        try:
            found = self._phones.place(held.phone)
        except CtiError as error:
            log.info("agent %s: %s", held.agent, error)
            found = None
        if self._by_agent.get(held.agent) is not held:
            return  # signed out meanwhile
        held.timer = None
        if found is None:
            self._gone(held, "failed", "lost")
            return
        held.leg, held.legs = str(uuids.uuid4()), found[1]
        self._by_leg[held.leg] = held
        try:
            held.legs.ring(held.leg, held.phone, ring_s=RING_S, call="", caller_number="", headers={})
        except CtiError as error:
            log.error("the permanent leg of agent %s cannot be opened: %s", held.agent, error)
            self._gone(self._by_leg.pop(held.leg), "failed", "failed")

    def _wait(self, held: PermanentLeg) -> None:
        assert held.legs is not None
        held.legs.park(held.leg, self._idle)

    def _hang_up(self, held: PermanentLeg) -> None:
        """Whether it still rings or stands."""
        self._by_leg.pop(held.leg, None)
        assert held.legs is not None
        held.legs.hang_up(held.leg)

    def _down(self, held: PermanentLeg) -> None:
        """No contact can be brought to the agent."""
        desk = self._owner.acd.floor.desks.get(held.agent)
        if desk is not None and desk.ready:
            self._owner.tell(AgentDown(held.agent, SystemReason.PHONE_DOWN))

    def _go(self, held: PermanentLeg, happening: str, reason: str = "") -> None:
        state = LegState(PERMANENT[held.state, happening].to)
        if (state, reason) != (held.state, held.reason):
            held.state, held.reason, held.since = state, reason, self._owner.now()
            self.told(held)

    def _untime(self, held: PermanentLeg) -> None:
        timer, held.timer = held.timer, None
        if timer is not None and timer is not gevent.getcurrent():
            timer.kill(block=False)

    def _heard(self, fact: Output) -> None:
        """READY of the end of work, which nobody asked `require_open` for."""
        if isinstance(fact, PresenceChanged) and fact.presence is Presence.READY:
            held = self._by_agent.get(fact.agent)
            if held is not None and held.state is not LegState.OPEN:
                self._down(held)
