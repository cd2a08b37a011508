"""A desk for orders that takes everything but what is to be refused, and keeps what it was asked."""

from __future__ import annotations

from collections.abc import Callable

from cti.core.errors import StoreUnavailable
from cti.core.orders import Order, OrderAnswer
from cti.store import SqlStore


class OrderBook:
    """Implements `cti.ports.OrderTaker`: kept in the store as the real one does."""

    def __init__(self, store: SqlStore, now: Callable[[], float]) -> None:
        self._store, self._now = store.accounts.orders, now

    def take(self, order: Order) -> OrderAnswer:
        if order.fields.get("number") == "away":
            raise StoreUnavailable("away")
        row = self._store.receive(order.source, order.key, order.kind, "d", self._now())
        if row.done_at is not None:
            return OrderAnswer(row.state, row.order_id, row.code)
        denied = order.fields.get("number") == "999"
        answer = (
            OrderAnswer("rejected", "", "destination-denied") if denied else OrderAnswer("accepted", f"o-{order.key}")
        )
        told = (answer.state, answer.order_id, answer.code)
        self._store.answer(order.source, order.key, *told, self._now())
        return answer
