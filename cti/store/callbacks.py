"""Callbacks: the number sealed, found by its blind index. An engine reads what is open, people read and change it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, Row, bindparam, func, insert, or_, select, update
from sqlalchemy.engine import URL, CursorResult

from cti.core.callbacks import OPEN, Callback, CallbackState, cancelled, merged
from cti.core.errors import CtiError, StoreUnavailable
from cti.core.numbers import normalise_number
from cti.store.audit import append
from cti.store.fixed import run_one
from cti.store.orders import made
from cti.store.repository import Repository
from cti.store.rows import clean, context
from cti.store.schema_desks import callbacks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cti.core.access import Deed, Visible
    from cti.store.sealing import Sealer

_OPEN = tuple(state.value for state in OPEN)
#: An engine asks this every other second: made once.
_OPEN_OF = select(callbacks.c.callback_id, callbacks.c.version).where(
    or_(*(callbacks.c.state == state for state in _OPEN)), callbacks.c.worker == bindparam("of_worker")
)
_PLAIN = (
    *("callback_id", "worker", "created_at", "due_at", "event", "queue", "flow", "call_id", "rank_at", "counted"),
    *("priority", "allowed", "attempts", "last", "called_as", "agent", "ended_at", "version"),
)
_TEXTS = {"worker": 16, "event": 64, "queue": 64, "flow": 200, "call_id": 64, "last": 64, "called_as": 64, "agent": 64}


class Callbacks(Repository):
    def __init__(self, engine: Engine, url: URL, sealer: Sealer) -> None:
        super().__init__(engine, url)
        self._sealer = sealer

    # ---- what the engine does ------------------------------------------------------------------------------------

    def add(
        self, wish: Callback, limit: int, deed: Deed | None = None, order: tuple[str, str] | None = None
    ) -> Callback | None:
        """Keeps the wish; a number that waits already waits once (`merged`). None: ``limit`` are open.

        ``deed``: of a person; a caller's wish is in the record of the call. ``order`` (source, key): it is noted there
        in the same transaction, so that it is kept once. Raises StoreUnavailable where that was done meanwhile."""

        def work(connection: Connection) -> Callback | None:
            kept = keep(connection)
            if kept is not None and order is not None and not made(connection, *order, kept.callback_id):
                raise StoreUnavailable("another engine takes this order")
            return kept

        def keep(connection: Connection) -> Callback | None:
            at = callbacks.c
            same = select(callbacks).where(at.number_blind == self.blind(wish.number), at.state.in_(_OPEN))
            row = connection.execute(same.order_by(at.created_at)).first()
            if row is not None:
                before = self._callback(row)
                kept = merged(before, wish)
                return self._write_row(connection, before, kept, deed, "callback.change")
            count = connection.execute(select(func.count()).where(at.state.in_(_OPEN))).scalar_one()
            if count >= limit:
                return None
            connection.execute(insert(callbacks).values(self._row(wish)))
            if deed is not None:
                append(connection, deed.line("callback.add", f"callback:{wish.callback_id}", after=_shown(wish)))
            return wish

        return self._write(work)

    def open_of(self, worker: str) -> list[tuple[str, int]]:
        """Id and version of each that is open in this slot: what changed is read again."""
        of = {"of_worker": worker}
        return self._read(lambda connection: [(row[0], row[1]) for row in run_one(connection, _OPEN_OF, of)])

    def get_all(self, ids: Sequence[str]) -> list[Callback]:
        """Those of them that there are."""

        def work(connection: Connection) -> list[Callback]:
            if not ids:  # mostly: nobody has changed one
                return []
            query = select(callbacks).where(callbacks.c.callback_id.in_([clean(one, 64) for one in ids]))
            return [self._callback(row) for row in connection.execute(query)]

        return self._read(work)

    def save(self, before: Callback, after: Callback) -> Callback | None:
        """As kept; None when somebody changed or ended it meanwhile, and nothing was written."""
        return self._write(lambda connection: self._write_row(connection, before, after, None, ""))

    def raise_event(self, name: str, at: float, deed: Deed | None = None) -> int:
        """What waits for the event is due now; how many."""
        table = callbacks.c
        query = update(callbacks).where(table.event == clean(name, 64), table.due_at.is_(None), table.state.in_(_OPEN))

        def work(connection: Connection) -> int:
            done: CursorResult[Any] = connection.execute(query.values(due_at=at, version=table.version + 1))
            if deed is not None:
                after = {"callbacks": done.rowcount}
                append(connection, deed.line("callback.raise", f"event:{clean(name, 64)}", after=after))
            return done.rowcount

        return self._write(work)

    # ---- what people do ------------------------------------------------------------------------------------------

    def find(self, callback_id: str) -> Callback | None:
        return next(iter(self.get_all([callback_id])), None)

    def change(self, callback_id: str, deed: Deed, **values: Any) -> Callback:
        """``due_at``, ``queue``, ``allowed``. Raises CtiError: unknown-callback, callback-over."""
        return self._edit(callback_id, deed, "callback.change", lambda one: replace(one, **values))

    def cancel(self, callback_id: str, deed: Deed) -> Callback:
        """Raises CtiError: unknown-callback, callback-over."""
        return self._edit(callback_id, deed, "callback.cancel", lambda one: cancelled(one, "by hand", deed.at))

    def list(
        self,
        *,
        limit: int,
        before: tuple[float, str] | None = None,
        state: str | None = None,
        queue: str | None = None,
        number: str | None = None,
        what: Visible | None = None,
    ) -> list[Callback]:
        """The newest first; ``before``: created_at and id of the last one seen. ``what``: those of these queues, and
        those that this agent had."""
        at = callbacks.c
        query = select(callbacks).order_by(at.created_at.desc(), at.callback_id.desc()).limit(limit)
        if before is not None:
            older = (at.created_at < before[0]) | ((at.created_at == before[0]) & (at.callback_id < before[1]))
            query = query.where(older)
        if state is not None:
            query = query.where(at.state.in_(_OPEN) if state == "open" else at.state == state)
        if queue is not None:
            query = query.where(at.queue == clean(queue, 64))
        if number is not None:
            query = query.where(at.number_blind == self.blind(number))
        if what is not None and not what.everything:
            query = query.where(at.queue.in_(sorted(what.queues)))
        return self._read(lambda connection: [self._callback(row) for row in connection.execute(query)])

    def blind(self, number: str) -> str:
        return self._sealer.blind("callback:" + normalise_number(number))

    # ---- parts ---------------------------------------------------------------------------------------------------

    def _edit(self, callback_id: str, deed: Deed, action: str, change: Any) -> Callback:
        def work(connection: Connection) -> Callback:
            query = select(callbacks).where(callbacks.c.callback_id == clean(callback_id, 64))
            row = connection.execute(query.with_for_update()).first()
            if row is None:
                raise CtiError(f"no callback {callback_id[:64]!r}", code="unknown-callback")
            before = self._callback(row)
            if not before.open:
                raise CtiError(f"callback {callback_id!r} is {before.state}", code="callback-over")
            kept = self._write_row(connection, before, change(before), deed, action)
            assert kept is not None
            return kept

        return self._write(work)

    def _write_row(
        self, connection: Connection, before: Callback, after: Callback, deed: Deed | None, action: str
    ) -> Callback | None:
        kept = replace(after, version=before.version + 1)
        at = callbacks.c
        same = update(callbacks).where(at.callback_id == before.callback_id, at.version == before.version)
        done: CursorResult[Any] = connection.execute(same.where(at.state.in_(_OPEN)).values(self._row(kept)))
        if not done.rowcount:
            return None
        if deed is not None:
            line = deed.line(action, f"callback:{kept.callback_id}", _shown(before), _shown(kept))
            append(connection, line)
        return kept

    def _row(self, callback: Callback) -> dict[str, Any]:
        id_ = callback.callback_id
        wish = json.dumps({"about": callback.about, "skills": dict(callback.skills)}, ensure_ascii=False)
        plain = {name: getattr(callback, name) for name in _PLAIN}
        cut = {name: clean(plain[name], length) for name, length in _TEXTS.items()}
        return {
            **plain,
            **cut,
            "state": callback.state.value,
            "number_sealed": self._sealer.seal(clean(callback.number, 64), context("callbacks", "number", id_)),
            "number_blind": self.blind(callback.number),
            "wish_sealed": self._sealer.seal(clean(wish), context("callbacks", "wish", id_)),
        }

    def _callback(self, row: Row[Any]) -> Callback:
        id_ = row.callback_id
        wish = json.loads(self._sealer.open(row.wish_sealed, context("callbacks", "wish", id_)))
        return Callback(
            number=self._sealer.open(row.number_sealed, context("callbacks", "number", id_)),
            state=CallbackState(row.state),
            skills=wish["skills"],
            about=tuple((language, text) for language, text in wish["about"]),
            **{name: getattr(row, name) for name in _PLAIN},
        )


def _shown(callback: Callback) -> dict[str, Any]:
    names = ("number", "state", "due_at", "event", "queue", "flow", "allowed")
    return {name: str(getattr(callback, name)) if name == "state" else getattr(callback, name) for name in names}
