"""Agents' commands on the contact at hand, answered truthfully: done, still going on, or refused by the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gevent

from cti.acd.inputs import PickUp
from cti.acd.states import Cell
from cti.core.access import ResourceScope
from cti.runtime.floor.actions import AT_HAND
from cti.runtime.floor.confirming import CONFIRM_S, Unconfirmed
from cti.runtime.floor.owner import FloorRefused
from cti.runtime.floor.text_actions import TEXT_AT_HAND
from cti.runtime.floor.views import WRITTEN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cti.core.legs import Phone
    from cti.runtime.floor.assists import Assists
    from cti.runtime.floor.desk import Desk
    from cti.runtime.floor.dials import Dials
    from cti.runtime.floor.hub import Hub
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.publisher import Publisher
    from cti.runtime.floor.views import Views
    from cti.runtime.floor.wrapups import WrapUps

#: A command whose ending is not seen in this time has failed.
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to call, to consult or to transfer to: agent, queue, number, extension; ``contact`` and ``customer`` are
    made numbers by whoever may see them."""

    kind: str
    name: str


class Orders:
    def __init__(
        self,
        owner: FloorOwner,
        desk: Desk,
        views: Views,
        publisher: Publisher,
        hub: Hub,
        wrapups: WrapUps,
        assists: Assists,
    ) -> None:
        self._owner, self._desk, self._views, self._publisher, self._hub = owner, desk, views, publisher, hub
        self._wrapups, self._assists = wrapups, assists
        self._serial = 0

    def do(self, agent: str, contact: str, command: str, work: Callable[[], None]) -> str:
        """Empty once it is done; else the id of the command, whose ending comes as `command.ended`.

        Raises FloorRefused with the error id of the table, and what the desk raises."""
        case = self._desk.find(agent, contact)
        activity = self._views.activity(case)
        table = TEXT_AT_HAND if case.wish.medium in WRITTEN else AT_HAND
        cell = table.get((activity, command), Cell(error="not-offered"))
        if cell.error:
            raise FloorRefused(f"contact '{contact}' is {activity}", code=cell.error)
        try:
            work()
        except Unconfirmed as late:
            return self._late(late, command, agent, contact)
        return ""

    def keep(self, user: str, command: str) -> str:
        """What was just changed about an agent is to outlive this process before anybody is told that it is done: wait
        until it is on disk. Empty once it is; else as `do`, and ``user`` gets the event. The change holds meanwhile."""
        if self._owner.kept(CONFIRM_S):
            return ""
        command_id = self._name()
        gevent.spawn(self._follow_keeping, command_id, command, user)
        return command_id

    def finish(self, agent: str, contact: str, parts: Mapping[str, Any]) -> None:
        """``parts``: the last that the agent says, as in `WrapUps.check`; what was said before holds as well. Raises
        WrapUpRefused (disposition-required), and what `write` raises."""
        case = self._desk.find(agent, contact)
        made = self._wrapups.check(case, parts)
        self._wrapups.require(case, made)
        self._wrapups.write(case, made)
        self._desk.finish_work(agent, contact)

    def write(self, agent: str, contact: str, parts: Mapping[str, Any]) -> None:
        """The agent writes about the contact. Raises WrapUpRefused: unknown-disposition, bad-text, bad-variable."""
        case = self._desk.find(agent, contact)
        self._wrapups.write(case, self._wrapups.check(case, parts))
        self._publisher.written(case)

    def assist(self, agent: str, contact: str, on: bool, note: str) -> None:
        """Ask supervisors for help, or take that back."""
        case = self._desk.find(agent, contact)
        if on:
            self._assists.ask(case, self._views.scope(case), note)
        else:
            self._assists.take_back(contact)

    def pick_up(self, agent: str, contact: str) -> None:
        """It is offered to this agent alone. Raises FloorRefused: agent-not-signed-in, agent-busy, not-waiting."""
        self._owner.ask(PickUp(contact, agent))

    def dial(self, dials: Dials, agent: str, phone: Phone) -> tuple[str, str]:
        """The contact, and the id of the command where its ending is still to come. Raises what `Dials.dial` does."""
        begun: list[str] = []
        try:
            return dials.dial(agent, phone, begun.append), ""
        except Unconfirmed as late:
            [contact] = begun
            return contact, self._late(late, "dial", agent, contact)

    def _late(self, late: Unconfirmed, command: str, agent: str, contact: str) -> str:
        command_id = self._name()
        gevent.spawn(self._follow, late, command_id, command, agent, contact)
        return command_id

    def _name(self) -> str:
        self._serial += 1
        return f"{self._hub.last_id}-{self._serial}"

    def _follow_keeping(self, command_id: str, command: str, user: str) -> None:
        done = self._owner.kept(PATIENCE_S)
        data = {"command_id": command_id, "command": command, "contact": "", "done": done, "activity": ""}
        self._hub.publish("command.ended", self._owner.now(), data, ResourceScope.of(owner=user))

    def _follow(self, late: Unconfirmed, command_id: str, command: str, agent: str, contact: str) -> None:
        done = False
        with gevent.Timeout(PATIENCE_S, False):  # type: ignore[arg-type]  # False: ends quietly; the stubs lack it
            while not (done := late.done()) and late.pending:
                late.talk.changed.clear()
                late.talk.changed.wait()
        case = self._owner.acd.floor.cases.get(contact)
        data = {"command_id": command_id, "command": command, "contact": contact, "done": done,
                "activity": "" if case is None else self._views.activity(case)}  # fmt: skip
        owner = self._publisher.owner_of(agent)
        self._hub.publish("command.ended", self._owner.now(), data, ResourceScope.of(owner=owner))
