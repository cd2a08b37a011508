"""Supervisors on other people's talks: listen, whisper, barge, take over.

begin -> the supervisor's phone rings -> answered -> monitor (or: in the agent's place) -> ... -> ended

It ends with its engine: the one that follows hangs the supervisor's leg up (as every leg that nobody wants), and tells.
"""

from __future__ import annotations

import logging
import uuid as uuids
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cti.acd import inputs as i
from cti.core import legs as l
from cti.core.errors import CtiError
from cti.runtime.floor.owner import FloorRefused
from cti.runtime.floor.talk import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cti.runtime.floor.assists import Assists
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.publisher import Publisher
    from cti.runtime.floor.talk import Talk
    from cti.runtime.floor.talks import Talks

log = logging.getLogger("cti.acd")

TAKE_OVER = "take_over"
#: Why what an earlier engine had begun has ended.
ENGINE_REPLACED = "engine_replaced"
MODES = (*l.MONITOR_MODES, TAKE_OVER)
#: How long the supervisor's own phone may ring.
RING_S = 30.0
_LISTENABLE = (Stage.TALKING, Stage.HELD, Stage.CONFERENCE)


@dataclass(slots=True)
class Watch:
    """``agent``: the supervisor as one, empty for who is none. ``leg``: the supervisor's; ``answered``: the switch was
    told what it is to do; ``on``: it hears the talk."""

    user: str
    agent: str
    talk: Talk
    leg: str
    phone: l.Phone
    mode: str
    answered: bool = False
    on: bool = False


