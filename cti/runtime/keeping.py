"""When may somebody who told a call something be told that it was taken?"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cti.ports import Store
    from cti.runtime.durable import DurableCalls
    from cti.runtime.engine import Engine


class Kept(StrEnum):
    """What became of it."""

    ON_DISK = "on_disk"
    WAITS = "waits"  # for a call that is busy, or for a database that is away
    UNREAD = "unread"  # the call ended, or was let go of, before it came to that


class Keeping:
    def __init__(self, engine: Engine, store: Store, durable: DurableCalls | None) -> None:
        self._engine, self._store, self._durable = engine, store, durable

    def wait(self, uuid: str, timeout_s: float) -> Kept:
        """Until the call has come to all that it was told so far, and then until what came of it is on disk; each for
        ``timeout_s`` at most. Where it waits on, it was asked whether this is still the engine of its worker."""
        actor = self._engine.find(uuid)
        handled = True if actor is None else actor.receipt().wait(timeout_s)
        if actor is not None and handled is False:
            actor.done.wait(timeout_s)  # so that whatever is told next comes to another call
            return Kept.UNREAD
        if handled and self._store.wait_snapshots(timeout_s) and self._store.flush(timeout_s):
            return Kept.ON_DISK
        if self._durable is not None:
            self._durable.sure()
        return Kept.WAITS
