"""Callers who stood in a queue by another engine, until they are let in again, together and in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gevent

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.runtime.floor.stays import Stay
    from cti.runtime.queues import Entrant

#: Nobody who comes back waits for the others for longer.
TOGETHER_S = 1.0


class Returning:
    """An agent who is free is for the one who waits longest, whoever is read first. ``enter``: lets one in."""

    def __init__(self, enter: Callable[[Entrant], None]) -> None:
        self._enter = enter
        self._waiting: dict[str, tuple[tuple[float, int], Entrant]] = {}  # with its place
        #: Whether more calls are about to come back from an engine that is no more.
        self.settling: Callable[[], bool] = lambda: False

    def add(self, who: Entrant, stay: Stay) -> None:
        if not self._waiting:
            gevent.spawn_later(TOGETHER_S, self.let_in)
        self._waiting[who.uuid] = stay.place, who
        if not self.settling():
            self.let_in()

    def let_in(self) -> None:
        """All of them, the one who waits longest first."""
        while self._waiting:
            uuid = min(self._waiting, key=lambda one: self._waiting[one][0])
            self._enter(self._waiting.pop(uuid)[1])

    def find(self, uuid: str) -> Stay | None:
        """Of one who is not let in yet."""
        found = self._waiting.get(uuid)
        return None if found is None else found[1].stay

    def forget(self, uuid: str) -> None:
        self._waiting.pop(uuid, None)
