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
from cti.core.legs import Phone

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from cti.acd.outputs import Output
    from cti.core.people import AgentProfile
    from cti.runtime.floor.lines import Lines
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.seats import Seats

log = logging.getLogger("cti.acd")

FORMAT = 1
#: Changes of so long are kept together.
GATHER_S = 0.05


class SeatsKept:
    """A listener of `FloorOwner`. ``keep`` writes what `restore` of the next engine is given."""

    def __init__(self, owner: FloorOwner, seats: Seats, lines: Lines) -> None:
        self._owner, self._seats, self._lines = owner, seats, lines
        self.keep: Callable[[bytes], None] = lambda _body: None
        self._some = False  # somebody is on disk
        self._saving: gevent.Greenlet[[], None] | None = None
        self._waiting: dict[str, Presence] = {}  # READY again when the talk that was going on is over
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
            }
            for agent, seat in self._seats.all().items()
            if (desk := self._owner.acd.floor.desks.get(agent)) is not None and desk.signed_in
        ]
        if rows or self._some:
            self._some = bool(rows)
            self.keep(orjson.dumps({"format": FORMAT, "seats": rows}))

    def forget(self) -> None:
        """An orderly end: everybody signs in again."""
        if self._saving is not None:
            self._saving.kill(block=False)
        if self._some:
            self.keep(orjson.dumps({"format": FORMAT, "seats": []}))

    def restore(self, body: bytes, find: Callable[[str], AgentProfile | None], talking: Collection[str]) -> int:
        """How many sit again. ``talking``: agents whose talks went on, who get no contact before `over`."""
        found = 0
        try:
            told = orjson.loads(body)
            rows = told["seats"] if told["format"] == FORMAT else []
        except (ValueError, TypeError, KeyError):
            rows = []
        for row in rows:
            try:
                found += self._sit(row, find(row["agent"]), row["agent"] in talking)
            except (CtiError, KeyError, TypeError, ValueError) as error:
                log.warning("agent %s has to sign in again: %s", row.get("agent"), error)
        return found

    def talks_on(self, agent: str) -> None:
        """In a talk that is none of the distribution's: no contact before `over`."""
        desk = self._owner.acd.floor.desks.get(agent)
        if desk is not None and desk.presence is Presence.READY:
            self._waiting[agent] = Presence.READY
            self._owner.tell(SetNotReady(agent, SystemReason.FAILOVER))

    def over(self, agent: str) -> None:
        """The talk that went on without us has ended."""
        if self._waiting.pop(agent, None) is None:
            return
        desk = self._owner.acd.floor.desks.get(agent)
        if desk is not None and desk.presence is Presence.NOT_READY and desk.reason == SystemReason.FAILOVER:
            self._ready(agent)

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _sit(self, row: dict[str, Any], profile: AgentProfile | None, talks: bool) -> bool:
        if profile is None or row["phone"] is None:
            return False
        agent, presence = profile.agent_id, Presence(row["presence"])
        self._seats.sign_in(profile, Phone(*row["phone"]), row["via"])
        if presence is Presence.NOT_READY:
            self._owner.tell(SetNotReady(agent, row["reason"]))
        elif talks:
            self._waiting[agent] = presence
            self._owner.tell(SetNotReady(agent, SystemReason.FAILOVER))
        else:
            self._ready(agent)
        return True

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
