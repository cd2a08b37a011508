"""A process that is killed between a callback and the answer to who ordered it: nobody is called twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cti.core.access import SYSTEM, Deed
from cti.core.callbacks import Callback, reached
from cti.core.commands import RequestCallback
from cti.core.errors import StoreUnavailable
from cti.core.orders import Order, OrderAnswer, OrderKind
from cti.runtime.order_keeping import OrderKeeper
from cti.runtime.orders import OrderDesk
from cti.store import SqlStore, open_store
from cti.store.orders import InboundOrders
from tests.runtime.accountkit import NOW, MovedClock
from tests.store.template import copy_database

ORDER = Order("crm", "k1", OrderKind.CALLBACK, {"number": "13900000009", "queue": "service"})
CHILD = """
import os, signal, sys
from pathlib import Path
from cti.store.orders import InboundOrders
from tests.runtime.test_orders_killed import ORDER, desk, opened
InboundOrders.answer = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
desk(opened(Path(sys.argv[1]))).take(ORDER)
"""


class Keeping:
    """The desk of callbacks, without a switch."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store.accounts.callbacks

    def promise(
        self, wish: RequestCallback, deed: Deed, callback_id: str = "", order: tuple[str, str] | None = None
    ) -> Callback:
        kept = self._store.add(Callback(callback_id, wish.number, NOW, NOW, queue=wish.queue or ""), 10, deed, order)
        assert kept is not None
        return kept


def opened(folder: Path) -> SqlStore:
    return open_store(f"sqlite:///{folder / 'cti.db'}", folder / "keys.json")


def desk(store: SqlStore) -> OrderDesk:
    none: Any = None
    return OrderDesk(
        store.accounts.orders, Keeping(store), none, none, MovedClock(), lambda *_: Deed(SYSTEM, NOW, "", "order"),
        lambda _: False, lambda _: None,
    )  # fmt: skip


@pytest.mark.parametrize("waits_already", [True, False])
def test_whoever_was_reached_before_the_second_try_is_not_called_again(tmp_path: Path, waits_already: bool) -> None:
    copy_database(tmp_path)
    store = opened(tmp_path)
    if waits_already:  # the order moves this one
        assert store.accounts.callbacks.add(Callback("cb-1", ORDER.fields["number"], NOW - 60, NOW + 3600), 10)
    child = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path)], timeout=120)
    assert child.returncode == -signal.SIGKILL
    (one,) = store.accounts.callbacks.list(limit=5)
    assert (one.callback_id == "cb-1", one.queue) == (waits_already, "service")
    assert store.accounts.callbacks.save(one, reached(one, NOW)) is not None

    answer = desk(store).take(ORDER)

    assert answer == OrderAnswer("accepted", one.callback_id)
    assert [(one.callback_id, one.open) for one in store.accounts.callbacks.list(limit=5)] == [(one.callback_id, False)]
    store.close(10.0)


def test_of_two_engines_that_take_one_order_one_has_its_effect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_database(tmp_path)
    store = opened(tmp_path)
    real = InboundOrders.receive

    def received(self: InboundOrders, *told: Any) -> Any:
        """As it was before the other one went on."""
        row = real(self, *told)
        return row if row.done_at is not None else replace(row, order_id="")

    with monkeypatch.context() as late:
        late.setattr(InboundOrders, "receive", received)
        late.setattr(InboundOrders, "answer", lambda *_: (_ for _ in ()).throw(StoreUnavailable("not yet")))
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                desk(store).take(ORDER)
    (line,) = [one for one in store.accounts.audit.lines(limit=9) if one.action.startswith("callback.")]
    assert (line.action, desk(store).take(ORDER).state) == ("callback.add", "accepted")
    store.close(10.0)


def test_orders_are_forgotten_when_they_have_been_kept_for_long_enough(tmp_path: Path) -> None:
    copy_database(tmp_path)
    store, day = opened(tmp_path), 86_400.0
    orders, clock = store.accounts.orders, MovedClock()
    for key, at, answered in (
        ("old", 0.0, 1.0),
        ("asked again", 0.0, 5 * day),
        ("open", 1.0, None),
        ("new", 5 * day, 5 * day),
    ):
        orders.receive("crm", key, OrderKind.MESSAGE, "d", NOW + at)
        if answered is not None:
            orders.answer("crm", key, "accepted", "o", "", NOW + answered)
    keeper = OrderKeeper(orders, clock, 3, lambda: True)
    clock.move(3 * day)
    keeper.look()
    assert (keeper.deleted, len(orders.list(limit=9))) == (0, 4)
    clock.move(2.0)
    keeper.look()
    assert (keeper.deleted, {one.key for one in orders.list(limit=9)}) == (2, {"asked again", "new"})
    store.close(10.0)
