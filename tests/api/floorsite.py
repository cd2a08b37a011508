"""A floor without a switch under an API: phones do what a test says, and nothing is said to anybody."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cti.acd import QueueConfig, Wish
from cti.acd import inputs as i
from cti.core.access import Principal
from cti.core.legs import LegHungUp, Phone
from cti.core.people import AgentProfile
from cti.core.wrapups import Dispositions
from cti.runtime.floor import Floor
from cti.runtime.floor.hub import Subscription
from cti.runtime.floor.talk import Party
from tests import told


@dataclass
class FakeLegs:
    """Remembers what it was told. What can be confirmed by a callback, or by the end of a leg, is."""

    told: list[tuple[Any, ...]] = field(default_factory=list)
    floor: Floor | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args, **named: self._do(name, *args)

    def _do(self, name: str, *args: Any) -> None:
        self.told.append((name, *args))
        if args and callable(args[-1]):
            args[-1](True)
        if name == "hang_up" and self.floor is not None:
            self.floor.talks.leg_event(LegHungUp(args[0], "NORMAL_CLEARING"))

    def registered(self, user: str) -> bool:
        return True


class NoPrompts:
    def find(self, parts: Any) -> list[str]:
        return []


QUEUES = (QueueConfig("service", {"person": 1}, wrapup_s=30), QueueConfig("second", {"person": 1}, wait_unstaffed=True))

DISPOSITIONS = {"service": Dispositions({"solved": "Solved", "again": "Calls again"})}


def make_floor(clock: Any) -> tuple[Floor, FakeLegs]:
    legs = FakeLegs()
    switches = {"fs1": legs}
    floor = Floor(
        clock, QUEUES, NoPrompts(), lambda _: legs, {}, dispositions=DISPOSITIONS, switches=lambda: switches  # type: ignore[arg-type,return-value]
    )  # fmt: skip
    told.watch(floor.hub)
    legs.floor = floor
    return floor, legs


def sit(floor: Floor, agent: str, user: str, team: str, via: str = "session:test") -> None:
    """Signed in and READY, on the phone of the same number."""
    floor.seats.sign_in(AgentProfile(agent, user, agent, team, phone=agent), Phone(f"user/{agent}"), via)
    floor.lines.set_ready(agent)


def come(floor: Floor, legs: FakeLegs, contact: str, queue: str = "service", **wish: Any) -> list[str]:
    """A caller enters a queue; what is said to the caller's flow comes in the list."""
    said: list[str] = []
    party = Party(
        contact, contact, legs, (), lambda *_: None, lambda *_: None, lambda: said.append("talked"), said.append  # type: ignore[arg-type]
    )  # fmt: skip
    floor.talks.admit(party)
    floor.owner.tell(i.Enter(Wish(contact, queue, **wish)))
    return said


class OneLook:
    """Streams begin, show what is there, and end."""

    def __init__(self, floor: Floor) -> None:
        self._subscribe = floor.hub.subscribe

    def __call__(self, sight: Any, last_id: str | None = None, **how: Any) -> Subscription:
        found = self._subscribe(sight, last_id, **how)
        found.end("session_replaced")
        return found


def somebody(user: str, *roles: Any, **scope: Any) -> Principal:
    return Principal.of(user, roles, **scope)
