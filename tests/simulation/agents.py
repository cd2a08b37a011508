"""Agents at work: signed in as the API does it, with orders on whatever they have in hand, at any moment."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import gevent

from cti.core.errors import CtiError
from cti.core.legs import Phone

from .ground import PEOPLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.people import AgentProfile
    from cti.runtime.floor import Floor

    from .engines import Engines
    from .virtual_time import VirtualTime

#: Time with links that an order has taken at most.
UNDER_WAY_S = 0.5
ORDERS = ("reject", "hangup", "hold", "retrieve", "transfer", "consult", "complete", "return", "conference", "finish")
TEXT_ORDERS = ("answer", "answer", "send", "reject", "hangup", "transfer", "finish")
_METHODS = {"hangup": "hang_up", "return": "return_", "finish": "finish_work"}


class Agents:
    """``done``: orders that were taken, by name; ``broken``: orders that ended in no way that an order may end."""

    def __init__(self, engines: Engines, time: VirtualTime) -> None:
        self._engines, self._time, self._chance = engines, time, time.chance
        self.ordered: dict[str, float] = {}  # phone -> when its agent gave the newest order
        self.done: Counter[str] = Counter()
        self.broken: list[str] = []
        self.over = self.pause = False

    def start(self) -> None:
        for profile in PEOPLE.values():
            gevent.spawn_later(self._chance.uniform(0.0, 5.0), self._work, profile)

    def under_way(self, served_s: Callable[[float], float]) -> frozenset[str]:
        """Phones of agents whose orders may not have reached the switch yet: an engine without links keeps them.
        ``served_s``: as `Witness.served_s`."""
        return frozenset(phone for phone, at in self.ordered.items() if served_s(at) < UNDER_WAY_S)

    def _work(self, profile: AgentProfile) -> None:
        while not self.over:
            if not self.pause:
                asked = self._engines.ask(self._act, self._engines.application.floor, profile)
                asked.join(90.0)
                if not asked.ready():
                    self.broken.append(f"an order of {profile.agent_id} has no end after 90 s")
            gevent.sleep(self._chance.uniform(0.3, 4.0))

    def _act(self, floor: Floor, profile: AgentProfile) -> None:
        order = "?"
        try:
            order = self._draw(floor, profile)
            self.done[f"agent: {order}"] += 1
        except CtiError:
            self.done["agent: refused"] += 1
        except Exception as error:  # noqa: BLE001 - what it is is told
            self.broken.append(f"an order of {profile.agent_id} failed: {error!r}")

    def _draw(self, floor: Floor, profile: AgentProfile) -> str:
        agent, via = profile.agent_id, f"session-{profile.agent_id}"
        if not floor.seats.signed_in(agent):
            floor.seats.sign_in(profile, Phone(f"user/{profile.phone}"), via)
            return "sign in"
        floor.seats.beat(agent, via)
        desk = floor.owner.acd.floor.desks[agent]
        if not desk.contacts:
            if not desk.ready:
                floor.lines.set_ready(agent)
                return "ready"
            draw = self._chance.random()
            if draw < 0.05:
                floor.lines.set_not_ready(agent, "break")
                return "not ready"
            if draw < 0.08:
                floor.seats.sign_out(agent)
                return "sign out"
            return "wait"
        if self._chance.random() < 0.4:
            return "look"
        contact = self._chance.choice(sorted(desk.contacts))
        handling = floor.desk_of(contact)
        written = handling is floor.text_desk
        order = self._chance.choice(TEXT_ORDERS if written else ORDERS)
        method: Any = getattr(handling, _METHODS.get(order, order))
        target: tuple[str, ...] = ()
        if order == "send":
            target = ("Good morning.",)
        elif order in ("transfer", "consult"):
            others = sorted(set(PEOPLE) - {agent})
            target = self._chance.choice(
                (
                    ("agent", self._chance.choice(others)),
                    ("queue", "desk"),
                    *([] if written else [("extension", "1002")]),
                )
            )
        if order in ("answer", "send"):
            method(agent, contact, *target)
            return f"{order} a text"
        self.ordered[profile.phone] = self._time.now
        floor.orders.do(agent, contact, order, lambda: method(agent, contact, *target))
        return order
