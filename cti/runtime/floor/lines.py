"""Where agents are reached: their phones, while they are signed in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cti.acd.inputs import SetNotReady, SetReady, SignIn, SignOut
from cti.core.legs import Phone

if TYPE_CHECKING:
    from cti.acd.model import Profile
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.permanent import PermanentLegs


@dataclass(slots=True)
class Line:
    agent: str
    phone: Phone | None = None
    name: str = ""


@dataclass(slots=True)
class Lines:
    owner: FloorOwner
    permanent: PermanentLegs
    _by_agent: dict[str, Line] = field(default_factory=dict)

    def find(self, agent: str) -> Line | None:
        return self._by_agent.get(agent)

    def all(self) -> list[Line]:
        return list(self._by_agent.values())

    def move(self, agent: str, phone: Phone) -> None:
        """From now on the agent is reached there; a phone that rings or talks goes on."""
        self._by_agent[agent].phone = phone
        self.permanent.open(agent, phone)

    def sign_in(self, profile: Profile, phone: Phone | None, name: str = "") -> None:
        """Raises FloorRefused (already-signed-in)."""
        self.owner.ask(SignIn(profile))
        self._by_agent[profile.agent] = Line(profile.agent, phone, name or profile.agent)
        if phone is not None:
            self.permanent.open(profile.agent, phone)

    def sign_out(self, agent: str, *, forced: bool = False) -> None:
        """Raises FloorRefused (agent-has-contacts)."""
        self.owner.ask(SignOut(agent, forced))
        self._by_agent.pop(agent, None)
        self.permanent.close(agent)

    def set_ready(self, agent: str) -> None:
        """Raises FloorRefused: agent-not-signed-in, phone-not-open."""
        self.permanent.require_open(agent)
        self.owner.ask(SetReady(agent))

    def set_not_ready(self, agent: str, reason: str) -> None:
        self.owner.ask(SetNotReady(agent, reason))
