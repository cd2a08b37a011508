"""Answers that engines share: found by the other, sealed, gone in time; a database that fails costs nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event, text

from cti.boss.caching import Cache, Kept, MemoryCache
from cti.boss.policies import CacheSettings
from cti.store import SqlStore
from cti.store import office_cache as module
from cti.store.office_cache import OfficeCache
from cti.store.sealing import Sealer
from tests.store.conftest import Folder
from tests.store.template import copy_database
from tests.store.test_async_requests import emptied
from tests.store.test_postgresql import Server, server

__all__ = ["server"]  # the fixture
SHARED = CacheSettings(ttl_s=60, store="database", encrypt=False)
KEPT = Kept("ok", {"balance": Decimal("12.50"), "name": "Wang Wei"}, 100.0, "crm")


class Wall:
    now = 1_800_000_000.0


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: Any, folder: Folder) -> Iterator[SqlStore]:
    if request.param == "sqlite":
        copy_database(folder.path)
        found = folder.open(busy_s=30.0)
    else:
        place: Server = request.getfixturevalue("server")
        found = folder.open(url=emptied(place))
    yield found
    found.close(5.0)
    folder.forget(found)


@pytest.fixture
def shared(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[OfficeCache]]:
    """Two engines' caches over one database."""
    monkeypatch.setattr(module, "PATIENCE_S", 30.0)
    first = store.accounts.office_cache
    both = [OfficeCache(first._engine, first._url, lambda: Wall.now) for _ in range(2)]
    yield both
    for one in both:
        one.close()


def cache(store: OfficeCache) -> Cache:
    return Cache(MemoryCache(), Sealer({"k1": b"k" * 32}, "k1", b"b" * 32), store)


def test_what_one_engine_keeps_the_other_finds_sealed_until_it_ends(shared: list[OfficeCache]) -> None:
    one, other = (cache(store) for store in shared)
    key = one.key("balance.get", {"msisdn": "13800001234"}, "v1/")
    assert key == other.key("balance.get", {"msisdn": "13800001234"}, "v1/")
    assert key != one.key("balance.get", {"msisdn": "13800001234"}, "v2/")
    one.keep(key, KEPT, SHARED)
    shared[0].settle()
    assert other.find(key, SHARED) == KEPT
    assert other.find(key) is None  # who keeps in memory looks there
    with shared[0]._engine.connect() as connection:
        ((stored, data),) = connection.execute(text("SELECT key, answer_sealed FROM office_cache")).all()
    assert "13800001234" not in stored
    assert b"Wang" not in bytes(data)  # also where `encrypt` is off
    one.keep(key, Kept("ok", {}, 101.0, "crm"), SHARED)
    shared[0].settle()
    assert other.find(key, SHARED) == Kept("ok", {}, 101.0, "crm")
    Wall.now += 61
    assert other.find(key, SHARED) is None
    one.keep(one.key("bill.get", {}), KEPT, SHARED)
    shared[0]._cleans_at = 0.0
    one.keep(one.key("plan_get", {}), KEPT, SHARED)
    shared[0].settle()
    with shared[0]._engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM office_cache")).scalar_one() == 2
    one.forget("plan_get", SHARED)
    shared[0].settle()
    assert (other.find(one.key("plan_get", {}), SHARED), other.find(one.key("bill.get", {}), SHARED)) == (None, KEPT)


def test_a_database_that_fails_costs_only_its_benefit(shared: list[OfficeCache]) -> None:
    store, engine = shared[0], shared[0]._engine
    kept = cache(store)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE office_cache"))
    assert kept.find("balance.get/x", SHARED) is None
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    kept.keep("balance.get/x", KEPT, SHARED)
    store.settle()
    assert kept.find("balance.get/x", SHARED) is None
    assert not any("office_cache" in one for one in statements)  # it is left alone for a while
    store._rests_until = 0.0
    kept.keep("balance.get/x", KEPT, SHARED)
    store.settle()
    assert store._rests_until > 0


def test_nobody_waits_long_for_a_database_that_hangs(
    shared: list[OfficeCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    monkeypatch.setattr(module, "PATIENCE_S", 0.01)
    event.listen(shared[0]._engine, "before_cursor_execute", lambda *_: gate.wait(30))
    try:
        assert shared[0].get("balance.get/x") is None
        assert not gate.is_set()
        assert shared[0]._rests_until > 0
    finally:
        gate.set()
