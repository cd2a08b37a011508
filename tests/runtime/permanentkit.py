"""Agents whose phones keep a leg open, on a platform that tests share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from cti.acd import Profile
from cti.acd import inputs as i
from cti.acd.states import ContactState
from cti.core.legs import Phone
from cti.runtime.floor import permanent
from cti.runtime.floor.permanent import LegState, PermanentLeg
from cti.switch.embedded import VirtualCaller
from cti.switch.embedded.phones import PhoneBehaviour, PhoneLeg, VirtualPhone

from .platform import Platform, uuid_of
from .test_floor import Floor

OPEN = PhoneBehaviour(answer_after=0.02)


class House:
    """One engine for all tests of this page. Each begins and ends with nobody there."""

    def __init__(self, platform: Platform) -> None:
        self.platform, self.floor = platform, Floor(platform)
        self.parts = self.floor.parts
        self.told: list[tuple[str, str, str]] = []
        self.parts.hub.listeners.append(self._hear)
        queue = self.parts.owner.acd.floor.queues["desk"].config
        self.parts.owner.tell(i.SetQueue(replace(queue, ring_s=60.0, wrapup_s=0.0)))

    def _hear(self, event: Any, _at: float, data: Any) -> None:
        if event.type == "agent.phone_changed":
            self.told.append((data["agent"], data["state"], data["reason"]))

    def phone(self, number: str) -> VirtualPhone:
        return self.platform.switch.core.directory.phones[number]

    def held(self, agent: str = "anna") -> PermanentLeg:
        found = self.parts.permanent.find(agent)
        assert found is not None
        return found

    def sign_in(self, agent: str = "anna", number: str = "1004", *, ready: bool = True, **how: Any) -> PhoneLeg:
        """The call that the phone has."""
        self.phone(number).behaviour = replace(OPEN, **how)
        rung = len(self.phone(number).calls)
        self.parts.lines.sign_in(Profile(agent, {"person": 1}), Phone(f"user/{number}", "permanent_leg"), agent)
        self.opened(agent)
        assert len(self.phone(number).calls) == rung + 1
        if ready:
            self.parts.lines.set_ready(agent)
        return self.phone(number).calls[-1]

    def opened(self, agent: str = "anna") -> None:
        self.until(lambda: self.held(agent).state is LegState.OPEN, "the leg is open")

    def down(self, agent: str = "anna") -> None:
        self.until(lambda: self.held(agent).state is LegState.DOWN, "the leg is down")

    def until(self, true: Any, what: str) -> Any:
        return self.floor.until(true, f"{what}; told {self.told[-6:]}")

    def offered(self, **caller: Any) -> tuple[VirtualCaller, str]:
        caller_ = self.platform.call("desk", **caller)
        contact = uuid_of(caller_)
        self.until(lambda: self.floor.state(contact) is ContactState.RESERVED, "an offer")
        return caller_, contact

    def talk(self, agent: str = "anna") -> tuple[VirtualCaller, str]:
        caller, contact = self.offered()
        self.floor.desk.answer(agent, contact)
        self.until(lambda: self.floor.state(contact) is ContactState.TALKING, "they talk")
        return caller, contact

    def parked(self, call: PhoneLeg) -> None:
        self.until(lambda: call.channel.parked and not call.channel.partner, "the leg waits")

    def together(self, one: str, other: str) -> bool:
        channel = self.platform.switch.core.channels.get(one)
        return channel is not None and channel.bridged and channel.partner == other

    def empty(self) -> None:
        for caller in self.platform.callers:
            caller.hangup()
        for agent, desk in self.parts.owner.acd.floor.desks.items():
            if desk.signed_in and self.parts.lines.find(agent) is not None and agent in ("anna", "bert"):
                self.parts.lines.sign_out(agent, forced=True)
        self.platform.callers.clear()
        self.until(lambda: not self.platform.switch.core.channels, "no leg is left")
        self.until(
            lambda: not self.parts.permanent._by_leg and not self.platform.driver.leg_control.own, "none is held"
        )
        self.told.clear()
        self.floor.facts.clear()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    platform = Platform(tmp_path_factory.mktemp("permanent"))
    yield House(platform)
    platform.stop()


@pytest.fixture
def house(shared: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(permanent, "REOPEN_S", (0.02,) * 5)
    yield shared
    shared.empty()


def said(call: PhoneLeg) -> list[str]:
    return [heard.text for heard in call.log if heard.kind == "say"]
