"""A runner of orders over a real store; what takes them is the test's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cti.boss.orders.options import OrderPlan, OrderSection
from cti.boss.orders.runner import OrderRunner
from cti.core.errors import StoreUnavailable
from cti.core.issue import Place
from cti.core.orders import Order, OrderAnswer
from cti.store import SqlStore
from tests.store.conftest import Folder
from tests.store.template import copy_database

LINE = {"codec": "delimited", "fields": ["key", "kind", "number", {"name": "text", "required": False}]}
TAKE = {"match": r"ORD_(?P<day>\d{8})_(?P<seq>\d{3})\.txt", "row": LINE, "key": "key", "max_bytes": 10_000}
KINDS_ALLOWED = ["callback", "message"]


class Taker:
    """Implements `cti.ports.OrderTaker`: numbers that begin with 9 are refused; the first answer holds."""

    def __init__(self) -> None:
        self.taken: dict[tuple[str, str], OrderAnswer] = {}
        self.orders: list[Order] = []
        self.away = 0  # after so many more orders the store is away

    def take(self, order: Order) -> OrderAnswer:
        if self.away:
            self.away -= 1
            if not self.away:
                self.away = -1
        if self.away < 0:
            raise StoreUnavailable("away")
        known = self.taken.get((order.source, order.key))
        if known is None:
            self.orders.append(order)
            bad = order.fields.get("number", "").startswith("9")
            known = (
                OrderAnswer("rejected", "", "destination-denied") if bad else OrderAnswer("accepted", f"id-{order.key}")
            )
            self.taken[order.source, order.key] = known
        return known


class Rig:
    def __init__(self, path: Path) -> None:
        copy_database(path)
        self.path, self.taker = path, Taker()
        self.store: SqlStore = Folder(path).open()
        self.runners: list[OrderRunner] = []

    def runner(self, **options: Any) -> OrderRunner:
        section = OrderSection(kinds=KINDS_ALLOWED, **options)
        plan = OrderPlan("crm", section, Place("interfaces.yaml", 1, 1))
        files = self.store.accounts.request_files
        made = OrderRunner({"crm": plan}, self.taker, files, lambda: 1_800_000_000.0, self.path)
        self.runners.append(made)
        return made

    def close(self) -> None:
        for runner in self.runners:
            runner.close()
        self.store.close(5.0)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.close()


def facts(runner: OrderRunner) -> tuple[int, dict[str, int], str]:
    (one,) = runner.facts()
    return one["accepted"], one["rejected"], one["problem"]
