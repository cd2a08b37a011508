"""A contact's way into a queue, on to another, and out: the steps that inputs and what becomes due have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.acd import due
from cti.acd.matching import end_offer, let_go, seek, unseek
from cti.acd.outputs import Dismissed, EntryBegan, EntryEnded
from cti.acd.states import ContactState, Outcome

if TYPE_CHECKING:
    from cti.acd.cases import Case, Queue
    from cti.acd.desk import Desk
    from cti.acd.floor import Floor
    from cti.acd.model import Overflow

#: Why a contact is not let in -> the exit that its flow takes.
EXITS = {"closed": "no_agents", "no_agents": "no_agents", "full": "full"}


def begin(floor: Floor, case: Case) -> None:
    """What runs from the first queue on, whatever happens there."""
    wish = case.wish
    for step, relax in enumerate(wish.relax, 1):
        floor.at(case.began_at + relax.after_s, due.RelaxDue(case.contact, case.serial, step))
    if wish.max_wait_s is not None:
        floor.at(case.began_at + wish.max_wait_s, due.MaxWaitDue(case.contact, case.serial))
    desk = floor.desks.get(wish.prefer or "") if wish.parked_s is None else None
    if desk is not None and desk.signed_in and wish.prefer_s != 0.0 and desk.profile.capacity.get(case.slot, 0):
        case.waits_for = desk
        if wish.prefer_s is not None:
            floor.at(case.began_at + wish.prefer_s, due.PreferenceDue(case.contact, case.serial))


def arrive(floor: Floor, case: Case, queue: Queue) -> None:
    """Into this queue, on to another, or back to the flow."""
    first, since = not case.visited, case.wish.since
    case.queue, case.entered_at, case.entry = queue, floor.now if since is None or not first else since, floor.number()
    case.unstaffed_until = None
    case.visited.add(queue.config.name)
    rank(floor, case)
    floor.out.append(EntryBegan(floor.now, case.entry, case.contact, queue.config.name, case.wish.medium, case.counted))
    bar = _bar(floor, case)
    onward = (
        None
        if _stood_here(case)
        else next((rule for rule in queue.config.overflow if _overflows(floor, case, rule, bar)), None)
    )
    if onward is not None:
        overflow(floor, case, onward)
    elif bar:
        dismiss(floor, case, bar, EXITS[bar])
    else:
        stand(floor, case)


def stand(floor: Floor, case: Case) -> None:
    case.queue.line.add(case)
    case.in_line = True
    for rule in case.queue.config.overflow:
        if rule.after_s is not None and rule.to not in case.visited:
            floor.at(case.entered_at + rule.after_s, due.OverflowDue(case.contact, case.entry, rule))
    seek(floor, case)


def rank(floor: Floor, case: Case) -> None:
    case.rank = case.ranked_at - (case.priority + case.queue.config.priority) * floor.ageing_s


def _bar(floor: Floor, case: Case) -> str:
    """Why the queue does not take it; empty: it does."""
    queue = case.queue
    if case.wish.prefer and case.wish.prefer_s is None:  # for one agent in person: the line is not what it waits in
        return "" if case.waits_for is not None else "no_agents"
    if not queue.opened and not _stood_here(case):
        return "closed"
    waits_alone = queue.config.wait_unstaffed or case.wish.patient or case.wish.returns
    if not waits_alone and not staffed(floor, case):
        return "no_agents"
    limit = queue.config.limit
    if limit is None or len(queue.line) < limit or _stood_here(case):
        return ""
    need = floor.needs.get(case.slot, case.asked(), queue.config.select)
    return "full" if case.waits_for is not None or need.best_idle() is None else ""


def _stood_here(case: Case) -> bool:
    """Before the end of another engine: it has been let in already."""
    return case.wish.since is not None and len(case.visited) == 1


def staffed(floor: Floor, case: Case) -> bool:
    """Whether anybody is signed in who may serve it, now or after relaxation."""
    select = case.queue.config.select
    steps = range(len(case.wish.relax), -1, -1)
    return any(floor.needs.get(case.slot, case.asked(step), select).staffed for step in steps)


def _overflows(floor: Floor, case: Case, rule: Overflow, bar: str) -> bool:
    """On arrival."""
    if not may_go(floor, case, rule):
        return False
    if rule.no_agents and bar in ("no_agents", "closed"):
        return True
    line = case.queue.line
    need = floor.needs.get(case.slot, case.asked(), case.queue.config.select)
    if case.waits_for is None and need.best_idle() is not None:
        return False  # it need not wait
    if rule.length is not None and len(line) >= rule.length:
        return True
    if rule.wait_s is None:
        return False
    expected = case.queue.pace.wait_s(len(line) + 1, need.active, floor.now)
    return expected is not None and expected > rule.wait_s


def may_go(floor: Floor, case: Case, rule: Overflow) -> bool:
    return rule.to in floor.queues and rule.to not in case.visited


def overflow(floor: Floor, case: Case, rule: Overflow) -> None:
    end_entry(floor, case, Outcome.FLOW_OUT, "overflow")
    arrive(floor, case, floor.queues[rule.to])


def dismiss(floor: Floor, case: Case, reason: str, exit: str) -> None:
    end_entry(floor, case, Outcome.FLOW_OUT, reason)
    floor.go(case, ContactState.CLOSED)
    del floor.cases[case.contact]
    floor.out.append(Dismissed(floor.now, case.contact, exit))


def take_out(floor: Floor, case: Case, outcome: Outcome, reason: str) -> Desk | None:
    """Out of everything; the agent who had it, if it was offered, is to be served afterwards."""
    desk = None
    if case.state is ContactState.QUEUED:
        unseek(case)
        end_entry(floor, case, outcome, reason)
        floor.go(case, ContactState.CLOSED)
    else:
        if case.offer is not None and case.offer.pending:
            end_offer(floor, case.offer, "rescind", reason)
        if case.in_line:  # not so a call that the agent places
            end_entry(floor, case, outcome, reason)
        desk = let_go(floor, case, ContactState.CLOSED)
    del floor.cases[case.contact]
    return desk


def end_entry(floor: Floor, case: Case, outcome: Outcome, reason: str, agent: str = "") -> None:
    """Out of the line; the one ending of this entry."""
    queue, told = case.queue, case.first_told
    if case.in_line:
        case.line.remove(case)
        case.in_line = case.parked = False
    floor.out.append(
        EntryEnded(
            floor.now,
            case.entry,
            case.contact,
            queue.config.name,
            case.wish.medium,
            case.entered_at,
            outcome,
            reason,
            floor.now - case.entered_at,
            agent,
            case.counted,
            None if told is None else told[1],
            0.0 if told is None else told[0] - case.entered_at,
        )
    )
    if outcome is Outcome.ANSWERED:
        queue.pace.answered(floor.now, others_wait=len(queue.line) > 0)
        if told is not None:
            queue.pace.scored(told[1], floor.now - told[0])
    case.entry = 0
    case.first_told = case.told = None
