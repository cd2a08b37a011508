"""An agent asks for help in a talk: supervisors of the team are told, and any of them may listen, speak to the agent,
join in, or take over (`cti.runtime.floor.supervision`). It ends with the talk, or when the
agent takes it back. An engine that follows has it, too (`cti.runtime.floor.talks_kept`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cti.acd import outputs as o
from cti.acd.states import ContactState
from cti.core.moments import iso
from cti.runtime.floor.ids import call_of
from cti.runtime.floor.talk import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cti.acd.cases import Case
    from cti.core.access import ResourceScope
    from cti.runtime.floor.hub import Hub
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.talk import Talk

EVENT = "contact.assist"


@dataclass(slots=True)
class Assist:
    """``supervisors``: users who have come. ``base`` and ``scope``: of its events, which outlive the contact."""

    since: float
    note: str
    base: dict[str, Any]
    scope: ResourceScope
    supervisors: list[str]


class Assists:
    def __init__(self, owner: FloorOwner, hub: Hub) -> None:
        self._owner, self._hub = owner, hub
        self._of: dict[str, Assist] = {}  # by contact
        #: Told of a contact whose request is another one, or none, now.
        self.changed: Callable[[str], None] = lambda _contact: None
        owner.listeners.append(self._heard)

    def shown(self, contact: str) -> dict[str, Any] | None:
        found = self._of.get(contact)
        return None if found is None else {"since": iso(found.since), "note": found.note,
                                           "supervisors": list(found.supervisors)}  # fmt: skip

    def ask(self, case: Case, scope: ResourceScope, note: str) -> None:
        """Again: with another note."""
        found = self._of.get(case.contact)
        if found is None:
            found = self._of[case.contact] = Assist(self._owner.now(), note, _base(case), scope, [])
        found.note = note
        self._tell(found, "asked")

    def kept(self, contact: str) -> dict[str, Any] | None:
        """For an engine that follows."""
        found = self._of.get(contact)
        if found is None:
            return None
        since_s = self._owner.now() - found.since
        return {"since_s": since_s, "note": found.note, "supervisors": list(found.supervisors)}

    def restore(self, case: Case, scope: ResourceScope, kept: Mapping[str, Any], later_s: float) -> None:
        """As an earlier engine had it ``later_s`` ago; nobody is told anew."""
        since = self._owner.now() - kept["since_s"] - later_s
        self._of[case.contact] = Assist(since, kept["note"], _base(case), scope, list(kept["supervisors"]))

    def take_back(self, contact: str) -> None:
        self._end(contact, "cancelled")

    def came(self, contact: str, supervisor: str) -> None:
        """A supervisor hears the talk, or has it."""
        found = self._of.get(contact)
        if found is not None and supervisor not in found.supervisors:
            found.supervisors.append(supervisor)
            self._tell(found, "answered", supervisor)

    def moved(self, talk: Talk) -> None:
        if talk.stage is Stage.OVER and talk.agent:
            self._end(talk.party.contact, "over")

    def _heard(self, fact: o.Output) -> None:
        """Also of contacts whose talk an earlier engine had, and that is not there any more."""
        if isinstance(fact, o.Handled) or (isinstance(fact, o.ContactMoved) and fact.state is ContactState.WORK):
            self._end(fact.contact, "over")

    def _end(self, contact: str, state: str) -> None:
        found = self._of.pop(contact, None)
        if found is not None:
            self._tell(found, state)

    def _tell(self, assist: Assist, state: str, supervisor: str = "") -> None:
        data = {**assist.base, "state": state, "note": assist.note, "supervisor": supervisor}
        self._hub.publish(EVENT, self._owner.now(), data, assist.scope)
        self.changed(assist.base["contact"])


def _base(case: Case) -> dict[str, Any]:
    contact, agent = case.contact, case.desk.agent if case.desk is not None else ""
    return {"contact": contact, "call_id": call_of(contact), "queue": case.queue.config.name,
            "medium": case.wish.medium, "agent": agent}  # fmt: skip
