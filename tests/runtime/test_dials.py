"""Agents dial: the agent's own phone rings, then whom the agent wants; then it is a talk like any other."""

from __future__ import annotations

from typing import Any

import gevent
import pytest

from cti.acd import Profile
from cti.acd import outputs as o
from cti.acd.states import ContactState, Presence
from cti.core.errors import CtiError
from cti.core.legs import Phone
from cti.runtime.floor.dials import Dials
from cti.runtime.floor.owner import FloorRefused
from cti.switch.embedded.phones import PhoneBehaviour, VirtualPhone

from .floorkit import Desks, desks, shared
from .platform import legs, summary

__all__ = ["desks", "shared"]  # fixtures

NUMBER = "8613800000001"


class Dialled:
    """anna on 1001, NOT_READY; a person behind a trunk."""

    def __init__(self, desks: Desks) -> None:
        self.platform, self.floor = desks.platform, desks
        self.floor.parts.lines.set_not_ready("anna", "break")
        self.phone = VirtualPhone(NUMBER, PhoneBehaviour(answer_after=0.05))
        self.own = len(self.platform.switch.core.directory.phones["1001"].calls)
        self.platform.switch.core.directory.outside[NUMBER] = self.phone

    @property
    def told(self) -> list[tuple[str, str]]:
        return self.floor.told("contact.dialled", "state", "outcome")

    @property
    def contact(self) -> str:
        found: str = self.floor.told("contact.dialled", "contact")[-1]
        return found

    @property
    def dials(self) -> Dials:
        dials = self.floor.parts.dials
        assert dials is not None
        return dials

    def behave(self, **how: Any) -> None:
        self.phone.behaviour = PhoneBehaviour(**({"answer_after": 0.05} | how))

    def dial(self, target: str = f"number/{NUMBER}") -> str:
        return self.dials.dial("anna", Phone(target))

    def talk(self) -> str:
        contact = self.dial()
        self.floor.until(lambda: self.floor.state(contact) is ContactState.TALKING, "they talk")
        return contact

    def gone(self) -> None:
        self.floor.until(lambda: not self.platform.switch.core.channels, "no leg is left")
        assert self.floor.parts.owner.acd.floor.desks["anna"].contacts == {}


@pytest.fixture
def dialled(desks: Desks) -> Dialled:
    return Dialled(desks)


def test_an_agent_who_is_not_ready_dials_and_it_is_handled_work(dialled: Dialled) -> None:
    floor = dialled.floor
    contact = dialled.talk()
    assert floor.bridged(contact, floor.leg("anna"))
    [shown] = [leg.channel.variables.get("origination_caller_id_number", "") for leg in dialled.phone.calls]
    assert shown == ""  # no number is configured
    floor.desk.hold("anna", contact)
    assert floor.state(contact) is ContactState.HOLD
    floor.desk.retrieve("anna", contact)
    floor.desk.hang_up("anna", contact)
    floor.until(lambda: floor.kinds(o.Handled), "the end; nothing is configured for work after it")
    [handled] = floor.kinds(o.Handled)
    assert (handled.agent, handled.queue, handled.medium) == ("anna", "", "outbound")
    assert not floor.kinds(o.EntryBegan)
    assert floor.presence("anna") == (Presence.NOT_READY, "break")
    detail = dialled.platform.recorded(contact)
    assert (detail.call.entry, summary(detail)) == ("dialled by anna", ("flow_end", "talked", ()))
    assert [role for role, _ in legs(detail)] == ["caller", "agent"]
    assert dialled.told == [("placing", ""), ("dialling", ""), ("ringing", ""), ("answered", "")]
    dialled.gone()


def test_work_after_it_by_the_profile_and_the_customer_ends_the_talk(dialled: Dialled) -> None:
    floor = dialled.floor
    floor.parts.lines.sign_out("anna")
    floor.parts.lines.sign_in(Profile("anna", {"person": 1}, wrapup_s=30), Phone("user/1001"))
    contact = dialled.talk()
    dialled.phone.calls[-1].channel.hangup("NORMAL_CLEARING")
    floor.until(lambda: floor.state(contact) is ContactState.WORK, "the work")
    assert dialled.platform.recorded(contact).call.terminal_cause == "caller_hangup"
    with pytest.raises(FloorRefused) as refused:
        dialled.dial()
    assert refused.value.code == "agent-busy"
    floor.desk.finish_work("anna", contact)
    dialled.gone()


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [({"refuse": "USER_BUSY"}, "busy"), ({"refuse": "CALL_REJECTED"}, "rejected")],
)
def test_one_who_is_not_reached(dialled: Dialled, behaviour: Any, outcome: str) -> None:
    dialled.behave(**behaviour)
    with pytest.raises(FloorRefused) as refused:
        dialled.dial()
    assert (refused.value.code, outcome in str(refused.value)) == ("not-reached", True)
    assert dialled.told[-1] == ("failed", outcome)
    assert summary(dialled.platform.recorded(dialled.contact))[1] == "not_reached"
    dialled.gone()


