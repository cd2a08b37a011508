"""A cluster in one process, for tests and for roles that share a process: the rules of `cti.ports.cluster.Bus`."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gevent
import orjson

from cti.ports.cluster import LONGEST, Leader, Member, Message, TooLong
from cti.runtime.cluster.telling import tell_all

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class MemoryHub:
    """What the members share: here in the place of the database."""

    def __init__(self) -> None:
        self.buses: dict[str, MemoryBus] = {}
        self.leader: Leader | None = None
        self._epoch = 0

    def join(self, member: Member) -> MemoryBus:
        """A member with the address of an older run takes its place: that one is over."""
        older = self.buses.get(member.address)
        if older is not None:
            self.leave(older)
        there = [bus.member for bus in self.buses.values()]
        joined = self.buses[member.address] = MemoryBus(self, member)
        self._watched(member, True)
        for other in there:
            joined.post(lambda other=other: tell_all(joined.watchers, other, True))  # type: ignore[misc]
        return joined

    def leave(self, bus: MemoryBus) -> None:
        if self.buses.get(bus.me) is bus:
            del self.buses[bus.me]
            bus.over = True
            if self.leader is not None and self.leader.run == bus.run:
                self.lead(None)
            self._watched(bus.member, False)

    def lead(self, bus: MemoryBus | None) -> None:
        """Make ``bus`` the leader; None: nobody."""
        self._epoch += 1
        self.leader = leader = None if bus is None else Leader(bus.me, bus.run, self._epoch)
        for one in list(self.buses.values()):
            one.post(lambda one=one: tell_all(one.led, leader))  # type: ignore[misc]

    def _watched(self, member: Member, came: bool) -> None:
        for one in list(self.buses.values()):
            one.post(lambda one=one: tell_all(one.watchers, member, came))  # type: ignore[misc]


class MemoryBus:
    """One member's end."""

    def __init__(self, hub: MemoryHub, member: Member) -> None:
        self._hub, self.member = hub, member
        self.me, self.run = member.address, member.run
        self.watchers: list[Callable[[Member, bool], None]] = []
        self.led: list[Callable[[Leader | None], None]] = []
        self.over = False
        self._listeners: list[tuple[str, Callable[[Message], None]]] = []
        self._sequences: dict[str, int] = {}
        self._newest = 0
        self._line: deque[Callable[[], object]] = deque()
        self._telling = False

    def members(self) -> Mapping[str, Member]:
        return {address: bus.member for address, bus in self._hub.buses.items()}

    def leader(self) -> Leader | None:
        return self._hub.leader

    def tell(self, **changed: Any) -> None:
        self.member = replace(self.member, **changed)
        self._hub._watched(self.member, True)

    def send(self, to: str, run: str, kind: str, body: Mapping[str, Any], *, epoch: int = 0) -> None:
        text = orjson.dumps(body)
        if len(text) > LONGEST:
            raise TooLong(f"a message {kind} of {len(text)} bytes")
        other = self._hub.buses.get(to)
        if self.over or other is None or other.run != run:
            return
        sequence = self._sequences[run] = self._sequences.get(run, 0) + 1
        other.post(lambda: other._hear(Message(self.me, self.run, kind, orjson.loads(text), epoch, sequence)))

    def listen(self, prefix: str, heard: Callable[[Message], None]) -> None:
        self._listeners.append((prefix, heard))

    def post(self, told: Callable[[], object]) -> None:
        """Told later, on a greenlet of its own, one thing after the other."""
        self._line.append(told)
        if not self._telling:
            self._telling = True
            gevent.spawn(self._run)

    def _run(self) -> None:
        try:
            while self._line and not self.over:
                self._line.popleft()()
        finally:
            self._telling = False

    def _hear(self, message: Message) -> None:
        if message.epoch:
            if message.epoch < self._newest:
                return
            self._newest = message.epoch
        tell_all([heard for prefix, heard in self._listeners if message.kind.startswith(prefix)], message)
