"""Which callers are not let in: asked for every call, so kept in memory, and looked up again every `LOOK_S`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import gevent

from cti.core.errors import CtiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cti.ports import Clock
    from cti.store.blocked import BlockedNumbers

log = logging.getLogger("cti.engine")

LOOK_S = 2.0


class BlockList:
    """Knows blind indexes only, no numbers."""

    def __init__(self, store: BlockedNumbers, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._held: Mapping[str, float | None] = {}

    def run(self) -> None:
        while True:
            try:
                self.look()
            except CtiError as error:
                log.warning("the list of blocked numbers stays as it is: %s", error)
            gevent.sleep(LOOK_S)

    def look(self) -> None:
        """Raises StoreUnavailable."""
        self._held = self._store.held(self._clock.now())

    def holds(self, number: str) -> bool:
        if not self._held:
            return False
        index = self._store.blind(number)
        if index not in self._held:
            return False
        until = self._held[index]
        return until is None or self._clock.now() < until
