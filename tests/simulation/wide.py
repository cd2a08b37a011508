"""One run with everything: engines, a switch, callers, agents, a back office, faults; and what is wrong."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import gevent

from cti.boss import DEMO_DATABASE

from . import ground
from .agents import Agents
from .callers import Callers
from .database import Database
from .engines import Engines
from .faults import Faults
from .invariants import Invariants
from .network import Network
from .office import Office
from .switches import Switches
from .texts import SHARE, Texts
from .virtual_time import VirtualTime
from .witness import Witness

CALLING_S, PATIENCE_S, SETTLING_S = 60.0, 60.0, 30.0


class WideWorld:
    """``image``: a database that an engine has begun with. ``faults``: what breaks on the way. `run` gives what is
    wrong, one line each; ``digest`` is of the trace; ``counts``: what happened how often."""

    def __init__(
        self, folder: Path, time: VirtualTime, *, image: bytes = b"", calls: int = 50, faults: bool = True
    ) -> None:
        self.time, self.calls, self.faults = time, calls, faults
        self.witness = Witness(time)
        self.trace = self.witness.trace
        self.switches = Switches(time.chance, self.witness)
        self.network = Network(self.switches.core, time.chance, time.stopped)
        self.database = Database(image)
        self.office = Office(time.chance, folder / DEMO_DATABASE, lies=faults)
        self.engines = Engines(folder, self.database, self.network, ground.NUMBERS, time)
        self.callers = Callers(self.switches, time.chance)
        self.agents = Agents(self.engines, time)
        self.texts = Texts(self.engines, time, self.witness)
        self.holds = Invariants(time, self.engines, self.switches, self.callers, self.witness)
        self.witness.unbridged = self.holds.bridge_ends
        self._faults = Faults(self)

    @property
    def digest(self) -> str:
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()[:16]

    @property
    def counts(self) -> Counter[str]:
        world = self._faults, self.network, self.database, self.office, self.callers, self.texts, self.engines
        parts = [one.met for one in world]
        looked = Counter({f"looked at: {what}": count for what, count in self.holds.looked.items()})
        return sum(parts, looked + self.agents.done)

    def run(self) -> list[str]:
        gevent.spawn(self.witness.watch, lambda: self.engines.up and not self.network.silent)
        self.engines.start()
        self.engines.application.wait_until_up(60.0)
        gevent.spawn(self.holds.main)
        self.agents.start()
        later = self.time.chance.uniform
        doing: list[Any] = [gevent.spawn_later(later(0, CALLING_S), self.callers.call, at) for at in range(self.calls)]
        doing += [
            gevent.spawn_later(later(0, CALLING_S), self.texts.write, at) for at in range(int(self.calls * SHARE))
        ]
        if self.faults:
            doing.append(gevent.spawn(self._faults.run, CALLING_S))
        gevent.joinall(doing)
        self._until_quiet(PATIENCE_S)
        self.callers.hang_up()
        self.texts.leave()
        self.agents.over = True
        self._until_quiet(SETTLING_S)
        broken = [f"a greenlet of the simulation failed: {one.exception!r}" for one in doing if not one.successful()]
        return [*broken, *self.agents.broken, *self.holds.wrong_at_end(self.office)]

    def _until_quiet(self, most_s: float) -> None:
        """Until nobody is on the line, and what that leaves behind has had its time."""
        until = self.time.now + most_s
        while self.switches.core.channels and self.time.now < until:
            gevent.sleep(1.0)
        gevent.sleep(8.0)
