"""Contacts come into a queue, wait, and leave it without an agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.acd.by_hand import park
from cti.acd.cases import Case
from cti.acd.entries import arrive, begin, dismiss, end_entry, overflow, rank, stand, take_out
from cti.acd.matching import end_offer, expect_staff, let_go, seek, serve, unseek
from cti.acd.model import SLOTS
from cti.acd.outputs import EntryBegan, PriorityChanged
from cti.acd.states import ContactState, Outcome

if TYPE_CHECKING:
    from cti.acd import inputs as i
    from cti.acd.cases import Queue
    from cti.acd.floor import Floor
    from cti.acd.needs import Need


def enter(floor: Floor, told: i.Enter) -> None:
    wish = told.wish
    queue, personal = floor.find_queue(wish.queue), bool(wish.prefer) and wish.prefer_s is None
    if queue is None or (queue is floor.direct and not personal):
        floor.refuse("unknown-queue", f"there is no queue '{wish.queue}'")
    elif wish.medium not in SLOTS:
        floor.refuse("unknown-medium", f"'{wish.medium}' is no medium of contacts")
    elif wish.contact in floor.cases:
        floor.refuse("already-queued", f"contact '{wish.contact}' is here already")
    else:
        case = floor.cases[wish.contact] = Case(wish, floor.number(), floor.now)
        case.counted = wish.counted
        begin(floor, case)
        if wish.parked_s is None:
            arrive(floor, case, queue)
        else:
            park(floor, case, queue)


def leave(floor: Floor, told: i.Leave) -> None:
    """Before the connection. Later ones are the end of the talk (`cti.acd.working`)."""
    case = floor.cases[told.contact]
    reason = {Outcome.ABANDONED: "hangup", Outcome.FLOW_OUT: "key"}.get(told.outcome, str(told.outcome))
    _withdraw(floor, case, told.outcome, reason)


def suspend(floor: Floor, told: i.Suspend) -> None:
    case = floor.find_case(told.contact)
    if case is None:
        return
    if not case.in_line:
        floor.refuse("not-waiting", f"contact '{case.contact}' is {case.state}")
        return
    desk = None
    if case.state is ContactState.QUEUED:
        unseek(case)
    else:
        assert case.offer is not None
        if case.offer.pending:
            end_offer(floor, case.offer, "rescind", "suspended")
        desk = let_go(floor, case, ContactState.QUEUED)
    case.suspended, case.waits_for, case.overdue = True, None, None
    if desk is not None:
        serve(floor, desk)


def call_back(floor: Floor, told: i.CallBack) -> None:
    case = floor.find_case(told.contact)
    queue = floor.queues.get(told.wish.queue)
    if case is None:
        return
    if queue is None:
        floor.refuse("unknown-queue", f"there is no queue '{told.wish.queue}'")
        return
    if not case.in_line:
        floor.refuse("already-connected", f"contact '{case.contact}' is {case.state}")
        return
    if told.wish.contact != case.contact and told.wish.contact in floor.cases:
        floor.refuse("already-queued", f"contact '{told.wish.contact}' is here already")
        return
    desk = take_out(floor, case, Outcome.CALLBACK, "callback")
    heir = floor.cases[told.wish.contact] = Case(told.wish, floor.number(), floor.now)
    heir.counted = False
    begin(floor, heir)
    heir.number, heir.rank, heir.ranked_at, heir.priority = case.number, case.rank, case.ranked_at, case.priority
    heir.queue, heir.entry, heir.began_at = queue, floor.number(), case.began_at
    heir.visited |= case.visited | {queue.config.name}
    floor.out.append(
        EntryBegan(floor.now, heir.entry, heir.contact, queue.config.name, heir.wish.medium, counted=False)
    )
    stand(floor, heir)
    if desk is not None:
        serve(floor, desk)


def move(floor: Floor, told: i.Move) -> None:
    case, queue = floor.find_case(told.contact), floor.queues.get(told.queue)
    if case is None:
        return
    if queue is None or not queue.opened:
        floor.refuse("unknown-queue" if queue is None else "queue-closed", f"queue '{told.queue}' takes nobody")
        return
    if case.state is not ContactState.QUEUED or case.suspended:
        floor.refuse("not-waiting", f"contact '{case.contact}' is {case.state}")
        return
    unseek(case)
    end_entry(floor, case, Outcome.FLOW_OUT, "moved")
    case.visited.clear()
    arrive(floor, case, queue)


def reprioritise(floor: Floor, told: i.Reprioritise) -> None:
    case = floor.find_case(told.contact)
    if case is None:
        return
    if not case.in_line:
        floor.refuse("not-waiting", f"contact '{case.contact}' is {case.state}")
        return
    queued = case.state is ContactState.QUEUED
    if queued:
        unseek(case)
    case.line.remove(case)
    case.priority = told.priority
    rank(floor, case)
    case.line.add(case)
    floor.out.append(PriorityChanged(floor.now, case.contact, case.priority))
    if queued:
        seek(floor, case)


def answered(floor: Floor, case: Case) -> None:
    """Agent and customer are connected: the entry has its ending."""
    assert case.desk is not None
    end_entry(floor, case, Outcome.ANSWERED, "connected", case.desk.agent)


def back(floor: Floor, case: Case) -> None:
    """The offer came to nothing: wait on in the old place, or do what became due meanwhile."""
    overdue, case.overdue = case.overdue, None
    if overdue == "timeout":
        dismiss(floor, case, "timeout", "timeout")
    elif overdue is not None and not isinstance(overdue, str):
        overflow(floor, case, overdue)
    else:
        seek(floor, case)


def unstaffed(floor: Floor, case: Case) -> None:
    """The agent for whom alone it waited is gone."""
    unseek(case)
    case.waits_for = None
    if case.wish.prefer_s is None:
        dismiss(floor, case, "no_agents", "no_agents")
    else:
        seek(floor, case)


def again(floor: Floor, queue: Queue) -> None:
    """What the queue asks has changed: everybody in it seeks anew, in turn."""
    cases = list(queue.line)
    for case in cases:
        if case.state is ContactState.QUEUED:
            unseek(case)
        queue.line.remove(case)
        rank(floor, case)
        queue.line.add(case)
    for case in sorted(cases, key=lambda case: (case.rank, case.number)):
        if case.state is ContactState.QUEUED:
            seek(floor, case)


def watch_unstaffed(floor: Floor, need: Need) -> None:
    """Nobody is left who could serve this."""
    for case in need.waiting:
        expect_staff(floor, case)


def _withdraw(floor: Floor, case: Case, outcome: Outcome, reason: str) -> None:
    desk = take_out(floor, case, outcome, reason)
    if desk is not None:
        serve(floor, desk)
