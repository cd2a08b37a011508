"""Two interface servers with one store of answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gevent.threadpool import ThreadPool

from cti.boss.caching import CacheStore, MemoryCache
from cti.boss.configuration import parse_office
from cti.boss.guard.bulkhead import Priority
from cti.boss.server import InterfaceServer
from cti.boss.way import WayError
from cti.boss.writes import MemoryWriteLog
from tests.boss.redis_place import PASSWORD
from tests.boss.rig import SUBSCRIBER, TestClock, until
from tests.boss.sharedkit import SEALER, FileKind, OfRedis, Shared, shared

__all__ = ["shared"]  # the fixture

FILE = """\
redis: {url: URL, password_file: redis.password}
policies: {shared: {cache: {ttl_s: 60, swr_s: 60, sie_s: 600, negative_s: 30, store: STORE}}}
backends: {crm: {way: scripted}}
lookups:
  balance.get: {in: {msisdn: phone}, out: {balance: decimal}, policy: shared, to: {backend: crm}}
"""


class Engines:
    def __init__(self, shared: Shared, folder: Path) -> None:
        self.clock, self.shared = TestClock(), shared
        (folder / "redis.password").write_text(PASSWORD)
        url = shared.place.url if isinstance(shared, OfRedis) else "redis://127.0.0.1:1"
        plan = parse_office(FILE.replace("STORE", shared.word).replace("URL", url), "x.yaml", {"scripted": FileKind()})
        database: list[CacheStore] = list(shared.stores) if shared.word == "database" else [MemoryCache()] * 2
        self.servers = [
            InterfaceServer(plan, self.clock, folder=folder, sealing=SEALER, writes=MemoryWriteLog(), shared=one)
            for one in database
        ]
        self.ways: list[Any] = [server.backend("crm")._way for server in self.servers]

    def ask(self, number: int) -> tuple[str, str]:
        found = self.servers[number].find("balance.get", SUBSCRIBER, Priority.IVR)
        for store in (*self.shared.stores, *(one.redis for one in self.servers)):
            if store is not None:
                store.settle()
        return found.outcome, found.how


@pytest.fixture
def engines(shared: Shared, tmp_path: Path) -> Iterator[Engines]:
    made = Engines(shared, tmp_path)
    yield made
    for server in made.servers:
        server.close()


def test_stale_answers_are_shared_too(engines: Engines) -> None:
    assert [engines.ask(0), engines.ask(1)] == [("ok", "asked"), ("ok", "fresh")]
    engines.clock.ahead_s += 70
    assert engines.ask(1) == ("ok", "stale")
    until(lambda: engines.ways[1].asked)  # anew, behind the caller's back
    until(lambda: engines.ask(0) == ("ok", "fresh"))
    engines.clock.ahead_s += 130
    for way in engines.ways:
        way.answer = WayError("error", "refused", sent=False)
    assert [engines.ask(number) for number in (0, 1)] == [("ok", "if_error"), ("ok", "if_error")]


def test_that_somebody_is_not_known_is_shared_for_a_while(engines: Engines) -> None:
    for way in engines.ways:
        way.answer = {"$outcome": "not_found"}
    assert [engines.ask(0), engines.ask(1)] == [("not_found", "asked"), ("not_found", "fresh")]
    engines.clock.ahead_s += 31
    assert engines.ask(1) == ("not_found", "asked")


def test_callers_are_answered_while_the_store_is_away(engines: Engines) -> None:
    assert engines.ask(0) == ("ok", "asked")
    engines.shared.stop()
    assert [engines.ask(0), engines.ask(1)] == [("ok", "asked"), ("ok", "asked")]
    engines.shared.start()


def test_another_redis_is_used_once_the_file_is_saved(shared: Shared, tmp_path: Path) -> None:
    engines = Engines(shared, tmp_path)
    server = engines.servers[0]
    before, pools = server.redis, [one for one in vars(server.redis).values() if isinstance(one, ThreadPool)]
    text_ = FILE.replace("STORE", shared.word).replace("URL", "redis://127.0.0.1:2")
    server.use(parse_office(text_, "x.yaml", {"scripted": FileKind()}))
    assert server.redis is not before
    assert [len(pool) for pool in pools] == [0, 0]
    for one in engines.servers:
        one.close()
