"""Looks at the load four times a second, for `Overload`."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Protocol

import gevent

from cti.runtime.overload import LOOK_S, Overload, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = logging.getLogger("cti.load")


class Loaded(Protocol):
    """What a switch tells of its load. ``idle_pct`` None: not told yet."""

    @property
    def backlog(self) -> int: ...
    @property
    def idle_pct(self) -> float | None: ...


class LoadWatch:
    """``records``: that wait for a database which answers. ``clock`` and ``cpu``: seconds that passed, and that this
    process computed."""

    def __init__(
        self,
        overload: Overload,
        switches: Callable[[], Mapping[str, Loaded]],
        records: Callable[[], int] = lambda: 0,
        *,
        clock: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.process_time,
    ) -> None:
        self._overload, self._switches, self._records = overload, switches, records
        self._clock, self._cpu = clock, cpu
        self._over: frozenset[tuple[str, str]] = frozenset()

    def run(self) -> None:
        at, used = self._clock(), self._cpu()
        while True:
            gevent.sleep(LOOK_S)
            now, cpu = self._clock(), self._cpu()
            self.look(now - at, cpu - used)
            at, used = now, cpu

    def look(self, passed_s: float, used_s: float) -> None:
        """``passed_s`` since the last look, ``used_s`` of it computed."""
        switches = self._switches()
        self._overload.look(
            Reading(
                cpu_pct=100.0 * used_s / passed_s if passed_s > 0 else 0.0,
                late_s=max(0.0, passed_s - LOOK_S),
                backlog={name: switch.backlog for name, switch in switches.items()},
                idle_pct={name: idle for name, switch in switches.items() if (idle := switch.idle_pct) is not None},
                records=self._records(),
            )
        )
        over = frozenset(key for key, over in self._overload.states().items() if over)
        for what, where in over - self._over:
            log.warning("overload (%s%s): new callers hear the busy flow", what, f" of {where}" if where else "")
        for what, where in self._over - over:
            log.warning("no more overload (%s%s)", what, f" of {where}" if where else "")
        self._over = over
