"""What agents take in hand: parked contacts, those that ring at somebody else, a pause of the recording; and what is
answered before the switch has done it."""

from __future__ import annotations

from typing import Any

import pytest

from cti.acd import outputs as o
from cti.acd.states import ContactState, Presence
from cti.core.legs import Phone
from cti.runtime.floor import confirming
from cti.runtime.floor.confirming import Unconfirmed
from cti.runtime.floor.owner import FloorRefused

from .floorkit import Desks, desks, shared
from .platform import legs, summary, uuid_of
from .test_floor import ready, with_bert

__all__ = ["desks", "shared"]  # fixtures


def parked(desks: Desks) -> tuple[Any, str]:
    """A caller whom anna has parked, and the contact as which."""
    caller = desks.talk()
    desks.desk.park("anna", uuid_of(caller))
    desks.parts.lines.set_not_ready("anna", "break")
    return caller, desks.newest()


def test_park_and_pick_up(desks: Desks) -> None:
    with_bert(desks)
    mark = len(desks.platform.switch.core.directory.phones["1002"].calls)
    caller, contact = parked(desks)
    first = uuid_of(caller)
    assert desks.state(first) is ContactState.WORK
    shown = desks.parts.views.contact(desks.parts.owner.acd.floor.cases[contact])
    assert (shown["activity"], shown["agent"], shown["state"]) == ("parked", "", "QUEUED")
    assert desks.told("contact.parked", "contact", "parked_by") == [(contact, "anna")]
    ready(desks, "bert")
    desks.until(lambda: any(heard.kind == "tone" for heard in caller.log[-3:]), "music")
    assert len(desks.platform.switch.core.directory.phones["1002"].calls) == mark, "bert is free, and it is not offered"
    desks.parts.orders.pick_up("bert", contact)
    desks.until(lambda: desks.state(contact) is ContactState.TALKING, "bert has the caller")
    assert desks.bridged(first, desks.leg("bert"))
    desks.desk.hang_up("bert", contact)
    detail = desks.platform.over(caller)
    assert summary(detail) == ("flow_end", "talked", ("helped",))
    assert [role for role, _ in legs(detail)] == ["caller", "agent", "agent"]
    assert [(end.counted, str(end.outcome)) for end in desks.kinds(o.EntryEnded)] == [
        (True, "answered"),
        (False, "answered"),
    ]


def test_nobody_picks_up_and_who_parked_is_asked_again(desks: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks.desk, "park_s", 0.2)
    caller, contact = parked(desks)
    desks.desk.finish_work("anna", uuid_of(caller))
    desks.parts.lines.set_ready("anna")
    desks.until(lambda: desks.state(contact) is ContactState.TALKING, "anna has the caller again")
    assert desks.presence("anna")[0] is Presence.READY


def test_a_parked_caller_gives_up(desks: Desks) -> None:
    caller, contact = parked(desks)
    caller.hangup()
    assert summary(desks.platform.over(caller))[0] == "caller_hangup"
    assert desks.state(contact) is None
    with pytest.raises(FloorRefused) as gone:
        desks.parts.orders.pick_up("anna", contact)
    assert gone.value.code == "unknown-contact"


def test_one_that_rings_at_somebody_else_is_picked_up(desks: Desks) -> None:
    """The one phone stops, the other one rings; the first agent stays READY."""
    desks.platform.phone("1001", answer_after=None)
    with_bert(desks)
    caller = desks.platform.call("desk")
    contact = uuid_of(caller)
    desks.until(lambda: desks.state(contact) is ContactState.RESERVED, "anna's phone rings")
    desks.parts.orders.pick_up("bert", contact)
    desks.until(lambda: desks.state(contact) is ContactState.TALKING, "bert has the caller")
    assert desks.presence("anna")[0] is Presence.READY
    assert desks.presence("bert") == (Presence.NOT_READY, "study")
    assert ("rescinded", "picked_up") in desks.told("offer.ended", "ending", "reason")
    with pytest.raises(FloorRefused) as refused:
        desks.parts.orders.pick_up("anna", contact)
    assert refused.value.code == "not-waiting"


def test_a_phone_that_can_answers_what_is_picked_up(desks: Desks) -> None:
    desks.platform.phone("1002", answer_after=None, answers_on_talk=True)
    desks.platform.phone("1001", answer_after=None)
    with_bert(desks, answer_after=None, answers_on_talk=True)
    desks.parts.lines.move("bert", Phone("user/1002", remote_answer="talk_event"))
    caller = desks.platform.call("desk")
    desks.until(lambda: desks.state(uuid_of(caller)) is ContactState.RESERVED, "anna's phone rings")
    desks.parts.orders.pick_up("bert", uuid_of(caller))
    desks.until(lambda: desks.state(uuid_of(caller)) is ContactState.TALKING, "bert has the caller")


