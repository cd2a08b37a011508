"""Contacts at their agents, from the connection to the end of the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.acd import due, waiting
from cti.acd import inputs as i
from cti.acd.matching import let_go, serve
from cti.acd.outputs import ContactMoved, Handled
from cti.acd.states import ContactState, SystemReason

if TYPE_CHECKING:
    from cti.acd.cases import Case
    from cti.acd.floor import Floor

_AT_AGENT = (ContactState.TALKING, ContactState.HOLD)


def connect(floor: Floor, told: i.Connect) -> None:
    case = floor.find_case(told.contact)
    if case is None or case.state is ContactState.TALKING:
        return
    offer = case.offer
    if offer is not None and offer.pending:
        floor.refuse("not-accepted", f"offer {offer.number} is {offer.state}")
        return
    if case.state is ContactState.RESERVED and offer is not None:
        waiting.answered(floor, case)
        del floor.offers[offer.number]
    floor.move(case, "connect")


def hold(floor: Floor, told: i.Hold) -> None:
    if (case := floor.find_case(told.contact)) is not None:
        floor.move(case, "hold")


def retrieve(floor: Floor, told: i.Retrieve) -> None:
    if (case := floor.find_case(told.contact)) is not None:
        floor.move(case, "retrieve")


def over(floor: Floor, told: i.TalkOver | i.Leave) -> None:
    """The talk is over, whoever ended it; before the connection the contact leaves its queue."""
    case = floor.find_case(told.contact)
    if case is None or case.state is ContactState.WORK:
        return
    if case.state not in _AT_AGENT:
        waiting.leave(floor, told if isinstance(told, i.Leave) else i.Leave(told.contact))
        return
    desk = case.desk
    assert desk is not None
    seconds = (case.queue.config.wrapup_s or desk.profile.wrapup_s) if desk.signed_in else 0.0
    case.work_until = floor.now + seconds
    floor.go(case, ContactState.WORK)
    if seconds > 0:
        floor.at(case.work_until, due.WorkDue(case.contact, case.serial))
    else:
        _close(floor, case, "agent" if desk.signed_in else "sign_out")


def extend(floor: Floor, told: i.ExtendWork) -> None:
    case = floor.find_case(told.contact)
    if case is None:
        return
    if case.state is not ContactState.WORK or case.desk is None:
        floor.refuse("not-in-work", f"contact '{case.contact}' is {case.state}")
        return
    case.work_until = floor.now + told.seconds
    floor.at(case.work_until, due.WorkDue(case.contact, case.serial))
    queue, work = case.queue.config.name, ContactState.WORK
    moved = ContactMoved(
        floor.now, case.contact, case.desk.agent, queue, case.wish.medium, work, work, 0.0, case.work_until
    )
    floor.out.append(moved)


def finish(floor: Floor, told: i.FinishWork) -> None:
    case = floor.find_case(told.contact)
    if case is None:
        return
    if case.state is not ContactState.WORK:
        floor.refuse("not-in-work", f"contact '{case.contact}' is {case.state}")
        return
    _close(floor, case, "agent")


def work_due(floor: Floor, told: due.WorkDue) -> None:
    case = floor.cases.get(told.contact)
    if case is None or case.serial != told.number or case.state is not ContactState.WORK:
        return
    if case.work_until is not None and case.work_until <= floor.now:
        _close(floor, case, "timer")


def close_all(floor: Floor, agent: str) -> None:
    """Work that nobody is there to do."""
    for case in list(floor.desks[agent].contacts.values()):
        if case.state is ContactState.WORK:
            _close(floor, case, "sign_out")


def _close(floor: Floor, case: Case, by: str) -> None:
    now, queue, medium = floor.now, case.queue, case.wish.medium
    work_s = now - case.since
    desk = let_go(floor, case, ContactState.CLOSED)
    del floor.cases[case.contact]
    desk.idle_since = now
    queue.pace.handled(case.talk_s + case.hold_s + work_s)
    floor.out.append(
        Handled(now, case.contact, desk.agent, queue.config.name, medium, case.talk_s, case.hold_s, work_s, by)
    )
    if desk.signed_in and not desk.contacts:
        chosen, desk.next = desk.next, None
        if chosen is not None:
            ready, reason = chosen
            floor.set_presence(desk, "ready" if ready else "not_ready", "" if ready else reason)
        elif by == "timer" and not queue.config.after_work_ready and desk.ready:
            floor.set_presence(desk, "not_ready", SystemReason.WORK_TIMER_EXPIRED)
    serve(floor, desk)
