"""Who sits where and what they chose, kept for the next engine: agents need not sign in again because it began."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import gevent
import orjson

from cti.acd.inputs import SetNotReady
from cti.acd.outputs import PresenceChanged
from cti.acd.states import Presence, SystemReason
from cti.core.errors import CtiError
from cti.core.legs import LegFailed, LegFound, LegHungUp, Phone

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from cti.acd.outputs import Output
    from cti.core.legs import LegEvent
    from cti.core.people import AgentProfile
    from cti.ports import LegControl
    from cti.runtime.floor.lines import Lines
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.seats import Seats

log = logging.getLogger("cti.acd")

FORMAT = 1
#: Changes of so long are kept together.
GATHER_S = 0.05
#: What holds an agent back: a talk that goes on on the switch alone.
TALK = "talk"


class SeatsKept:
    """A listener of `FloorOwner`. ``keep`` writes what `restore` of the next engine is given."""

    def __init__(self, owner: FloorOwner, seats: Seats, lines: Lines) -> None:
        self._owner, self._seats, self._lines = owner, seats, lines
        self.keep: Callable[[bytes], None] = lambda _body: None
        #: Of a switch by name; None: it is no longer ours.
        self.find_legs: Callable[[str], LegControl | None] = lambda _switch: None
        self._some = False  # somebody is on disk
        self._saving: gevent.Greenlet[[], None] | None = None
        self._waiting: dict[str, Presence] = {}  # READY again when nothing holds them back any more …
        self._why: dict[str, set[str]] = {}  # … agent -> what does: the talk that was going on, legs
        owner.listeners.append(self._heard)
        seats.changed = self.changed

    def changed(self) -> None:
        if self._saving is None or self._saving.dead:
            self._saving = gevent.spawn_later(GATHER_S, self.save)

    def save(self) -> None:
        rows = [
            {
                "agent": agent,
                "via": seat.via,
                "phone": None if (phone := self._phone(agent)) is None else [phone.address, phone.remote_answer],
                "presence": str(self._waiting.get(agent, desk.presence)),
                "reason": "" if agent in self._waiting else desk.reason,
                "leg": self._leg(agent),
            }
            for agent, seat in self._seats.all().items()
            if (desk := self._owner.acd.floor.desks.get(agent)) is not None and desk.signed_in
        ]
        if rows or self._some:
            self._some = bool(rows)
            self.keep(orjson.dumps({"format": FORMAT, "seats": rows}))

    def leave(self) -> None:
        """The next engine has them."""
        if self._saving is not None:
            self._saving.kill(block=False)
        self.save()

    def forget(self) -> None:
        """An orderly end: everybody signs in again."""
        if self._saving is not None:
            self._saving.kill(block=False)
        if self._some:
            self.keep(orjson.dumps({"format": FORMAT, "seats": []}))

    def restore(
        self,
        body: bytes,
        find: Callable[[str], AgentProfile | None],
        talking: Collection[str],
        in_use: Collection[str] = (),
    ) -> int:
        """How many sit again. ``talking``: agents whose talks went on, who get no contact before `over`. ``in_use``:
        permanent legs that are in a talk which is gone on with."""
        found = 0
        try:
            told = orjson.loads(body)
            rows = told["seats"] if told["format"] == FORMAT else []
        except (ValueError, TypeError, KeyError):
            rows = []
        for row in rows:
            try:
                found += self._sit(row, find(row["agent"]), row["agent"] in talking, in_use)
            except (CtiError, KeyError, TypeError, ValueError) as error:
                log.warning("agent %s has to sign in again: %s", row.get("agent"), error)
        return found

    def hold(self, agent: str, why: str) -> None:
        """No contact before `over`, of the same ``why``."""
        self._why.setdefault(agent, set()).add(why)
        self.talks_on(agent)

    def hold_open(self, agent: str, leg: str) -> None:
        """No contact before it is known whether the permanent leg stands."""
        self.hold(agent, _open(leg))

    def leg_event(self, event: LegEvent) -> None:
        """Permanent legs that are found, or gone."""
        if isinstance(event, LegFound | LegHungUp | LegFailed):
            for agent in [agent for agent, why in self._why.items() if _open(event.leg) in why]:
                self.over(agent, _open(event.leg))

    def talks_on(self, agent: str) -> None:
        """In a talk that is none of the distribution's: no contact before `over`."""
        desk = self._owner.acd.floor.desks.get(agent)
        if desk is not None and desk.presence is Presence.READY:
            self._waiting[agent] = Presence.READY
            self._owner.tell(SetNotReady(agent, SystemReason.FAILOVER))

    def over(self, agent: str, why: str = TALK) -> None:
        """The talk that went on without us has ended; or what else held the agent back."""
        left = self._why.get(agent, set())
        left.discard(why)
        if left:
            return
        self._why.pop(agent, None)
        if self._waiting.pop(agent, None) is None:
            return
        desk = self._owner.acd.floor.desks.get(agent)
        if desk is not None and desk.presence is Presence.NOT_READY and desk.reason == SystemReason.FAILOVER:
            self._ready(agent)

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _sit(self, row: dict[str, Any], profile: AgentProfile | None, talks: bool, in_use: Collection[str]) -> bool:
        if profile is None or row["phone"] is None:
            return False
        agent, presence, phone = profile.agent_id, Presence(row["presence"]), Phone(*row["phone"])
        leg, switch = row.get("leg") or ("", "")
        legs = self.find_legs(switch) if leg and phone.permanent else None
        if legs is not None:
            self._lines.permanent.adopt(agent, phone, leg, legs, used=leg in in_use)
        self._seats.sign_in(profile, phone, row["via"])
        why = {TALK} if talks else set()
        if legs is not None:
            why.add(_open(leg))
        if why:
            self._why[agent] = why
        if presence is Presence.NOT_READY:
            self._owner.tell(SetNotReady(agent, row["reason"]))
        elif why:
            self._waiting[agent] = presence
            self._owner.tell(SetNotReady(agent, SystemReason.FAILOVER))
        else:
            self._ready(agent)
        return True

    def _leg(self, agent: str) -> list[str] | None:
        """The permanent one, and its switch."""
        held = self._lines.permanent.find(agent)
        if held is None or not held.leg or held.legs is None:
            return None
        return [held.leg, str(getattr(held.legs, "name", "") or getattr(held.legs, "switch", ""))]

    def _ready(self, agent: str) -> None:
        try:
            self._lines.set_ready(agent)
        except CtiError as error:
            log.warning("agent %s is not ready after the restart: %s", agent, error)

    def _phone(self, agent: str) -> Phone | None:
        line = self._lines.find(agent)
        return None if line is None else line.phone

    def _heard(self, fact: Output) -> None:
        if isinstance(fact, PresenceChanged):
            if fact.presence is not Presence.NOT_READY or fact.reason != SystemReason.FAILOVER:
                self._waiting.pop(fact.agent, None)
            self.changed()


def _open(leg: str) -> str:
    """What holds an agent back: it is not known whether the permanent leg stands."""
    return f"open {leg}"
