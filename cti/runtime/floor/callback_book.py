"""The open callbacks of a worker, as the store has them, and which attempts were begun for them.

The store is what counts: a row that somebody changed meanwhile (the API, the command line, a second engine) is not
written over.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cti.core import callbacks as cb
from cti.core.callbacks import Callback, CallbackState

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.store.callbacks import Callbacks


class CallbackBook:
    """``withdraw``: takes an attempt back; ``changed``: a row is not as it was thought to be. Each method that reads or
    writes raises StoreUnavailable."""

    def __init__(
        self, store: Callbacks, worker: str, withdraw: Callable[[str], None], changed: Callable[[], None]
    ) -> None:
        self.open: dict[str, Callback] = {}
        self.attempts: dict[str, str] = {}  # callback -> contact, or leg, of the attempt at hand
        self._store, self._worker = store, worker
        self._take_back, self._changed = withdraw, changed

    def left(self) -> list[Callback]:
        """What an earlier engine of this slot left."""
        return self._store.get_all([id_ for id_, _ in self._store.open_of(self._worker)])

    def read(self) -> None:
        """Take up what was changed beside us."""
        rows = dict(self._store.open_of(self._worker))
        for id_ in self.open.keys() - rows.keys():
            self._drop(id_)
        changed = [id_ for id_, version in rows.items() if id_ not in self.open or self.open[id_].version != version]
        for one in self._store.get_all(changed):
            self.take(one)

    def take(self, one: Callback) -> None:
        """As it is in the store. An attempt that was begun for something else is taken back."""
        before = self.open.get(one.callback_id)
        if not one.open:
            self._drop(one.callback_id)
            return
        self.open[one.callback_id] = one
        if before is not None and before.state is not CallbackState.CALLING and before.version != one.version:
            self.withdraw(one.callback_id)
            if one.state is CallbackState.QUEUED:
                self.write(one, replace(one, state=CallbackState.WAITING))

    def withdraw(self, id_: str) -> None:
        if (uuid := self.attempts.pop(id_, None)) is not None:
            self._take_back(uuid)

    def begin(self, one: Callback, state: CallbackState, uuid: str = "") -> bool:
        """As `write`: an attempt begins, by the leg ``uuid`` once it is dialled."""
        return self.write(one, cb.begun(one, state, uuid))

    def write(self, before: Callback, after: Callback) -> bool:
        """False when somebody changed it meanwhile: the next look takes that up."""
        kept = self._store.save(before, after)
        if kept is None:
            self._changed()
            return False
        if kept.open:
            self.open[kept.callback_id] = kept
        else:
            self.open.pop(kept.callback_id, None)
            self.attempts.pop(kept.callback_id, None)
        return True

    def _drop(self, id_: str) -> None:
        self.open.pop(id_, None)
        self.withdraw(id_)
