"""Connections of engine and switch in memory: in order on each, late, cut, silent, or telling a thing twice."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import gevent
from gevent.queue import Queue

from cti.switch.embedded.protocol import Connection
from cti.switch.links.errors import LinkLost

from .virtual_time import engine_of

if TYPE_CHECKING:
    from cti.switch.embedded.core import Core

#: Seconds that bytes travel: most at once, some late.
USUAL_S, LATE_S, LATE_SHARE = 0.002, 0.4, 0.01
#: Share of the events that are told twice, where any are.
TWICE_SHARE = 0.01


class Network:
    """One switch, any number of connections. ``cut`` ends all that are up. ``silent``: what is sent is lost for now,
    and nobody is told; ``doubles``: events may be told twice. ``met``: what happened how often. ``heard``: told of
    what an engine says, and of its number. ``stopped``: engines that read nothing for now."""

    def __init__(self, core: Core, chance: random.Random, stopped: Collection[int] = ()) -> None:
        self.core, self.chance, self.stopped = core, chance, stopped
        self.up: list[MemoryTransport] = []
        self.silent = self.doubles = False
        self.met: Counter[str] = Counter()
        self._waiting: list[MemoryTransport] = []
        self.heard: Callable[[int, bytes], object] = lambda _engine, _data: None

    def connect(self, host: str, port: int, timeout_s: float) -> MemoryTransport:
        if self.silent:
            gevent.sleep(timeout_s)
            raise LinkLost("cannot connect: nobody answers", code="switch-unreachable")
        transport = MemoryTransport(self)
        self.up.append(transport)
        return transport

    def delay_s(self) -> float:
        late = self.chance.random() < LATE_SHARE
        self.met["message late"] += late
        return self.chance.random() * (LATE_S if late else USUAL_S)

    def cut(self) -> None:
        for transport in list(self.up):
            self.met["connection cut"] += 1
            transport.break_off("the simulation cut the link")

    def restart(self, core: Core) -> None:
        """Another switch in the place of the one that died."""
        self.core = core
        self.cut()

    def kill(self, engine: int) -> None:
        """The engine's process is gone: the kernel closes what it had."""
        for transport in [one for one in self.up if one.engine == engine]:
            transport.die()

    def go_on(self, engine: int) -> None:
        """It reads what has come meanwhile."""
        for transport in [one for one in self._waiting if one.engine == engine]:
            self._waiting.remove(transport)
            transport.catch_up()

    def waits(self, transport: MemoryTransport) -> None:
        """Something has come for an engine that does not read."""
        if transport not in self._waiting:
            self._waiting.append(transport)


class _Way:
    """Bytes one way: what was sent first arrives first."""

    def __init__(self, network: Network, arrive: Callable[[bytes], object]) -> None:
        self._network, self._arrive = network, arrive
        self._free_at = 0.0
        self._loop = gevent.get_hub().loop

    def send(self, data: bytes) -> None:
        if self._network.silent:
            self._network.met["message lost"] += 1
            return
        at = max(self._free_at + 1e-6, self._loop.now() + self._network.delay_s())
        self._free_at = at
        timer = self._loop.timer(at - self._loop.now())
        timer.engine = 0  # what is on its way arrives, whatever becomes of who sent it
        timer.start(self._arrive, data)


class MemoryTransport:
    """In the place of `cti.switch.links.transport.Transport`."""

    def __init__(self, network: Network) -> None:
        self.sock = self.ports = None
        self.unsent = self.received = 0
        self.reader: gevent.Greenlet[..., None] | None = None
        self.engine = engine_of(gevent.getcurrent())
        self._network, self._open = network, True
        self._arrived: Queue[memoryview | str] = Queue()
        self._unread: list[memoryview | str] = []
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
            self._put(why)

    def die(self) -> None:
        """Nobody is there any more who could be told."""
        if self._open:
            self._open = False
            self._network.up.remove(self)
            self._there.end(notice=False)

    def _from_switch(self, data: bytes) -> None:
        if self._open:
            self._to_engine.send(data)
            network = self._network
            if network.doubles and _is_event(data) and network.chance.random() < TWICE_SHARE:
                network.met["event twice"] += 1
                self._to_engine.send(data)

    def _switch_closes(self) -> None:
        self.break_off("the switch closed the connection")

    def _at_switch(self, data: bytes) -> None:
        if self._open:
            self._network.heard(self.engine, data)
            self._there.receive(data)

    def _at_engine(self, data: bytes) -> None:
        if self._open:
            self.received += len(data)
            self._put(memoryview(data))

    def _put(self, what: memoryview | str) -> None:
        if self.engine in self._network.stopped:
            self._unread.append(what)
            self._network.waits(self)
        else:
            self._arrived.put(what)

    def catch_up(self) -> None:
        for what in self._unread:
            self._arrived.put(what)
        self._unread.clear()


def _is_event(data: bytes) -> bool:
    """An event, and not the answer to a command: one message is sent at a time."""
    return b"Content-Type: text/event-plain" in data[:80] and b"BACKGROUND_JOB" not in data[:200]