def test_pause_mute_and_keys_are_done_when_the_switch_says_so(desks: Desks) -> None:
    caller = desks.talk()
    contact, agent = uuid_of(caller), desks.leg("anna")
    desks.desk.pause_recording("anna", contact, True)
    desks.desk.pause_recording("anna", contact, True)  # as it is already
    desks.desk.pause_recording("anna", contact, False)
    assert desks.heard(contact, agent)
    desks.desk.mute("anna", contact, True)
    assert not desks.heard(contact, agent)
    desks.desk.mute("anna", contact, False)
    assert desks.heard(contact, agent)
    desks.desk.send_dtmf("anna", contact, "12#")
    desks.until(lambda: caller.digits.endswith("12#"), "the keys have come")
    caller.hangup()
    [kept] = desks.platform.over(caller).recordings
    assert len(kept.paused) == 1


def test_there_is_nothing_to_pause(desks: Desks) -> None:
    desks.parts.lines.set_not_ready("anna", "break")
    caller = desks.platform.call("desk")
    contact = uuid_of(caller)
    desks.until(lambda: desks.state(contact), "the caller waits")
    desks.platform.application.floor.owner.ask(_moved(contact))
    desks.parts.lines.set_ready("anna")
    desks.until(lambda: desks.state(contact) is ContactState.TALKING, "they talk, in a queue that records nothing")
    with pytest.raises(FloorRefused) as refused:
        desks.desk.pause_recording("anna", contact, True)
    assert refused.value.code == "not-recorded"


def _moved(contact: str) -> Any:
    from cti.acd.inputs import Move

    return Move(contact, "second")


@pytest.mark.parametrize("command", ["mute", "pause", "dtmf", "park", "transfer", "hangup", "hold"])
def test_nothing_is_done_before_the_switch_has_said_so(
    desks: Desks, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Nothing comes in time: the command is not answered as done; it is done afterwards all the same."""
    caller = desks.talk()
    contact, desk = uuid_of(caller), desks.desk
    monkeypatch.setattr(confirming, "CONFIRM_S", 0.0)
    commands = {
        "mute": lambda: desk.mute("anna", contact, True),
        "pause": lambda: desk.pause_recording("anna", contact, True),
        "dtmf": lambda: desk.send_dtmf("anna", contact, "1"),
        "park": lambda: desk.park("anna", contact),
        "transfer": lambda: desk.transfer("anna", contact, "queue", "second"),
        "hangup": lambda: desk.hang_up("anna", contact),
        "hold": lambda: desk.hold("anna", contact),
    }
    with pytest.raises(Unconfirmed) as late:
        commands[command]()
    desks.until(late.value.done, f"{command} is done")


def test_consult_return_consult_complete_and_nobody_is_left_over(desks: Desks) -> None:
    """The sequence of a difficult call: asked and not answered, asked and back, a conference, and handed over."""
    with_bert(desks, answer_after=None)
    caller = desks.talk()
    contact = uuid_of(caller)
    ready(desks, "bert")
    desks.desk.consult("anna", contact, "agent", "bert")
    desks.desk.return_("anna", contact)
    desks.platform.phone("1002", answer_after=0.05)
    desks.until(lambda: desks.presence("bert")[0] is Presence.READY, "bert is free again")
    desks.desk.consult("anna", contact, "agent", "bert")
    desks.until(lambda: desks.state(desks.consult(contact)) is ContactState.TALKING, "bert is asked")
    assert not desks.heard(contact, desks.leg("bert")), "the customer hears nothing of it"
    assert not desks.heard(contact, desks.leg("anna"))
    desks.desk.conference("anna", contact)
    desks.until(lambda: desks.heard(contact, desks.leg("bert")), "all three talk")
    desks.desk.drop("anna", contact)
    desks.until(lambda: desks.bridged(contact, desks.leg("anna")), "two again")
    desks.until(lambda: desks.state(f"{contact}~x") is None and desks.presence("bert")[0] is Presence.READY, "free")
    desks.desk.finish_work("bert", work) if (work := _work_of(desks, "bert")) else None
    desks.desk.consult("anna", contact, "agent", "bert")
    asked = desks.consult(contact)
    desks.until(lambda: desks.state(asked) is ContactState.TALKING, "bert is asked again")
    desks.desk.complete("anna", contact)
    desks.until(lambda: desks.bridged(contact, desks.leg("bert")), "bert has the caller")
    desks.desk.hang_up("bert", asked)
    assert summary(desks.platform.over(caller)) == ("flow_end", "talked", ("helped",))


def _work_of(desks: Desks, agent: str) -> str:
    """The contact that this agent still has work with; empty: none."""
    held = desks.parts.owner.acd.floor.desks[agent].contacts
    return next((contact for contact, case in held.items() if case.state is ContactState.WORK), "")
