"""Contacts at agents that an earlier owner of the distribution left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.acd import due
from cti.acd.cases import Case
from cti.acd.entries import end_entry
from cti.acd.floor import HANDLING
from cti.acd.model import SLOTS
from cti.acd.outputs import ContactMoved, EntryBegan
from cti.acd.states import ContactState, Outcome

if TYPE_CHECKING:
    from cti.acd import inputs as i
    from cti.acd.floor import Floor


def adopt(floor: Floor, told: i.Adopt) -> None:
    """Capacity does not count: the agent has it already. A queue that is there no more is that of contacts of none."""
    wish, now = told.wish, floor.now
    if wish.contact in floor.cases:
        floor.refuse("already-queued", f"contact '{wish.contact}' is here already")
        return
    if told.state not in HANDLING:
        floor.refuse("not-talking", f"contact '{wish.contact}' was {told.state}")
        return
    if wish.medium not in SLOTS:
        floor.refuse("unknown-medium", f"'{wish.medium}' is no medium of contacts")
        return
    desk = floor.desk_of(told.profile)
    case = floor.cases[wish.contact] = Case(wish, floor.number(), now)
    case.queue, case.counted = floor.queues.get(wish.queue, floor.direct), wish.counted
    case.began_at = case.entered_at = now - told.began_s
    if told.waited_s is not None:
        case.entered_at, case.entry, case.desk = now - told.waited_s, floor.number(), desk
        queue, medium = case.queue.config.name, wish.medium
        floor.out.append(EntryBegan(now, case.entry, case.contact, queue, medium, case.counted))
        end_entry(floor, case, Outcome.ANSWERED, "connected", desk.agent)
    case.desk, case.state, case.since = desk, told.state, now - told.since_s
    case.talk_s, case.hold_s = told.talk_s, told.hold_s
    desk.hold(case)
    desk.handling += 1
    if told.state is ContactState.WORK:
        case.work_until = now + told.work_s
        floor.at(case.work_until, due.WorkDue(case.contact, case.serial))
    floor.out.append(
        ContactMoved(
            now, case.contact, desk.agent, case.queue.config.name, wish.medium, told.state, told.state, 0.0,
            case.work_until,
        )
    )  # fmt: skip
    floor.account(desk)
