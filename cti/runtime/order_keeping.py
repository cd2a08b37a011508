"""Orders of other systems are forgotten some time after they were answered."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import gevent

from cti.core.errors import CtiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.ports import Clock
    from cti.store.orders import InboundOrders

log = logging.getLogger("cti.orders")

LOOK_S, EVERY_S, DAY_S = 5.0, 3600.0, 86_400.0


class OrderKeeper:
    """``keep_days`` 0: for ever. ``owned``: is it this engine that looks after orders?"""

    def __init__(self, store: InboundOrders, clock: Clock, keep_days: int, owned: Callable[[], bool]) -> None:
        self._store, self._clock, self._keep_s, self._owned = store, clock, keep_days * DAY_S, owned
        self.deleted = 0

    def main(self) -> None:
        """Until it is killed."""
        next_at = self._clock.monotonic()
        while self._keep_s:
            if self._owned() and self._clock.monotonic() >= next_at:
                next_at = self._clock.monotonic() + EVERY_S
                self.look()
            gevent.sleep(LOOK_S)

    def look(self) -> None:
        """Now."""
        try:
            count = self._store.forget(self._clock.now() - self._keep_s)
        except CtiError as error:
            log.warning("orders stay longer than they are to be kept: %s", error)
            return
        if count:
            self.deleted += count
            log.info("%d orders are deleted", count)
