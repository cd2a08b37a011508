"""Asynchronous requests in the database: found again, shared by engines, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import gevent
import pytest
from sqlalchemy import create_engine, text

from cti.core.async_requests import AsyncRequest, Callback, settled
from cti.store import SqlStore
from cti.store.async_requests import Place
from tests.store.conftest import Folder
from tests.store.template import copy_database
from tests.store.test_postgresql import Server, server

__all__ = ["server"]  # the fixture
ONE = AsyncRequest(
    "r-1", "u-1", "package.order", "u-1/r-1", {"msisdn": "13800001234", "amount": Decimal("1.50")}, 100.0, 200.0,
    Callback("https://crm.example/done", "whsec_x"), lane="package.order", due_at=100.0,
)  # fmt: skip


def emptied(place: Server) -> str:
    engine = create_engine(place.url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return place.url


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


def test_what_was_ordered_comes_back_and_is_shared(store: SqlStore) -> None:
    log = store.accounts.async_requests
    assert [log.add(ONE), log.add(replace(ONE, name="other"))] == [True, False]
    assert log.find("r-1") == log.find_by_key("u-1/r-1") == ONE
    done = settled(ONE, "done", "done", 150.0, {"ticket": "T1"})
    assert (done.phase, done.lane, done.told, done.callback) == ("tell", "crm.example", "pending", ONE.callback)
    log.put(done)
    assert log.find("r-1") == done
    for number in range(2, 41):
        log.add(replace(ONE, request_id=f"r-{number}", key=f"u-1/r-{number}", since=100.0 + number))
    newest = log.of_user("u-1", limit=2, before=None, state="waiting")
    assert [one.request_id for one in newest] == ["r-40", "r-39"]
    more = log.of_user("u-1", limit=2, before=Place(newest[-1].since, "r-39"), state=None)
    assert [one.request_id for one in more] == ["r-38", "r-37"]
    assert log.outstanding() == 39

    def take(worker: str) -> list[str]:
        found: list[str] = []
        while some := log.claim("ask", worker, 150.0, 60.0, 7, ()):
            found += [one.request_id for one in some]
        return found

    workers = [gevent.spawn(take, worker) for worker in ("a/0", "b/0")]
    gevent.joinall(workers, raise_error=True)
    taken = workers[0].value + workers[1].value
    assert len(taken) == len(set(taken)) == 39
    assert [one.request_id for one in log.claim("tell", "a/0", 150.0, 60.0, 7, ())] == ["r-1"]
    log.purge(1000.0)
    assert log.outstanding() == 39


def test_one_that_does_not_open_stops_no_others(store: SqlStore, caplog: pytest.LogCaptureFixture) -> None:
    log = store.accounts.async_requests
    for name in ("r-50", "r-51"):
        log.add(replace(ONE, request_id=name, key=name, lane="mine"))
    with store._engine.begin() as connection:
        connection.execute(text("UPDATE async_requests SET body_sealed = 'k1.AAAA' WHERE request_id = 'r-50'"))
    found = log.claim("ask", "a/0", 150.0, 60.0, 9, ("package.order",))
    assert [one.request_id for one in found] == ["r-51"]
    assert "r-50" in caplog.text
