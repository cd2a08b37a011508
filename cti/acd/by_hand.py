"""What agents take in hand themselves: a call that they place, a contact that they pick up, another one's talk; and
contacts that are parked until somebody picks them up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.acd import due
from cti.acd.cases import Case
from cti.acd.entries import dismiss, rank
from cti.acd.matching import end_offer, let_go, offer_to, seek, serve, unseek
from cti.acd.model import Slot, Wish
from cti.acd.outputs import EntryBegan
from cti.acd.states import PRESENCE, ContactState

if TYPE_CHECKING:
    from cti.acd import inputs as i
    from cti.acd.cases import Queue
    from cti.acd.desk import Desk
    from cti.acd.floor import Floor

#: The medium of calls that agents place. They stand in no queue, so they are no entry; the agent's time counts.
OUTBOUND = "outbound"
#: The cause of an offer (`Why`) that the agent has asked for.
PICKED_UP = "picked_up"


def place_call(floor: Floor, told: i.PlaceCall) -> None:
    """The contact is RESERVED at the agent until the two are connected, or it leaves."""
    desk = floor.find_desk(told.agent)
    if desk is None or not _has_hand(floor, desk, Slot.CALL, "dial"):
        return
    _reserve(floor, desk, Wish(told.contact, "", OUTBOUND), floor.direct)


def take_over(floor: Floor, told: i.TakeOver) -> None:
    """The contact is RESERVED at the agent until the customer is there; the one before ends by itself."""
    former, desk = floor.find_case(told.of), floor.find_desk(told.agent)
    if former is None or desk is None or not _has_hand(floor, desk, former.slot, "pick_up"):
        return
    if former.state not in (ContactState.TALKING, ContactState.HOLD):
        floor.refuse("not-talking", f"contact '{former.contact}' is {former.state}")
        return
    wish = Wish(told.contact, former.wish.queue, former.wish.medium, priority=former.priority)
    _reserve(floor, desk, wish, former.queue)


def pick_up(floor: Floor, told: i.PickUp) -> None:
    """It is offered to this agent alone, READY or not, whatever it asks for. Where it rang it rings no longer."""
    case, desk = floor.find_case(told.contact), floor.find_desk(told.agent)
    if case is None or desk is None or not _has_hand(floor, desk, case.slot, "pick_up"):
        return
    offer, former = case.offer, None
    rings = case.state is ContactState.RESERVED and offer is not None and offer.pending
    deciding = case.suspended and not case.parked
    if deciding or not (rings or case.state is ContactState.QUEUED):
        floor.refuse("not-waiting", f"contact '{case.contact}' is {case.state}")
        return
    if rings:
        assert offer is not None
        end_offer(floor, offer, "rescind", PICKED_UP)
        former = let_go(floor, case, ContactState.QUEUED)
    else:
        unseek(case)
    offer_to(floor, case, desk, PICKED_UP)
    if former is not None:
        serve(floor, former)


def park(floor: Floor, case: Case, queue: Queue) -> None:
    """It stands beside the line, and nobody is offered it; after its time, and with its rank, in the line."""
    assert case.wish.parked_s is not None
    since = case.wish.since  # after the end of another engine
    case.queue, case.entered_at, case.entry = queue, floor.now if since is None else since, floor.number()
    case.visited.add(queue.config.name)
    rank(floor, case)
    case.suspended = case.parked = case.in_line = True
    case.line.add(case)
    medium = case.wish.medium
    floor.out.append(EntryBegan(floor.now, case.entry, case.contact, queue.config.name, medium, case.counted))
    floor.at(floor.now + case.wish.parked_s, due.ParkDue(case.contact, case.serial))


def park_due(floor: Floor, told: due.ParkDue) -> None:
    """Nobody came. Whom it prefers (who parked it) is offered it first; of no queue, nobody else is."""
    case = floor.cases.get(told.contact)
    if case is None or case.serial != told.number or not case.in_line or not case.parked:
        return
    wish = case.wish
    case.line.remove(case)
    case.suspended = case.parked = False
    case.line.add(case)
    desk = floor.desks.get(wish.prefer or "")
    if desk is not None and desk.signed_in and desk.profile.capacity.get(case.slot, 0):
        case.waits_for = desk
        if wish.prefer_s is not None:
            floor.at(floor.now + wish.prefer_s, due.PreferenceDue(case.contact, case.serial))
    lost = case.waits_for is None and case.queue is floor.direct
    if case.state is not ContactState.QUEUED:
        case.overdue = "timeout" if lost else None  # somebody is picking it up
    elif lost:
        dismiss(floor, case, "no_agents", "no_agents")
    else:
        seek(floor, case)


def _reserve(floor: Floor, desk: Desk, wish: Wish, queue: Queue) -> None:
    """A contact that never stands in a line."""
    if wish.contact in floor.cases:
        floor.refuse("already-queued", f"contact '{wish.contact}' is here already")
        return
    case = floor.cases[wish.contact] = Case(wish, floor.number(), floor.now)
    case.queue, case.desk, case.counted = queue, desk, False
    desk.hold(case)
    floor.go(case, ContactState.RESERVED)
    if desk.open_slots():
        serve(floor, desk)


def _has_hand(floor: Floor, desk: Desk, slot: Slot, command: str) -> bool:
    """By the table, and by capacity; a call may be taken beside whatever keeps offers of calls away."""
    error = PRESENCE[desk.presence, command].error
    if error:
        floor.refuse(error, f"agent '{desk.agent}' is {desk.presence}")
    elif desk.load.get(slot, 0) >= desk.profile.capacity.get(slot, 0):
        floor.refuse("agent-busy", f"agent '{desk.agent}' has no hand free for a {slot}")
        return False
    return not error
