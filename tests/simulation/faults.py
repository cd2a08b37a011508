"""What goes wrong in a run, one after the other, drawn from the seed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import gevent

from cti.switch.holding import LEASE_S

from .invariants import FLUSHED_S, QUIET_S

if TYPE_CHECKING:
    from .wide import WideWorld

#: Of each run.
AT_LEAST, AT_MOST = 2, 5
#: After a fault of the store everything is written so soon; its back-off is 2 s at most.
CAUGHT_UP_S = 3.0
#: An engine that was stopped for so long has no lease any more, whenever it renewed it.
STALE_S = LEASE_S + 0.5
#: One that was taken over ends so soon after it goes on: connections are tried anew after some seconds.
GIVES_UP_S = 15.0


class Faults:
    """``met``: how often each kind was made. Faults of the back office and of single messages are made where they
    happen (`office`, `network`)."""

    def __init__(self, world: WideWorld) -> None:
        self._world, self._chance = world, world.time.chance
        self.met: Counter[str] = Counter()
        self._store_away = self._store_back = 0.0
        self._kinds = (
            self._engine_killed,
            self._engine_handed_over,
            self._engine_stopped,
            self._engine_taken_over,
            self._switch_restarted,
            self._links_cut,
            self._network_silent,
            self._store_locked,
            self._store_full,
            self._clock_set,
        )

    def run(self, within_s: float) -> None:
        """Returns when the last is over."""
        chance, time = self._chance, self._world.time
        began = time.now
        self._world.network.doubles = chance.random() < 0.5
        for after_s in sorted(chance.uniform(2.0, within_s) for _ in range(chance.randint(AT_LEAST, AT_MOST))):
            gevent.sleep(max(0.0, began + after_s - time.now))
            fault = chance.choice(self._kinds)
            name = fault.__name__.strip("_").replace("_", " ")
            self.met[f"fault: {name}"] += 1
            self._world.witness.note(f"FAULT {name}")
            fault()

    def _engine_killed(self) -> None:
        """At whatever point its greenlets wait just now."""
        world = self._world
        world.agents.pause = True
        world.holds.engine_goes(world.agents.under_way(world.witness.served_s))
        self._excuse_what_was_not_written()
        world.engines.kill()
        gevent.sleep(self._chance.choice((0.0, self._chance.uniform(0.1, 8.0), 12.0)))
        world.engines.again()
        world.holds.engine_came()
        world.agents.pause = False

    def _engine_handed_over(self) -> None:
        world = self._world
        world.agents.pause = True
        world.holds.engine_goes(world.agents.under_way(world.witness.served_s))
        world.engines.hand_over()
        world.holds.engine_came()
        world.agents.pause = False

    def _engine_stopped(self) -> None:
        """And nobody takes its place: it goes on itself, however long it was."""
        world = self._world
        world.agents.pause = True
        world.holds.engine_goes(world.agents.under_way(world.witness.served_s))
        stopped = world.engines.stop()
        for_s = self._chance.uniform(*self._chance.choice(((0.5, LEASE_S), (STALE_S, 12.0), (12.0, 30.0))))
        gevent.sleep(for_s)
        if for_s >= STALE_S:
            world.holds.fenced(stopped.number, taken_over=False)
        world.engines.go_on(stopped)
        world.holds.engine_came()
        world.engines.stays(stopped)
        world.agents.pause = False

    def _engine_taken_over(self) -> None:
        """It is stopped until another one has its slot, or for longer."""
        world = self._world
        world.agents.pause = True
        world.holds.engine_goes(world.agents.under_way(world.witness.served_s))
        self._excuse_what_was_not_written()
        stopped = world.engines.stop()
        world.engines.take_over()
        world.holds.fenced(stopped.number, taken_over=True)
        later_s = self._chance.choice((0.0, self._chance.uniform(0.0, QUIET_S), 20.0))
        came = gevent.spawn(world.holds.engine_came)
        gevent.sleep(later_s)
        world.engines.go_on(stopped)
        if not world.engines.end_of(stopped, GIVES_UP_S):
            world.holds.say(f"engine {stopped.number}, which was taken over, does not end")
        came.get()
        world.agents.pause = False

    def _excuse_what_was_not_written(self) -> None:
        """What was told just before the store was away is not written either, if its engine goes before it is."""
        if self._world.time.now - self._store_back < CAUGHT_UP_S:
            self._world.witness.excuse(self._store_away - FLUSHED_S)

    def _switch_restarted(self) -> None:
        world = self._world
        world.callers.lose()
        world.witness.switch_lost()
        world.switches.restart()
        world.network.restart(world.switches.core)
        world.callers.set_phones()

    def _links_cut(self) -> None:
        self._world.network.cut()

    def _network_silent(self) -> None:
        """Nothing arrives, nobody is told. Then the connections end: what was lost is not made good."""
        network = self._world.network
        network.silent = True
        gevent.sleep(self._chance.uniform(0.5, 8.0))
        network.silent = False
        network.cut()

    def _store_locked(self) -> None:
        self._store("locked")

    def _store_full(self) -> None:
        self._store("full")

    def _store(self, fault: str) -> None:
        if self._world.time.now - self._store_back >= CAUGHT_UP_S:  # else what was missed before is not written yet
            self._store_away = self._world.time.now
        self._world.database.fault = fault
        gevent.sleep(self._chance.uniform(0.5, 8.0))
        self._world.database.fault = ""
        self._store_back = self._world.time.now

    def _clock_set(self) -> None:
        self._world.time.wall += self._chance.choice((-3600.0, 3600.0))
