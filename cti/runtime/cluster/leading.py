"""The leader's end of the bus: what it says in its own name, and the flow workers that carry its callers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from cti.core.legs import LegHungUp
from cti.runtime.cluster.asking import Asking
from cti.runtime.cluster.codec import unpack
from cti.runtime.cluster.remote_legs import RemoteLegs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from cti.core.legs import Phone
    from cti.ports import LegSink
    from cti.ports.cluster import Bus, Member, Message

log = logging.getLogger("cti.cluster")

#: Kinds of messages: the leader is here; an order to a caller's run; what becomes of legs.
HERE, CALL, LEG_EVENT = "here", "call.", "leg-event"
FLOW = "flow"


class Leading:
    """``epoch`` of the lease that makes us the leader. ``may_dial`` raises CtiError (destination-denied)."""

    def __init__(self, bus: Bus, epoch: int, may_dial: Callable[[Phone], object]) -> None:
        self.bus, self.epoch, self._may_dial = bus, epoch, may_dial
        self._asking = Asking(bus)
        self._sink: LegSink | None = None
        self._legs: dict[tuple[str, str, str], RemoteLegs] = {}  # address, run, switch
        self._workers: dict[str, str] = {}  # address -> run of those whom we have told that we lead
        self._early: list[tuple[str, str, str, Mapping[str, Any]]] = []  # for those whom we have not, before the start
        #: Told of each worker that is there now, and that is gone; for those with callers.
        self.came: Callable[[str, str], None] = lambda _address, _run: None
        self.went: Callable[[str, str], None] = lambda _address, _run: None
        bus.listen(LEG_EVENT, self._leg_event)
        bus.watchers.append(self._member)

    def start(self, sink: LegSink) -> None:
        """From here on workers tell of their callers."""
        self._sink = sink
        for legs in self._legs.values():
            legs.attach(sink)
        for member in list(self.bus.members().values()):
            self._member(member, True)
        early, self._early = self._early, []
        for one in early:
            self.send(*one)

    # ---- messages ----------------------------------------------------------------------------------------------------

    def send(self, to: str, run: str, kind: str, body: Mapping[str, Any]) -> None:
        """A worker heeds nobody of whom it has not heard that he leads: what is ordered before the start waits."""
        if self._sink is None:
            self._early.append((to, run, kind, body))
        else:
            self.bus.send(to, run, kind, body, epoch=self.epoch)

    def ask(self, to: str, run: str, kind: str, body: Mapping[str, Any], timeout_s: float) -> Any:
        """Blocks. Raises DeadlineExceeded."""
        return self._asking.ask(to, run, kind, body, timeout_s, epoch=self.epoch)

    def later(self, told: Callable[[Any], None]) -> str:
        return self._asking.later(told)

    def answer(self, asked: Message, value: Any) -> None:
        self._asking.answer(asked, value, epoch=self.epoch)

    # ---- switches ----------------------------------------------------------------------------------------------------

    def up(self) -> dict[str, RemoteLegs]:
        """Those that are up, by name, each by a worker that takes calls."""
        found: dict[str, RemoteLegs] = {}
        for member in sorted(self.bus.members().values(), key=lambda one: one.address):
            if FLOW in member.roles and not member.draining:
                for switch in member.switches:
                    found.setdefault(switch, self.legs(member.address, member.run, switch))
        return found

    def legs(self, address: str, run: str, switch: str) -> RemoteLegs:
        key = address, run, switch
        found = self._legs.get(key)
        if found is None:
            found = self._legs[key] = RemoteLegs(self, (address, run), switch, self._may_dial)
            if self._sink is not None:
                found.attach(self._sink)
        return found

    def legs_of(self, name: str) -> RemoteLegs:
        """By `CallerOrders.name` or `RemoteLegs.name`; of the worker's run that is there, whichever was there then.
        Raises KeyError: there is no such name."""
        parts = name.split(" ")
        if len(parts) != 3:
            raise KeyError(name)
        switch, address, run = parts
        there = self.bus.members().get(address)
        return self.legs(address, run if there is None else there.run, switch)

    def let_go(self, legs: Collection[str]) -> None:
        """Legs that another worker may have: what becomes of them is not told by the end of the one that had them."""
        for remote in self._legs.values():
            remote.let_go(legs)

    def part_with(self, address: str, run: str) -> list[RemoteLegs]:
        """The legs of a worker that is gone: nothing is ordered of it any more. They are told of by who asks."""
        parted = [self._legs.pop(key) for key in [key for key in self._legs if key[:2] == (address, run)]]
        for legs in parted:
            legs.lost = True
        return parted

    def _leg_event(self, message: Message) -> None:
        legs = self.legs(message.sender, message.run, message.body["switch"])
        event = unpack(message.body["event"])
        if isinstance(event, LegHungUp) or not legs.lost:
            legs.told(event)

    # ---- workers -----------------------------------------------------------------------------------------------------

    def _member(self, member: Member, here: bool) -> None:
        if FLOW not in member.roles or self._sink is None:
            return
        known = self._workers.get(member.address)
        if here and known != member.run:
            if known is not None:
                self._gone(member.address, known)
            self._workers[member.address] = member.run
            self.send(member.address, member.run, HERE, {"epoch": self.epoch})
            self.came(member.address, member.run)
        elif not here and known == member.run:
            self._gone(member.address, known)

    def _gone(self, address: str, run: str) -> None:
        del self._workers[address]
        log.warning("worker %s is gone: its callers keep their places", address)
        self.went(address, run)
