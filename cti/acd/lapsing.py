"""What becomes due for a contact that waits. Each finds out whether it still matters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.acd.entries import dismiss, may_go, overflow, staffed
from cti.acd.matching import expect_staff, seek, unseek
from cti.acd.outputs import Relaxed
from cti.acd.states import ContactState

if TYPE_CHECKING:
    from cti.acd import due
    from cti.acd.floor import Floor


def relax_due(floor: Floor, told: due.RelaxDue) -> None:
    case = floor.cases.get(told.contact)
    if case is None or case.serial != told.number or not case.in_line:
        return
    case.step = told.step
    floor.out.append(Relaxed(floor.now, case.contact, case.asked()))
    if case.need is not None:
        unseek(case)
        seek(floor, case)


def preference_due(floor: Floor, told: due.PreferenceDue) -> None:
    case = floor.cases.get(told.contact)
    if case is None or case.serial != told.number or case.waits_for is None:
        return
    if case.state is ContactState.QUEUED:
        unseek(case)
        case.waits_for = None
        seek(floor, case)
    else:
        case.waits_for = None


def max_wait_due(floor: Floor, told: due.MaxWaitDue) -> None:
    """A phone that rings may still be answered."""
    case = floor.cases.get(told.contact)
    if case is None or case.serial != told.number or not case.in_line or case.suspended:
        return
    if case.state is ContactState.QUEUED:
        unseek(case)
        dismiss(floor, case, "timeout", "timeout")
    else:
        case.overdue = "timeout"


def unstaffed_due(floor: Floor, told: due.UnstaffedDue) -> None:
    case = floor.cases.get(told.contact)
    if case is None or case.entry != told.entry or case.need is None:
        return
    if case.unstaffed_until is None or case.unstaffed_until > floor.now:
        return  # somebody was there meanwhile
    if staffed(floor, case):
        if not case.need.staffed:  # who is there may serve it after relaxation only
            expect_staff(floor, case)
        return
    unseek(case)
    rules = case.queue.config.overflow
    onward = next((rule for rule in rules if rule.no_agents and may_go(floor, case, rule)), None)
    if onward is not None:
        overflow(floor, case, onward)
    else:
        dismiss(floor, case, "no_agents", "no_agents")


def overflow_due(floor: Floor, told: due.OverflowDue) -> None:
    case = floor.cases.get(told.contact)
    if case is None or case.entry != told.entry or case.suspended:
        return
    rule = told.rule
    if not may_go(floor, case, rule):
        return
    if case.state is ContactState.QUEUED:
        unseek(case)
        overflow(floor, case, rule)
    elif case.overdue is None:
        case.overdue = rule
