"""A platform with a desk at which contacts are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cti.acd import Profile
from cti.acd import outputs as o
from cti.acd.model import Slot
from cti.acd.states import ContactState
from cti.core.calls import Medium
from cti.core.legs import Phone

from .platform import Platform

CUSTOMER, DESK = "13800000000", "10010"
HANDS = {Slot.CALL: 1, Slot.CHAT: 3, Slot.SMS: 1, Slot.FAX: 1}


class Sent:
    """A gateway that takes what it is given, unless told otherwise."""

    def __init__(self, once: str = "no") -> None:
        self.texts: list[str] = []
        self.keys: list[str] = []
        self.once, self.takes = once, True

    def send(self, recipient: str, text: str, key: str) -> bool:
        if self.takes:
            self.texts.append(text)
            self.keys.append(key)
        return self.takes


class Site:
    """anna and bert take calls, chats, SMS and faxes."""

    def __init__(self, platform: Platform) -> None:
        self.platform, self.application = platform, platform.application
        self.floor = self.application.floor
        self.sent = Sent()
        channels = self.application.engine._services.messages._channels
        channels.update({"sms": self.sent, "chat": self.sent})
        self.facts: list[o.Output] = []
        self.floor.owner.listeners.append(self.facts.append)

    def sign_in(self, agent: str, extension: str, **capacity: Any) -> None:
        self.platform.phone(extension, answer_after=0.05)
        profile = Profile(agent, {"person": 1}, HANDS, frozenset({Slot.CHAT}))
        self.floor.lines.sign_in(profile, Phone(f"user/{extension}"))
        self.floor.lines.set_ready(agent)

    def write(self, text: str, medium: Medium = Medium.SMS, sender: str = CUSTOMER) -> str:
        return self.application.conversations.receive(medium, sender, DESK, text)

    def state(self, contact: str) -> ContactState | None:
        case = self.floor.owner.acd.floor.cases.get(contact)
        return None if case is None else case.state

    def agent_of(self, contact: str) -> str:
        case = self.floor.owner.acd.floor.cases.get(contact)
        return "" if case is None or case.desk is None else case.desk.agent

    def until(self, true: Callable[[], Any], what: str) -> Any:
        return self.platform.until(true, f"{what}; facts {self.facts[-6:]}; sent {self.sent.texts}")

    def offered(self, contact: str) -> str:
        """To whom."""
        self.until(lambda: self.state(contact) is ContactState.RESERVED, "it is offered")
        return self.agent_of(contact)

    def conversation(self, text: str = "0", **how: Any) -> str:
        """With an agent."""
        contact = self.write(text, **how)
        self.floor.text_desk.answer(self.offered(contact), contact)
        return contact

    def lines(self, contact: str) -> list[tuple[str, str]]:
        transcript = self.application.transcripts.find(contact)
        assert transcript is not None
        return [(line.author.value, line.text) for line in transcript.lines]

    def reconciled(self) -> None:
        """Counts and rows agree, whatever happened."""
        floor = self.floor.owner.acd.floor
        assert not floor.offers
        began = [f for f in self.facts if isinstance(f, o.EntryBegan)]
        ended = [f for f in self.facts if isinstance(f, o.EntryEnded)]
        assert len(began) == len(ended)
