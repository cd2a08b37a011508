"""Orders of other systems: which came, and what they were answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, delete, or_, select, tuple_, update
from sqlalchemy.engine import URL

from cti.store.database import insert_ignoring
from cti.store.repository import Repository
from cti.store.rows import clean
from cti.store.schema_orders import inbound_orders
from cti.store.sealing import Sealer

if TYPE_CHECKING:
    from cti.core.orders import OrderKind

DONE = ("accepted", "rejected")
_FORGET_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class OrderRow:
    """``done_at`` None: not answered yet; with an ``order_id`` what was ordered is there all the same."""

    source: str
    key: str
    kind: str
    digest: str
    state: str
    order_id: str
    code: str
    received_at: float
    done_at: float | None


class InboundOrders(Repository):
    """``sealer``: makes the digests, so that nobody can try numbers until one fits."""

    def __init__(self, engine: Engine, url: URL, sealer: Sealer) -> None:
        super().__init__(engine, url)
        self._sealer = sealer

    def digest(self, told: str) -> str:
        return self._sealer.blind("order:" + clean(told, 1_000_000))

    def receive(self, source: str, key: str, kind: OrderKind, digest: str, at: float) -> OrderRow:
        """The order as it stands: this one, or the one that came with this key before."""
        row = {
            "source": clean(source, 64), "key": clean(key, 200), "kind": kind.value, "digest": digest,
            "state": "received", "order_id": "", "code": "", "received_at": at, "done_at": None,
        }  # fmt: skip

        def work(connection: Connection) -> OrderRow:
            connection.execute(insert_ignoring(connection, inbound_orders), [row])
            return _row(connection.execute(select(inbound_orders).where(*_of(source, key))).one())

        return self._write(work)

    def sending(self, source: str, key: str) -> bool:
        """From here on it may have had its effect. False: it had come so far before."""
        at = inbound_orders.c
        query = update(inbound_orders).where(*_of(source, key), at.state == "received").values(state="sending")
        return self._write(lambda connection: connection.execute(query).rowcount == 1)

    def answer(self, source: str, key: str, state: str, order_id: str, code: str, at: float) -> OrderRow:
        """The first answer stays; the order as it stands then."""
        values = {"state": state, "order_id": clean(order_id, 64), "code": clean(code, 64), "done_at": at}
        query = update(inbound_orders).where(*_of(source, key), inbound_orders.c.done_at.is_(None)).values(values)

        def work(connection: Connection) -> OrderRow:
            connection.execute(query)
            return _row(connection.execute(select(inbound_orders).where(*_of(source, key))).one())

        return self._write(work)

    def forget(self, before: float) -> int:
        """Orders that came and were answered before this moment, and those that nobody has placed again since; how
        many. In portions, so that nobody waits for long."""
        at = inbound_orders.c
        old = select(at.source, at.key).where(at.received_at < before, or_(at.done_at.is_(None), at.done_at < before))

        def some(connection: Connection) -> int:
            keys = [tuple(row) for row in connection.execute(old.limit(_FORGET_AT_ONCE))]
            connection.execute(delete(inbound_orders).where(tuple_(at.source, at.key).in_(keys)))
            return len(keys)

        forgotten = done = self._write(some)
        while done == _FORGET_AT_ONCE:
            forgotten += (done := self._write(some))
        return forgotten

    def list(
        self,
        *,
        limit: int,
        before: tuple[float, str, str] | None = None,
        source: str | None = None,
        state: str | None = None,
        kind: str | None = None,
    ) -> list[OrderRow]:
        """The newest first; ``before``: (received_at, source, key) of the last of the page before."""
        at = inbound_orders.c
        query = select(inbound_orders).order_by(at.received_at.desc(), at.source.desc(), at.key.desc()).limit(limit)
        if before is not None:
            query = query.where(tuple_(at.received_at, at.source, at.key) < tuple_(*before))
        for column, wanted in ((at.source, source), (at.state, state), (at.kind, kind)):
            if wanted is not None:
                query = query.where(column == wanted)
        return self._read(lambda connection: [_row(row) for row in connection.execute(query)])


def made(connection: Connection, source: str, key: str, order_id: str) -> bool:
    """Note what was made of it, in the transaction that makes it. False: something had been made before."""
    at = inbound_orders.c
    open_ = update(inbound_orders).where(*_of(source, key), at.state == "received", at.order_id == "")
    return connection.execute(open_.values(order_id=clean(order_id, 64))).rowcount == 1


def _of(source: str, key: str) -> tuple[Any, Any]:
    return inbound_orders.c.source == clean(source, 64), inbound_orders.c.key == clean(key, 200)


def _row(row: Any) -> OrderRow:
    return OrderRow(**{name: getattr(row, name) for name in OrderRow.__slots__})
