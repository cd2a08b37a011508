"""The switch of a run, and the one after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.switch.embedded import PlatformDialplan, SwitchConfig
from cti.switch.embedded.core import Core
from cti.switch.embedded.gevent_clock import GeventClock

if TYPE_CHECKING:
    import random

    from cti.switch.embedded.event import Listener


class Switches:
    """One after the other in one place. ``core``: of the one that runs; ``witness`` hears the events of each."""

    def __init__(self, chance: random.Random, witness: Listener) -> None:
        self._chance, self._witness = chance, witness
        self.core = self._begin()

    def restart(self) -> None:
        """After a crash: every channel and global variable is gone, and the Core-UUID is another."""
        self._clock.stop()
        self.core = self._begin()

    def _begin(self) -> Core:
        config = SwitchConfig(
            password="simulated",
            domain="cti.local",
            dialplan=PlatformDialplan(apology="say:cti:en:We are sorry.", guard_s=30),
            gateways={"carrier": True, "spare": True, "oldpbx": True},
            heartbeat_s=20.0,
            seed=self._chance.getrandbits(32),
        )
        self._clock = clock = GeventClock()
        core = Core(config, clock)
        clock.start()
        core.bus.add(self._witness)
        return core
