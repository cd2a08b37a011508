"""Every cell of the three published tables, by the real distribution."""

from __future__ import annotations

import pytest

from cti.acd import QueueConfig
from cti.acd import inputs as i
from cti.acd import outputs as o
from cti.acd.states import CONTACT, OFFER, PRESENCE, Cell, ContactState, OfferState, Presence
from tests.acd.stage import Stage, refusal

LONG = QueueConfig("q", wrapup_s=1000, ring_s=20, wait_unstaffed=True)


def agent_in(presence: str, command: str) -> Stage:
    """anna in ``presence``; for ``expire`` with an offer that is about to fail."""
    stage = Stage(LONG)
    stage.sign_in("anna", ready=presence == "READY" or command == "expire")
    if command == "expire":
        stage.enter("c0")
        stage.tell(i.Accept(stage.offer("c0")))
        if presence == "NOT_READY":
            stage.tell(i.SetNotReady("anna", "break"))
    if presence == "LOGOUT":
        stage.tell(i.SignOut("anna", forced=True))
    return stage


@pytest.mark.parametrize(
    ("at", "cell"), PRESENCE.items(), ids=lambda part: "-".join(part) if isinstance(part, tuple) else ""
)
def test_presence(at: tuple[str, str], cell: Cell) -> None:
    presence, command = at
    stage = agent_in(presence, command)
    assert stage.presence("anna")[0] == presence
    profile = stage.acd.floor.desks["anna"].profile
    if command == "pick_up":
        stage.enter("c2", skills={"rare": 1})
    told = {
        "sign_in": lambda: i.SignIn(profile),
        "ready": lambda: i.SetReady("anna"),
        "not_ready": lambda: i.SetNotReady("anna", "study"),
        "sign_out": lambda: i.SignOut("anna"),
        "lose": lambda: i.AgentDown("anna", "phone_down"),
        "expire": lambda: i.OfferFailed(stage.offer("c0"), "no_answer"),
        "dial": lambda: i.PlaceCall("c1", "anna"),
        "pick_up": lambda: i.PickUp("c2", "anna"),
    }[command]()
    assert refusal(stage.tell(told)) == cell.error
    assert stage.presence("anna")[0] is Presence(cell.to or presence)


def contact_in(state: str) -> tuple[Stage, int]:
    """c0 in ``state``, and the number of its last offer (0: none)."""
    stage = Stage(LONG)
    stage.sign_in("anna", ready=state != "QUEUED")
    stage.enter("c0")
    offer = 0 if state == "QUEUED" else stage.offer("c0")
    if state not in ("QUEUED", "RESERVED"):
        stage.talk("c0")
    elif state == "RESERVED":
        stage.tell(i.Accept(offer))
    if state == "HOLD":
        stage.tell(i.Hold("c0"))
    if state in ("WORK", "CLOSED"):
        stage.over("c0")
    if state == "CLOSED":
        stage.tell(i.FinishWork("c0"))
    return stage, offer


@pytest.mark.parametrize(
    ("at", "cell"), CONTACT.items(), ids=lambda part: "-".join(part) if isinstance(part, tuple) else ""
)
def test_contact(at: tuple[str, str], cell: Cell) -> None:
    state, command = at
    stage, offer = contact_in(state)
    assert stage.state("c0") == state
    before = len(stage.of(o.OfferMade))
    if command == "offer":  # only an agent who may take it can bring that about
        if state == "QUEUED":
            stage.ready("anna")
        else:
            stage.sign_in("bert")
        assert stage.agent("c0") == ("" if state == "CLOSED" else "anna")
        assert len(stage.of(o.OfferMade)) - before == (not cell.error)
    elif command == "back":  # the end of an offer: for those who have none it is over
        made = stage.tell(i.OfferFailed(offer, "no_answer"))
        assert refusal(made) == ("" if state == "RESERVED" else "offer-over")
    else:
        told = {
            "connect": i.Connect("c0"), "hold": i.Hold("c0"), "retrieve": i.Retrieve("c0"),
            "over": i.TalkOver("c0"), "done": i.FinishWork("c0"), "leave": i.Leave("c0"),
        }[command]  # fmt: skip
        assert refusal(stage.tell(told)) == cell.error
    assert stage.state("c0") is ContactState(cell.to or state)


@pytest.mark.parametrize(
    ("at", "cell"), OFFER.items(), ids=lambda part: "-".join(part) if isinstance(part, tuple) else ""
)
def test_offer(at: tuple[str, str], cell: Cell) -> None:
    state, happening = at
    stage = Stage(LONG)
    stage.sign_in("anna")
    stage.enter("c0")
    number = stage.offer("c0")

    def happens(what: str) -> list[o.Output]:
        match what:
            case "accept":
                return stage.tell(i.Accept(number))
            case "reject":
                return stage.tell(i.Reject(number))
            case "time_out":
                return stage.later(20)
            case _:
                return stage.tell(i.AgentDown("anna", "connection_down"))

    led = {"accepted": "accept", "rejected": "reject", "timed_out": "time_out", "rescinded": "rescind"}
    if state in led:
        happens(led[state])
    made = happens(happening)
    endings = [fact.ending for fact in stage.of(o.OfferEnded)]
    assert endings == [OfferState(cell.to or state)], "one ending, the first"
    asked_for = happening in ("accept", "reject")  # what comes by itself finds nothing, and is no request to refuse
    assert refusal(made) == (cell.error if asked_for else "")
