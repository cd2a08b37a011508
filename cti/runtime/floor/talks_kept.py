"""Contacts at agents, written down at each change, so that whoever has the floor next goes on with them.

One body for each contact that an agent has, next to who sits where (`cti.runtime.floor.seats_kept`). Nobody waits for
it: the store writes it with the next group. Text contacts are kept by themselves (`cti.runtime.floor.texts`).

What lasts is written as so many seconds before the instant at which it was written; instants compare as
`cti.runtime.durable.body.Instant` does.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

import gevent
import orjson

from cti.acd import outputs as o
from cti.acd.model import SLOTS, Slot

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.acd.cases import Case
    from cti.runtime.durable.body import Instant
    from cti.runtime.floor.callers import Callers
    from cti.runtime.floor.handling import Handling
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.talk import Talk
    from cti.runtime.floor.talks import Talks
    from cti.runtime.floor.wrapups import WrapUps

FORMAT = 1
#: Changes of so long are kept together.
GATHER_S = 0.05


class FloorMemory(Protocol):
    """Where the floor is kept, by whoever owns it, and for whoever does next. `cti.runtime.durable.DurableCalls`."""

    def instant(self) -> Instant: ...

    def keep_floor(self, body: bytes) -> None:
        """Who sits where; in the place of the one before."""

    def keep_talk(self, contact: str, body: bytes) -> None:
        """A contact at an agent; in the place of the one before. Empty: it is at none any more. What is handled
        (`ContactHandled`) is forgotten with the record of it, so that it cannot be handled twice."""


class TalksKept:
    """A listener of `FloorOwner`; `moved` and `written` are to be told of talks and write-ups."""

    def __init__(self, owner: FloorOwner, talks: Talks, callers: Callers, wrapups: WrapUps) -> None:
        self._owner, self._talks, self._callers, self._wrapups = owner, talks, callers, wrapups
        self.memory: FloorMemory | None = None
        #: Whether it is not known yet what became of what an earlier engine left: that stays as it was kept.
        self.unsettled: Callable[[str], bool] = lambda _contact: False
        #: What else is to be kept of a contact: requests for help, who listens.
        self.beside: Callable[[str], dict[str, Any]] = lambda _contact: {}
        self._changed: set[str] = set()
        self._kept: set[str] = set()
        self._saving: gevent.Greenlet[[], None] | None = None
        owner.listeners.append(self._heard)

    def moved(self, talk: Talk) -> None:
        if talk.agent:
            self.change(talk.party.contact)

    def written(self, handling: Handling) -> None:
        self.change(handling.contact)

    def restored(self, contact: str) -> None:
        """It is on disk by an earlier engine's doing."""
        self._kept.add(contact)

    def forget(self, contact: str) -> None:
        if self.memory is not None and contact in self._kept:
            self.memory.keep_talk(contact, b"")
        self._kept.discard(contact)

    def forget_all(self) -> None:
        """An orderly end: whoever comes next begins anew."""
        self.stop()
        for contact in list(self._kept):
            self.forget(contact)

    def save(self) -> None:
        """All that has changed, now."""
        self.stop()
        if self.memory is None:
            return
        changed, self._changed = self._changed, set()
        for contact in changed:
            if self.unsettled(contact):
                continue
            case = self._owner.acd.floor.cases.get(contact)
            if case is not None and case.desk is not None and SLOTS[case.wish.medium] is Slot.CALL:
                self._kept.add(contact)
                self.memory.keep_talk(contact, orjson.dumps(self.body(case, self.memory.instant())))
            elif contact in self._kept:
                self._kept.discard(contact)
                self.memory.keep_talk(contact, b"")

    def stop(self) -> None:
        if self._saving is not None and self._saving is not gevent.getcurrent():
            self._saving.kill(block=False)

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _heard(self, fact: o.Output) -> None:
        match fact:
            case o.ContactMoved(contact=contact):
                self.change(contact)
            case o.Handled(contact=contact):  # gone with the record of it
                self._kept.discard(contact)
                self._changed.discard(contact)

    def change(self, contact: str) -> None:
        """Something of it may be different."""
        self._changed.add(contact)
        if self._saving is None or self._saving.dead:
            self._saving = gevent.spawn_later(GATHER_S, self.save)

    def body(self, case: Case, at: Instant) -> dict[str, Any]:
        """As it is kept: a contact that an agent has."""
        now, talk, wish = self._owner.now(), self._talks.find(case.contact), case.wish
        assert case.desk is not None
        own = self._wrapups.of(case)
        return {
            "format": FORMAT,
            "at": [at.wall, at.monotonic, at.boot],
            "contact": case.contact,
            "agent": case.desk.agent,
            "queue": case.queue.config.name,
            "medium": wish.medium,
            "priority": case.priority,
            "counted": case.counted,
            "state": str(case.state),
            "since_s": now - case.since,
            "began_s": now - case.began_at,
            "waited_s": now - case.entered_at,
            "talk_s": case.talk_s,
            "hold_s": case.hold_s,
            "work_s": 0.0 if case.work_until is None else case.work_until - now,
            "talk": None if talk is None else self._talk(talk),
            "wrapup": {"id": own.handling_id, **asdict(own.wrapup)} if own.wrapup.version else None,
            **self.beside(case.contact),
        }

    def _talk(self, talk: Talk) -> dict[str, Any]:
        party, consult = talk.party, talk.consult
        return {
            "leg": talk.leg,
            "phone": [talk.phone.address, talk.phone.remote_answer],
            "agent": talk.agent,
            "offer": abs(talk.offer),
            "queue": talk.queue,
            "stage": talk.stage.value,
            "permanent": talk.permanent,
            "noted": talk.noted,
            "muted": talk.muted,
            "room": talk.room,
            "contact": party.contact,
            "uuid": party.uuid,
            "switch": str(getattr(party.legs, "name", "") or getattr(party.legs, "switch", "")),
            "flow": self._callers.contact_of(party.uuid) is not None,
            "of": "" if talk.of is None else talk.of.party.contact,
            "consult": None if consult is None or consult.of is not talk else self._talk(consult),
        }
