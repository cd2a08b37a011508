"""Takes up the calls of another worker whose engine is dead (DESIGN 3.1): one survivor, named by a rule.

An engine is dead when nobody lives in its slot on any switch that we see, and its sign of life in the database has
stood still for `SILENT_S` by our own clock, one that counts sleep; no wall clock is compared. The survivor is the
engine of the lowest slot that lives. Should two think that of themselves, the database decides: the epoch of the dead
worker rises with the transaction that gives its calls away, and with that whatever the dead one still has to write is
refused. Then the calls are moved on each switch, as soon as it is up.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Protocol

import gevent

from cti.core.errors import CtiError
from cti.runtime.job_owner import boottime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cti.core.snapshots import Sign, SlotSeen

log = logging.getLogger("cti.engine")

LOOK_S = 1.5
#: Three signs of life (`cti.runtime.durable.desk.SIGN_S`); more than the lease of a slot and a margin.
SILENT_S = 6.0
#: ``<node>-<slot>.<host>.<process>.<run>``, see `cti.app.engine_lock`.
_HOLDER = re.compile(r"(?P<node>.+)-(?P<slot>[0-9]+)\.[^.]+\.[0-9]+\.[0-9a-f]+")


class SlotSwitch(Protocol):
    """Worker slots on one switch. Methods block and raise CtiError."""

    name: str

    @property
    def up(self) -> bool: ...

    def slots(self) -> Mapping[int, SlotSeen]: ...

    def move_calls(self, dead: str) -> int:
        """Calls of the slots that the engine ``dead`` held are ours. May be done again when it was broken off."""


def worker_of(holder: str) -> str | None:
    """The worker (node and slot) that a holder of a slot is an engine of."""
    found = _HOLDER.fullmatch(holder)
    return None if found is None else f"{found['node']}/{found['slot']}"


class Survivor:
    """``worker``: node and slot of this engine; ``name``: as it holds the slot. ``sign``: the last sign of life of a
    worker; ``take_up``: take over its calls in the database, False when it is not dead after all. Both raise
    CtiError."""

    def __init__(
        self,
        worker: str,
        name: str,
        switches: Callable[[], Iterable[SlotSwitch]],
        sign: Callable[[str], Sign | None],
        take_up: Callable[[str, Sign], bool],
        *,
        clock: Callable[[], float] = boottime,
    ) -> None:
        self._worker, self._name, self._clock = worker, name, clock
        self._slot = int(worker.rpartition("/")[2])
        self._switches, self._sign, self._take_up = switches, sign, take_up
        self._silent: dict[str, tuple[Sign, float]] = {}  # another engine -> its sign, and since when it is that
        self._looked_at = clock()
        #: Told of a worker whose calls on a switch are ours now.
        self.moved: Callable[[str, str], None] = lambda _worker, _switch: None
        self._taken: dict[str, set[str]] = {}  # engine whose calls are ours -> switches where they are moved

    def run(self) -> None:
        """Until killed."""
        while True:
            gevent.sleep(LOOK_S)
            try:
                self.look()
            except CtiError as error:
                log.warning("whether other workers live is not known: %s", error)

    def look(self) -> None:
        """Raises CtiError: a switch or the database does not answer; the next look goes on."""
        at = self._clock()
        up = [switch for switch in self._switches() if switch.up]
        seen = [(slot, one) for switch in up for slot, one in switch.slots().items()]
        living = {one.holder for _, one in seen if one.lives}
        others = {one.holder for _, one in seen if one.holder} - {self._name}
        if at - self._looked_at >= SILENT_S:
            self._silent.clear()  # who was stopped itself has seen no silence
        self._looked_at = at
        # Also of those who live on a switch: their slots there are held for up to 5 s after their death, and the
        # silence is to be over by then.
        silent = {name for name in sorted(others - self._taken.keys()) if self._long_silent(name, at)}
        for name in self._silent.keys() - others:
            del self._silent[name]
        # Nobody lives, nor do we: our own heartbeat is late, and whoever is dead waits for it.
        lowest = min((slot for slot, one in seen if one.lives), default=None)
        for name in sorted(others - living - self._taken.keys()):
            if worker_of(name) == self._worker:  # ours by our beginning: it died while it moved another one's calls
                self._taken[name] = set()
            elif name in silent and lowest == self._slot:
                self._take(name)
        for name, done in self._taken.items():
            for switch in up:
                if switch.name not in done:
                    count = switch.move_calls(name)
                    done.add(switch.name)
                    self.moved(worker_of(name) or name, switch.name)
                    log.warning("switch %s: %d calls of %s are this engine's now", switch.name, count, name)

    def _long_silent(self, name: str, at: float) -> bool:
        worker = worker_of(name)
        sign = self._sign(worker) if worker is not None else None
        if sign is None:  # it has another database, and what its calls do is written there
            self._silent.pop(name, None)
            return False
        before, since = self._silent.get(name, (None, at))
        if sign != before:
            self._silent[name] = sign, at
            return False
        return at - since >= SILENT_S

    def _take(self, name: str) -> None:
        worker, (sign, _) = worker_of(name), self._silent.pop(name)
        assert worker is not None
        if self._take_up(worker, sign):
            log.warning("worker %s is dead: its calls are taken up here", worker)
            self._taken[name] = set()
