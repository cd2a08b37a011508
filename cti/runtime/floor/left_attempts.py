"""Callbacks that were being called when the engine died: they talk, by what the floor has put back, or nobody knows.

What became of an attempt is written a moment after the phones were joined. An engine that dies in between leaves it as
being called, and the talk goes on: whoever is in it must not be called again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.acd.floor import HANDLING
from cti.runtime.floor.talks_back import SETTLE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cti.core.callbacks import Callback
    from cti.ports import Clock
    from cti.runtime.floor.owner import FloorOwner

#: By then each talk that was left is there again, or over.
KNOWN_S = SETTLE_S + 5.0


class LeftAttempts:
    """``is_up``: whether a call goes on, by its uuid."""

    def __init__(self, owner: FloorOwner, is_up: Callable[[str], bool], clock: Clock) -> None:
        self._owner, self._is_up, self._clock = owner, is_up, clock
        self._left: dict[str, tuple[str, float]] = {}  # callback -> leg, and when it is given up

    def wait(self, one: Callback) -> None:
        self._left[one.callback_id] = one.called_as, self._clock.monotonic() + KNOWN_S

    def known(self) -> Iterable[tuple[str, str | None]]:
        """Callbacks of which it is known by now: who talks with them (empty: a flow), None: nobody does."""
        for id_, (leg, until) in list(self._left.items()):
            agent = self._talks(leg)
            if agent is not None or self._clock.monotonic() >= until:
                del self._left[id_]
                yield id_, agent

    def _talks(self, leg: str) -> str | None:
        case = self._owner.acd.floor.cases.get(leg)
        if case is not None and case.desk is not None and case.state in HANDLING:
            return case.desk.agent
        return "" if self._is_up(leg) else None
