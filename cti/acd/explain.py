"""Why a contact still waits, and how long it will."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cti.acd.estimate import told_wait
from cti.acd.states import ContactState

if TYPE_CHECKING:
    from cti.acd.cases import Case
    from cti.acd.desk import Desk
    from cti.acd.floor import Floor
    from cti.acd.model import Skills


@dataclass(frozen=True, slots=True)
class Place:
    """``position`` from 1; ``wait_s`` expected from now on, None: nobody works for it."""

    position: int
    wait_s: float | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """``agents``: how many of those signed in stand how to this contact: free, talking, not_ready, unskilled,
    no_capacity, and ``reserved``. Free ones are counted only while the contact is kept from them (a preference)."""

    contact: str
    queue: str
    state: str
    waited_s: float
    position: int
    priority: int
    asked: Skills
    relaxed: int
    waits_for: str
    agents: Mapping[str, int]
    reason: str


def place_of(floor: Floor, case: Case) -> Place:
    """To be told to the contact: see `told_wait`. Remembers what was told."""
    position = case.line.place(case) + 1
    need = case.need or floor.needs.get(case.slot, case.asked(), case.queue.config.select)
    fresh = case.queue.pace.wait_s(position, need.active, floor.now)
    if fresh is None:
        return Place(position, None)
    wait_s = told_wait(fresh, case.told, floor.now, position, need.active)
    case.tell(floor.now, wait_s, position, need.active)
    return Place(position, wait_s)


def explain(floor: Floor, case: Case) -> Explanation:
    """Looks at every agent: for a person who asks, not for each event."""
    asked = case.asked()
    agents = Counter(_stands(desk, case, asked) for desk in floor.desks.values() if desk.signed_in)
    return Explanation(
        case.contact,
        case.queue.config.name,
        str(case.state),
        floor.now - case.entered_at,
        case.line.place(case) + 1 if case.in_line else 0,
        case.priority + case.queue.config.priority,
        asked,
        case.step,
        case.waits_for.agent if case.waits_for is not None else "",
        dict(agents),
        _reason(case, asked, agents),
    )


def _stands(desk: Desk, case: Case, asked: Skills) -> str:
    if not desk.profile.capacity.get(case.slot, 0):
        return "no_capacity"
    if any(desk.profile.skills.get(name, 0) < level for name, level in asked.items()):
        return "unskilled"
    if not desk.ready:
        return "not_ready"
    if desk.open(case.slot):
        return "free"
    states = {held.state for held in desk.contacts.values()}
    return "reserved" if states == {ContactState.RESERVED} else "busy"


def _reason(case: Case, asked: Skills, agents: Mapping[str, int]) -> str:
    wanted = ", ".join(f"{name} ≥ {level}" for name, level in sorted(asked.items())) or "no skill"
    if case.state is ContactState.RESERVED and case.desk is not None:
        return f"{'it is offered to' if case.in_line else 'it is being called by'} {case.desk.agent}"
    if case.state is not ContactState.QUEUED:
        return f"it does not wait: {case.state}"
    if case.parked:
        return "it is parked until somebody picks it up"
    if case.suspended:
        return "it keeps its place while the caller decides about a callback"
    if case.waits_for is not None:
        return f"it is kept for {case.waits_for.agent}, who is {case.waits_for.presence}"
    fit = {name: agents.get(name, 0) for name in ("busy", "reserved", "not_ready")}
    if not any(fit.values()):
        return f"nobody signed in has what it asks: {wanted}"
    if not fit["busy"] + fit["reserved"]:
        return f"all {fit['not_ready']} agents with {wanted} are NOT_READY"
    return (
        f"{fit['busy'] + fit['reserved']} agents with {wanted} are busy with contacts before it, "
        f"{fit['not_ready']} are NOT_READY"
    )
