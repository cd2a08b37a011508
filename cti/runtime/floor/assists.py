"""An agent asks for help in a talk: supervisors of the team are told, and any of them may listen, speak to the agent,
join in, or take over (`cti.runtime.floor.supervision`). It ends with the talk, or when the agent takes it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cti.core.moments import iso
from cti.runtime.floor.ids import call_of
from cti.runtime.floor.talk import Stage

if TYPE_CHECKING:
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

    def shown(self, contact: str) -> dict[str, Any] | None:
        found = self._of.get(contact)
        return None if found is None else {"since": iso(found.since), "note": found.note,
                                           "supervisors": list(found.supervisors)}  # fmt: skip

    def ask(self, case: Case, scope: ResourceScope, note: str) -> None:
        """Again: with another note."""
        contact = case.contact
        base = {"contact": contact, "call_id": call_of(contact), "queue": case.queue.config.name,
                "medium": case.wish.medium, "agent": case.desk.agent if case.desk is not None else ""}  # fmt: skip
        found = self._of.get(contact)
        if found is None:
            found = self._of[contact] = Assist(self._owner.now(), note, base, scope, [])
        found.note = note
        self._tell(found, "asked")

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

    def _end(self, contact: str, state: str) -> None:
        found = self._of.pop(contact, None)
        if found is not None:
            self._tell(found, state)

    def _tell(self, assist: Assist, state: str, supervisor: str = "") -> None:
        data = {**assist.base, "state": state, "note": assist.note, "supervisor": supervisor}
        self._hub.publish(EVENT, self._owner.now(), data, assist.scope)