def test_an_own_phone_that_is_not_taken_dials_nobody(dialled: Dialled) -> None:
    dialled.platform.phone("1001", refuse="USER_BUSY")
    with pytest.raises(FloorRefused) as refused:
        dialled.dial()
    assert refused.value.code == "not-reached"
    assert dialled.told == [("placing", ""), ("failed", "own_phone")]
    assert dialled.phone.calls == []
    assert floor_presence(dialled) == (Presence.NOT_READY, "break")
    dialled.gone()


def floor_presence(dialled: Dialled) -> tuple[Presence, str]:
    return dialled.floor.presence("anna")


def test_an_agent_who_hangs_up_while_it_rings_dials_no_longer(dialled: Dialled) -> None:
    dialled.behave(answer_after=None)
    contact = dialled.dial()
    assert dialled.told[-1] == ("ringing", "")
    dialled.platform.switch.core.directory.phones["1001"].calls[-1].channel.hangup("NORMAL_CLEARING")
    dialled.floor.until(lambda: dialled.told[-1] == ("failed", "own_phone"), "it is over")
    assert summary(dialled.platform.recorded(contact))[1] == "not_reached"
    dialled.gone()


def test_the_command_hang_up_takes_it_back(dialled: Dialled) -> None:
    dialled.behave(answer_after=None)
    contact = dialled.dial()
    case = dialled.floor.parts.owner.acd.floor.cases[contact]
    assert dialled.floor.parts.views.contact(case)["activity"] == "dialling"
    assert dialled.floor.parts.views.actions(case) == ["hangup"]
    dialled.floor.desk.hang_up("anna", contact)
    assert dialled.told[-1] == ("failed", "cancelled")
    assert dialled.floor.state(contact) is None
    dialled.gone()


def test_a_phone_that_can_is_made_to_answer(dialled: Dialled) -> None:
    dialled.platform.phone("1001", answer_after=None, answers_on_talk=True)
    dialled.floor.parts.lines.move("anna", Phone("user/1001", remote_answer="talk_event"))
    contact = dialled.talk()
    dialled.floor.desk.hang_up("anna", contact)
    dialled.gone()


def test_what_must_not_be_dialled_is_refused_before_anything_rings(dialled: Dialled) -> None:
    for target in ("number/4400", "number/00", "user/10,02", "user/{x=1}1001", "number/86[1]", "user/1&2", "user/1|2"):
        with pytest.raises(CtiError) as refused:
            dialled.dial(target)
        assert refused.value.code == "destination-denied", target
    assert len(dialled.platform.switch.core.directory.phones["1001"].calls) == dialled.own
    with pytest.raises(FloorRefused) as absent:
        dialled.dials.dial("bert", Phone("user/1003"))
    assert absent.value.code == "agent-not-signed-in"


def test_a_dialled_customer_is_transferred_to_a_queue_and_hears_music(dialled: Dialled) -> None:
    floor = dialled.floor
    contact = dialled.talk()
    floor.desk.transfer("anna", contact, "queue", "desk")
    again = floor.newest()
    floor.until(lambda: floor.state(again) is ContactState.QUEUED, "the customer waits")
    heard = dialled.phone.calls[-1].log
    floor.until(lambda: any(sound.kind == "tone" for sound in heard), "music")
    floor.sign_in("bert", "1002")
    floor.until(lambda: floor.state(again) is ContactState.TALKING, "bert has the customer")
    assert floor.bridged(contact, floor.leg("bert"))
    [entry] = floor.kinds(o.EntryEnded)
    assert (entry.queue, str(entry.outcome), entry.counted) == ("desk", "answered", True)
    floor.desk.hang_up("bert", again)
    assert summary(dialled.platform.recorded(contact))[1] == "talked"
    floor.desk.finish_work("bert", again)
    dialled.gone()


def test_consult_and_conference_on_a_call_that_was_dialled(dialled: Dialled) -> None:
    floor = dialled.floor
    contact = dialled.talk()
    floor.sign_in("bert", "1002")
    floor.desk.consult("anna", contact, "agent", "bert")
    floor.until(lambda: floor.state(floor.consult(contact)) is ContactState.TALKING, "bert is asked")
    floor.desk.conference("anna", contact)
    floor.desk.drop("anna", contact)
    floor.until(lambda: floor.bridged(contact, floor.leg("anna")), "the two talk on")
    floor.desk.consult("anna", contact, "agent", "bert")
    asked = floor.consult(contact)
    floor.until(lambda: floor.state(asked) is ContactState.TALKING, "bert is asked again")
    floor.desk.complete("anna", contact)
    floor.until(lambda: floor.bridged(contact, floor.leg("bert")), "bert has the customer")
    floor.desk.hang_up("bert", asked)
    assert summary(dialled.platform.recorded(contact))[1] == "talked"
    dialled.gone()


def test_two_dials_at_the_same_moment_are_one(dialled: Dialled) -> None:
    def attempt() -> str:
        try:
            return dialled.dial()
        except FloorRefused as error:
            return error.code

    ended = [gevent.spawn(attempt) for _ in range(2)]
    gevent.joinall(ended)
    codes = sorted(greenlet.value for greenlet in ended)
    assert codes.count("agent-busy") == 1
    [contact] = [code for code in codes if code != "agent-busy"]
    dialled.floor.until(lambda: dialled.floor.state(contact) is ContactState.TALKING, "they talk")
    dialled.floor.desk.hang_up("anna", contact)
    dialled.gone()