class Supervision:
    """One watch for each supervisor and contact; asking again changes its mode."""

    def __init__(self, owner: FloorOwner, talks: Talks, publisher: Publisher, assists: Assists) -> None:
        self._owner, self._talks, self._publisher, self._assists = owner, talks, publisher, assists
        self._by_leg: dict[str, Watch] = {}
        #: Told of a contact to which others listen now.
        self.changed: Callable[[str], None] = lambda _contact: None
        talks.leg_listeners.append(self._heard)

    def kept(self, contact: str) -> list[tuple[str, str]]:
        """For an engine that follows: (user, mode) of who listens."""
        return [(watch.user, watch.mode) for watch in self._by_leg.values() if watch.talk.party.contact == contact]

    def left(self, contact: str, agent: str, kept: Iterable[Sequence[str]]) -> None:
        """An earlier engine had this; it is over."""
        for user, mode in kept:
            self._publish(contact, agent, user, mode, "ended", ENGINE_REPLACED)

    def part(self, talk: Talk) -> None:
        """The engine that drove the legs is no more, and whoever follows it does not know the supervisor's."""
        for watch in [watch for watch in self._by_leg.values() if watch.talk is talk]:
            self._forget(watch, ENGINE_REPLACED)

    def find(self, user: str, contact: str) -> Watch | None:
        return next((w for w in self._by_leg.values() if (w.user, w.talk.party.contact) == (user, contact)), None)

    def begin(self, user: str, agent: str, contact: str, mode: str, phone: l.Phone) -> Watch:
        """``agent``: whose contact it is after ``take_over``; empty: nobody's. Raises FloorRefused (not-talking),
        CtiError: destination-denied, bad-mode."""
        if mode not in MODES:
            raise CtiError(f"{mode[:40]!r} is no mode", code="bad-mode", remedy=f"one of {', '.join(MODES)}")
        talk = self._talks.find(contact)
        if talk is None or talk.stage not in _LISTENABLE or (mode == TAKE_OVER and talk.consult is not None):
            raise FloorRefused(f"contact '{contact[:64]}' is in no talk that can be joined so", code="not-talking")
        watch = self.find(user, contact)
        if watch is not None:
            watch.mode = mode
            if watch.answered:
                self._apply(watch)
            if watch.on and watch.leg in self._by_leg:  # not one who has taken over
                self._tell(watch, "on")
            return watch
        watch = Watch(user, agent, talk, str(uuids.uuid4()), phone, mode)
        talk.party.legs.ring(watch.leg, phone, ring_s=RING_S, call="", caller_number="", headers={})
        self._by_leg[watch.leg] = watch
        self._tell(watch, "ringing")
        return watch

    def end(self, user: str, contact: str) -> None:
        """Raises FloorRefused (not-monitored)."""
        watch = self.find(user, contact)
        if watch is None:
            raise FloorRefused("you do not listen to this contact", code="not-monitored")
        self._over(watch, "supervisor")

    def moved(self, talk: Talk) -> None:
        """A permanent leg goes on after the talk: nobody may go on to hear it."""
        if talk.stage is Stage.OVER:
            for watch in [watch for watch in self._by_leg.values() if watch.talk is talk]:
                self._over(watch, "talk_over")

    # ---- what the switch tells --------------------------------------------------------------------------------------

    def _heard(self, event: l.LegEvent) -> None:
        match event:
            case l.LegAnswered(leg) if leg in self._by_leg:
                self._by_leg[leg].answered = True
                self._apply(self._by_leg[leg])
            case l.MonitorStarted(leg) if leg in self._by_leg:
                watch = self._by_leg[leg]
                watch.on = True
                self._assists.came(watch.talk.party.contact, watch.user)
                self._tell(watch, "on")
            case l.MonitorEnded(leg) if leg in self._by_leg:
                watch = self._by_leg[leg]  # the end of a talk is told before, by `moved`
                self._over(watch, "supervisor" if watch.talk.stage in _LISTENABLE else "talk_over")
            case l.LegFailed(leg, outcome) if leg in self._by_leg:
                self._forget(self._by_leg[leg], outcome)
            case l.LegHungUp(leg, _) if leg in self._by_leg:
                self._forget(self._by_leg[leg], "supervisor")

    def _apply(self, watch: Watch) -> None:
        if watch.talk.stage not in _LISTENABLE:
            self._over(watch, "talk_over")
        elif watch.mode != TAKE_OVER:
            watch.talk.party.legs.monitor(watch.leg, watch.talk.leg, watch.mode)
        else:
            self._assists.came(watch.talk.party.contact, watch.user)
            agent, contact = self._hand(watch)
            self._forget(watch, TAKE_OVER, contact)  # from here on the leg is a talk's
            self._talks.take_over(watch.talk, watch.leg, watch.phone, agent, contact)

    def _hand(self, watch: Watch) -> tuple[str, str]:
        """The agent who has the talk from now on, and as which contact; empty: who took it over is no agent at work,
        or has no hand free for another call."""
        if not watch.agent:
            return "", ""
        contact = self._owner.next_contact(watch.talk.party.contact)
        try:
            self._owner.ask(i.TakeOver(contact, watch.agent, watch.talk.party.contact))
        except FloorRefused as refused:
            log.info("%s takes over as nobody: %s", watch.agent, refused)
            return "", ""
        return watch.agent, contact

    def _over(self, watch: Watch, reason: str) -> None:
        self._forget(watch, reason)
        watch.talk.party.legs.hang_up(watch.leg)
        watch.talk.party.legs.stop(watch.leg)

    def _forget(self, watch: Watch, reason: str, taken_as: str = "") -> None:
        del self._by_leg[watch.leg]
        self._tell(watch, "ended", reason, taken_as)

    def _tell(self, watch: Watch, state: str, reason: str = "", taken_as: str = "") -> None:
        contact = watch.talk.party.contact
        self._publish(contact, watch.talk.agent, watch.user, watch.mode, state, reason, taken_as)
        self.changed(contact)

    def _publish(
        self, contact: str, agent: str, user: str, mode: str, state: str, reason: str, taken_as: str = ""
    ) -> None:
        self._publisher.about(contact, "contact.monitored", {
            "agent": agent, "supervisor": user, "mode": mode, "state": state, "reason": reason,
            "taken_as": taken_as or None,
        })  # fmt: skip
