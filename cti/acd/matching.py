"""Who gets whom.

Two steps keep the rule that no contact waits while somebody who may serve it is free. A contact that comes (or asks
for less than before) takes the best of the free agents: `seek`. An agent who becomes free takes the first of all who
wait, over all queues: `serve`. Nothing else can make a pair possible, so nothing else has to look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.acd.cases import Offer
from cti.acd.due import OfferDue, UnstaffedDue
from cti.acd.outputs import OfferEnded, OfferMade, Why
from cti.acd.states import OFFER, ContactState, OfferState

if TYPE_CHECKING:
    from cti.acd.cases import Case
    from cti.acd.desk import Desk
    from cti.acd.floor import Floor
    from cti.acd.needs import Standing


def seek(floor: Floor, case: Case) -> None:
    """The contact takes the best free agent, or waits where the agents will look."""
    desk = case.waits_for
    if case.suspended:
        return
    if desk is not None:
        if desk.open(case.slot):
            offer_to(floor, case, desk, "contact_came")
        else:
            desk.personal.add(case)
        return
    need = floor.needs.get(case.slot, case.asked(), case.queue.config.select)
    found = need.best_idle()
    if found is not None:
        offer_to(floor, case, found, "contact_came")
    else:
        case.need = need
        need.waiting.add(case)
        if not need.staffed and (case.unstaffed_until is None or case.unstaffed_until <= floor.now):
            expect_staff(floor, case)


def expect_staff(floor: Floor, case: Case) -> None:
    """Nobody who may serve it is signed in: it waits so long for one."""
    config = case.queue.config
    if not config.wait_unstaffed and not case.wish.patient:
        case.unstaffed_until = floor.now + config.unstaffed_s
        floor.at(case.unstaffed_until, UnstaffedDue(case.contact, case.entry))


def unseek(case: Case) -> None:
    """Out of the lists in which agents look."""
    if case.need is not None:
        case.need.waiting.remove(case)
        case.need = None
    elif case.waits_for is not None and case.state is ContactState.QUEUED:
        case.waits_for.personal.remove(case)


def serve(floor: Floor, desk: Desk) -> None:
    """The agent takes contacts as long as one fits; then it is listed as free where nobody waits."""
    while desk.ready:
        slots = desk.open_slots()
        best: Standing | None = None
        if desk.personal.items:
            best = next((standing for standing in desk.personal.items if standing[2].slot in slots), None)
        for slot in slots:
            for need in desk.needs.get(slot, ()):
                standings = need.waiting.items
                if standings and (best is None or standings[0] < best):
                    best = standings[0]
        if best is None:
            if not desk.listed:
                desk.listed = True
                for slot in slots:
                    for need in desk.needs.get(slot, ()):
                        need.add_idle(desk)
            return
        case = best[2]
        unseek(case)
        offer_to(floor, case, desk, "agent_free")


def offer_to(floor: Floor, case: Case, desk: Desk, cause: str) -> None:
    """The contact is in no list any more."""
    now, config = floor.now, case.queue.config
    offer = Offer(floor.number(), case, desk, now, now + config.ring_s)
    floor.offers[offer.number] = offer
    why = Why(
        cause,
        "picked" if cause == "picked_up" else "preferred" if case.waits_for is not None else str(config.select),
        case.asked(),
        case.step,
        now - case.entered_at,
        now - desk.idle_since,
        case.priority + config.priority,
        case.rank,
    )
    case.offer, case.desk = offer, desk
    desk.hold(case)
    floor.at(offer.expires_at, OfferDue(offer.number))
    floor.out.append(
        OfferMade(now, offer.number, case.contact, desk.agent, config.name, case.wish.medium, offer.expires_at, why)
    )
    floor.go(case, ContactState.RESERVED)
    if desk.open_slots():  # capacity for more: its entries of before are void
        serve(floor, desk)


def end_offer(floor: Floor, offer: Offer, happening: str, reason: str) -> bool:
    """By the table; False, and a refusal, when it has its ending already. The contact is still the agent's."""
    cell = OFFER[offer.state, happening]
    if cell.error:
        floor.refuse(cell.error, f"offer {offer.number} is {offer.state}")
        return False
    offer.state = OfferState(cell.to)
    case = offer.case
    floor.out.append(
        OfferEnded(
            floor.now,
            offer.number,
            case.contact,
            offer.desk.agent,
            case.queue.config.name,
            case.wish.medium,
            offer.state,
            reason,
            floor.now - offer.made_at,
        )
    )
    return True


def let_go(floor: Floor, case: Case, state: ContactState) -> Desk:
    """Take the contact from its agent (who is to be served afterwards)."""
    desk = case.desk
    assert desk is not None
    floor.go(case, state)
    desk.release(case)
    floor.account(desk)
    if case.offer is not None:
        floor.offers.pop(case.offer.number, None)
    case.offer = case.desk = None
    return desk
