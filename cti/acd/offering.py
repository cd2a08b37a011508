"""What becomes of offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.acd.matching import end_offer, let_go, serve
from cti.acd.states import ContactState, SystemReason
from cti.acd.waiting import back

if TYPE_CHECKING:
    from cti.acd import due
    from cti.acd import inputs as i
    from cti.acd.cases import Offer
    from cti.acd.floor import Floor


def accept(floor: Floor, told: i.Accept) -> None:
    """The contact stays RESERVED until agent and customer are connected."""
    offer = _find(floor, told.offer)
    if offer is not None:
        end_offer(floor, offer, "accept", "")


def reject(floor: Floor, told: i.Reject) -> None:
    offer = _find(floor, told.offer)
    if offer is not None and end_offer(floor, offer, "reject", SystemReason.REJECTED):
        _return(floor, offer, SystemReason.REJECTED)


def failed(floor: Floor, told: i.OfferFailed) -> None:
    """Pending, it ends as timed_out; accepted, and the agent's leg was lost before the connection: back as well."""
    missed = told.reason == "no_answer"
    reason = SystemReason.RING_NO_ANSWER if missed else SystemReason.PHONE_DOWN
    offer = _find(floor, told.offer)
    if offer is None:
        return
    if offer.pending:
        end_offer(floor, offer, "time_out", reason)
    _return(floor, offer, reason)


def offer_due(floor: Floor, told: due.OfferDue) -> None:
    offer = floor.offers.get(told.offer)
    if offer is not None and offer.pending:
        end_offer(floor, offer, "time_out", SystemReason.RING_NO_ANSWER)
        _return(floor, offer, SystemReason.RING_NO_ANSWER)


def rescind_all(floor: Floor, agent: str, reason: str) -> None:
    """Every pending offer to this agent goes back, without a word about the agent."""
    for case in list(floor.desks[agent].contacts.values()):
        offer = case.offer
        if offer is not None and offer.pending:
            end_offer(floor, offer, "rescind", reason)
            let_go(floor, case, ContactState.QUEUED)
            back(floor, case)


def _return(floor: Floor, offer: Offer, reason: SystemReason) -> None:
    """The agent is not asked again until READY anew; the contact seeks another in its old place."""
    case = offer.case
    desk = let_go(floor, case, ContactState.QUEUED)
    floor.set_presence(desk, "expire", reason)
    back(floor, case)
    serve(floor, desk)


def _find(floor: Floor, number: int) -> Offer | None:
    offer = floor.offers.get(number)
    if offer is None:
        floor.refuse("offer-over", f"offer {number} has its ending, or never was")
    return offer
