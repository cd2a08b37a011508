"""Connections of engine and switch in memory: in order on each, late, and cut when the seed says so."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import gevent
from gevent.queue import Queue

from cti.switch.embedded.protocol import Connection

if TYPE_CHECKING:
    from cti.switch.embedded.core import Core

#: Seconds that bytes travel: most at once, some late.
USUAL_S, LATE_S, LATE_SHARE = 0.002, 0.4, 0.01


class Network:
    """One switch, any number of connections. ``cut`` ends all that are up."""

    def __init__(self, core: Core, chance: random.Random) -> None:
        self.core, self.chance = core, chance
        self.up: list[MemoryTransport] = []
        self.cuts = 0

    def connect(self, host: str, port: int, timeout_s: float) -> MemoryTransport:
        transport = MemoryTransport(self)
        self.up.append(transport)
        return transport

    def delay_s(self) -> float:
        late = self.chance.random() < LATE_SHARE
        return self.chance.random() * (LATE_S if late else USUAL_S)

    def cut(self) -> None:
        for transport in list(self.up):
            self.cuts += 1
            transport.break_off("the simulation cut the link")

    def kill(self) -> None:
        """The engine's process is gone: the kernel closes what it had."""
        for transport in list(self.up):
            transport.die()


class _Way:
    """Bytes one way: what was sent first arrives first."""

    def __init__(self, network: Network, arrive: Callable[[bytes], object]) -> None:
        self._network, self._arrive = network, arrive
        self._free_at = 0.0
        self._loop = gevent.get_hub().loop

    def send(self, data: bytes) -> None:
        at = max(self._free_at + 1e-6, self._loop.now() + self._network.delay_s())
        self._free_at = at
        self._loop.timer(at - self._loop.now()).start(self._arrive, data)


class MemoryTransport:
    """In the place of `cti.switch.links.transport.Transport`."""

    def __init__(self, network: Network) -> None:
        self.sock = None
        self.unsent = self.received = 0
        self.reader: gevent.Greenlet[..., None] | None = None
        self._network, self._open = network, True
        self._arrived: Queue[memoryview | str] = Queue()
        self._there = Connection(network.core, self._from_switch, self._switch_closes, lambda: True)
        self._to_switch = _Way(network, self._at_switch)
        self._to_engine = _Way(network, self._at_engine)

    def start(self, on_data: Callable[[memoryview], object], on_end: Callable[[str], object]) -> None:
        self._on_data, self._on_end = on_data, on_end
        self.reader = gevent.spawn(self._read)
        self._there.open()

    def _read(self) -> None:
        """On a greenlet of the engine's, as with a socket."""
        while not isinstance(arrived := self._arrived.get(), str):
            self._on_data(arrived)
        self._on_end(arrived)

    def write(self, data: bytes) -> None:
        if self._open:
            self._to_switch.send(data)

    def close(self) -> None:
        self.break_off("closed")

    def join(self, timeout_s: float) -> None:
        """Nothing of it goes on."""

    def break_off(self, why: str) -> None:
        if self._open:
            self.die()
            self._arrived.put(why)

    def die(self) -> None:
        """Nobody is there any more who could be told."""
        if self._open:
            self._open = False
            self._network.up.remove(self)
            self._there.end(notice=False)

    def _from_switch(self, data: bytes) -> None:
        if self._open:
            self._to_engine.send(data)

    def _switch_closes(self) -> None:
        self.break_off("the switch closed the connection")

    def _at_switch(self, data: bytes) -> None:
        if self._open:
            self._there.receive(data)

    def _at_engine(self, data: bytes) -> None:
        if self._open:
            self.received += len(data)
            self._arrived.put(memoryview(data))
