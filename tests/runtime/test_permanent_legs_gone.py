"""A permanent leg dies, at every moment at which it may."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cti.acd import Profile
from cti.acd import inputs as i
from cti.acd.states import ContactState, Presence
from cti.core.legs import Phone
from cti.runtime.floor import permanent
from cti.runtime.floor.permanent import LegState

from .permanentkit import OPEN, House, house, shared
from .platform import Platform, summary

__all__ = ["house", "shared"]  # fixtures


def test_a_phone_that_registers_is_rung_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permanent, "REOPEN_S", (3600.0,))
    core, phone = house.platform.switch.core, house.phone("1004")
    core.set_behaviour(phone, replace(OPEN, registered=False))
    house.parts.lines.sign_in(Profile("anna", {"person": 1}), Phone("user/1004", "permanent_leg"))
    house.down()
    core.set_behaviour(phone, OPEN)
    house.opened()


def test_a_leg_that_dies_is_opened_again_and_the_agent_knows_why(house: House) -> None:
    call = house.sign_in()
    call.channel.hangup("NORMAL_CLEARING")
    house.until(lambda: house.told[-1][1] == "open" and len(house.told) > 2, "it is open again")
    assert [told[1:] for told in house.told] == [
        ("opening", ""), ("open", ""), ("down", "hung_up"), ("opening", ""), ("open", ""),
    ]  # fmt: skip
    assert house.floor.presence("anna") == (Presence.NOT_READY, "phone_down")
    house.parts.lines.set_ready("anna")
    house.talk()


def test_after_some_times_it_is_given_up_until_the_agent_asks(house: House) -> None:
    call = house.sign_in()
    phone = house.phone("1004")
    phone.behaviour = replace(OPEN, refuse="USER_BUSY")
    rung = len(phone.calls)
    call.channel.hangup("NORMAL_CLEARING")
    house.until(lambda: len(phone.calls) == rung + 5, "it is tried five times")
    house.until(lambda: house.held().timer is None and house.held().state is LegState.DOWN, "it is given up")
    assert len(phone.calls) == rung + 5


def test_the_leg_dies_while_a_contact_is_offered(house: House) -> None:
    call = house.sign_in()
    _, contact = house.offered()
    call.channel.hangup("NORMAL_CLEARING")
    house.until(lambda: house.floor.state(contact) is ContactState.QUEUED, "the contact waits again")
    assert house.floor.presence("anna") == (Presence.NOT_READY, "phone_down")
    house.opened()
    house.parts.lines.set_ready("anna")
    house.until(lambda: house.floor.state(contact) is ContactState.RESERVED, "it is offered again")
    house.floor.desk.answer("anna", contact)
    house.until(lambda: house.floor.state(contact) is ContactState.TALKING, "they talk")


@pytest.mark.parametrize("when", ["before", "inside"])
def test_the_leg_dies_while_a_contact_is_bridged_to_it(
    house: House, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    call = house.sign_in()
    control = house.platform.driver.leg_control
    bridge = control.bridge

    def broken(a: str, b: str) -> None:
        if when == "before":
            call.channel.hangup("NORMAL_CLEARING")
        bridge(a, b)
        call.channel.hangup("NORMAL_CLEARING")

    monkeypatch.setattr(control, "bridge", broken)
    caller, contact = house.offered()
    house.floor.desk.answer("anna", contact)
    house.until(lambda: ("anna", "down", "hung_up") in house.told, "the leg is lost")
    monkeypatch.undo()
    house.until(lambda: house.floor.state(contact) is ContactState.QUEUED, "the contact waits again")
    assert not caller.cause
    assert house.floor.presence("anna") == (Presence.NOT_READY, "phone_down")


def test_the_leg_dies_in_a_talk(house: House) -> None:
    call = house.sign_in()
    caller, contact = house.talk()
    call.channel.hangup("NORMAL_CLEARING")
    assert summary(house.platform.over(caller)) == ("flow_end", "talked", ("helped",))
    assert house.floor.state(contact) is None
    assert house.floor.presence("anna") == (Presence.NOT_READY, "phone_down")
    house.opened()


def test_ready_at_the_end_of_work_is_not_taken_without_a_leg(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permanent, "REOPEN_S", (3600.0,))
    call = house.sign_in()
    caller, _ = house.talk()
    house.parts.owner.ask(i.ChooseNext("anna", True))
    call.channel.hangup("NORMAL_CLEARING")
    house.platform.over(caller)
    assert house.floor.presence("anna") == (Presence.NOT_READY, "phone_down")


def test_a_leg_of_an_engine_that_died_is_hung_up_by_the_next(platform: Platform) -> None:
    """What the agent was to be told of is gone with the engine: nobody is signed in."""
    platform.phone("1004", answer_after=0.02)
    floor = platform.application.floor
    floor.lines.sign_in(Profile("anna", {"person": 1}), Phone("user/1004", "permanent_leg"))
    platform.until(lambda: floor.permanent._by_agent["anna"].state is LegState.OPEN, "the leg is open")
    [call] = platform.switch.core.directory.phones["1004"].calls
    platform.cut()
    platform.kill_engine()
    assert not call.cause
    platform.mend(wait=False)
    platform.restart_engine()
    platform.until(lambda: call.cause, "the next engine hangs it up")
    floor = platform.application.floor
    floor.lines.sign_in(Profile("anna", {"person": 1}), Phone("user/1004", "permanent_leg"))
    platform.until(lambda: floor.permanent._by_agent["anna"].state is LegState.OPEN, "the leg is open")
    [_, call] = platform.switch.core.directory.phones["1004"].calls
    platform.kill_engine()  # in order: it hangs up by itself
    platform.until(lambda: call.cause, "an engine that stops hangs up what waits")
    platform.restart_engine()
