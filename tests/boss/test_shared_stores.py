"""``cache: {store: database}`` and ``{store: redis}``: engines find each other's answers, and lose nothing but that
when the store is away. One list of tests for both."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gevent.threadpool import ThreadPool
from sqlalchemy import text

from cti.boss import redis_cache
from cti.boss.caching import Cache, CacheStore, Kept, MemoryCache
from cti.boss.configuration import OfficeRefused, parse_office
from cti.boss.guard.bulkhead import Priority
from cti.boss.policies import CacheSettings
from cti.boss.redis_cache import RedisCache
from cti.boss.redis_options import RedisSection
from cti.boss.server import InterfaceServer
from cti.boss.way import WayError
from cti.boss.writes import MemoryWriteLog
from cti.core.errors import ConfigError
from cti.core.targets import ANYWHERE, target_rules
from cti.store import office_cache, open_store
from cti.store.office_cache import OfficeCache
from cti.store.sealing import Sealer
from cti.validating import Section
from tests.boss.redis_place import PASSWORD, RedisPlace
from tests.boss.rig import SUBSCRIBER, ScriptedKind, TestClock, until
from tests.store.template import copy_database
from tests.webhooks.receiver import authority

SEALER = Sealer({"k1": b"k" * 32}, "k1", b"b" * 32)
KEPT = Kept("ok", {"balance": Decimal("12.50"), "name": "Wang Wei"}, 100.0, "crm")


class Options(Section):
    """Of a back end in the file: none."""


class FileKind(ScriptedKind):
    Backend: type[Section] = Options


class OfDatabase:
    word = "database"

    def __init__(self, folder: Path) -> None:
        copy_database(folder)
        self._store = open_store(f"sqlite:///{folder / 'cti.db'}", folder / "keys.json", busy_s=30.0)
        first = self._store.accounts.office_cache
        self.stores = [OfficeCache(first._engine, first._url) for _ in range(2)]
        self.module = office_cache

    def _do(self, statement: str, **told: Any) -> None:
        with self.stores[0]._engine.begin() as connection:
            connection.execute(text(statement), told)

    def garble(self, key: str) -> None:
        self._do("UPDATE office_cache SET answer_sealed = :data WHERE key = :key", data=b"1k1.?", key=key)

    def raw(self, key: str) -> bytes:
        with self.stores[0]._engine.connect() as connection:
            query = text("SELECT answer_sealed FROM office_cache WHERE key = :key")
            return bytes(connection.execute(query, {"key": key}).scalar_one())

    def stop(self) -> None:
        self._do("ALTER TABLE office_cache RENAME TO away")

    def start(self) -> None:
        self._do("ALTER TABLE away RENAME TO office_cache")

    def close(self) -> None:
        for one in self.stores:
            one.close()
        self._store.close(5.0)


class OfRedis:
    word = "redis"

    def __init__(self, folder: Path) -> None:
        self.place = RedisPlace(folder)
        section = RedisSection(url=self.place.url, password_file=Path("redis.password"))
        self.stores = [RedisCache(section, folder, ANYWHERE) for _ in range(2)]
        self.module = redis_cache
        self.started()

    def started(self) -> None:
        def answers() -> bool:
            return self.stores[0]._client.ping() is True

        until(lambda: _tried(answers))

    def garble(self, key: str) -> None:
        self.stores[0]._client.set(f"cti:{key}", b"1k1.?", keepttl=True)

    def raw(self, key: str) -> bytes:
        return bytes(self.stores[0]._client.get(f"cti:{key}"))

    def stop(self) -> None:
        self.place.stop()

    def start(self) -> None:
        self.place.start()
        self.started()

    def close(self) -> None:
        for one in self.stores:
            one.close()
        self.place.stop()


def _tried(answers: Callable[[], bool]) -> bool:
    try:
        return answers()
    except Exception:  # noqa: BLE001 - it is not there yet
        return False


Shared = OfDatabase | OfRedis


@pytest.fixture(params=[OfDatabase, OfRedis], ids=["database", "redis"])
def shared(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shared]:
    for module in (office_cache, redis_cache):
        monkeypatch.setattr(module, "PATIENCE_S", 30.0)
    made: Shared = request.param(tmp_path)
    yield made
    made.close()


def caches(shared: Shared) -> list[Cache]:
    return [Cache(MemoryCache(), SEALER, **{_PARAMETER[shared.word]: one}) for one in shared.stores]


_PARAMETER = {"database": "shared", "redis": "redis"}


def settings(shared: Shared, **more: Any) -> CacheSettings:
    return CacheSettings.model_validate({"ttl_s": 60, "store": shared.word, "encrypt": False, **more})


def test_what_one_engine_keeps_the_other_finds_sealed(shared: Shared) -> None:
    (one, other), how = caches(shared), settings(shared)
    key = one.key("balance.get", SUBSCRIBER, "v1/")
    one.keep(key, KEPT, how)
    shared.stores[0].settle()
    assert other.find(key, how) == KEPT
    assert other.find(key) is None  # who keeps in memory looks there
    assert SUBSCRIBER["msisdn"] not in key
    assert b"Wang" not in shared.raw(key)  # also where `encrypt` is off
    one.keep(key, Kept("ok", {}, 101.0, "crm"), how)
    shared.stores[0].settle()
    assert other.find(key, how) == Kept("ok", {}, 101.0, "crm")


def test_an_entry_ends(shared: Shared) -> None:
    first, second = shared.stores
    first.put("balance.get/short", b"1", 0.2)
    first.put("balance.get/long", b"2", 60.0)
    first.put("balance.get/never", b"3", 0.0)
    first.settle()
    assert (second.get("balance.get/long"), second.get("balance.get/never")) == (b"2", None)
    until(lambda: second.get("balance.get/short") is None)
    assert second.get("balance.get/long") == b"2"


def test_a_look_up_is_forgotten_and_no_other(shared: Shared) -> None:
    one, other = shared.stores
    for key in ("a_b.get/1", "a_b.get/2", "axb.get/1", "a_b.get*/1"):
        one.put(key, b"x", 60.0)
    one.settle()
    assert other.drop("a_b.get/") == 0  # nobody waits to count them
    other.settle()
    found = [one.get(key) for key in ("a_b.get/1", "a_b.get/2", "axb.get/1", "a_b.get*/1")]
    assert found == [None, None, b"x", b"x"]


def test_what_is_garbled_is_a_miss(shared: Shared) -> None:
    (one, other), how = caches(shared), settings(shared)
    one.keep("balance.get/x", KEPT, how)
    shared.stores[0].settle()
    shared.garble("balance.get/x")
    assert other.find("balance.get/x", how) is None
    assert sum(other.unreadable.values()) == 1
    one.keep("balance.get/x", KEPT, how)
    shared.stores[0].settle()
    assert other.find("balance.get/x", how) == KEPT


def test_a_store_that_is_away_is_left_alone_and_used_again(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    (one, _), how, store = caches(shared), settings(shared), shared.stores[0]
    monkeypatch.setattr(shared.module, "REST_S", 600.0)
    shared.stop()
    assert one.find("balance.get/x", how) is None
    assert store._rests_until > 0
    shared.start()
    one.keep("balance.get/x", KEPT, how)
    store.settle()
    assert shared.stores[1].get("balance.get/x") is None  # nothing went there while it rested
    monkeypatch.setattr(shared.module, "REST_S", 0.0)
    store._rests_until = shared.stores[1]._rests_until = 0.0
    until(lambda: _kept(one, how, store))


def _kept(one: Cache, how: CacheSettings, store: Any) -> bool:
    one.keep("balance.get/x", KEPT, how)
    store.settle()
    return one.find("balance.get/x", how) == KEPT


# ---- through two interface servers -----------------------------------------------------------------------------------

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


# ---- of Redis alone --------------------------------------------------------------------------------------------------


def test_nobody_waits_long_for_a_redis_that_hangs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(redis_cache, "PATIENCE_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        section = RedisSection(url=f"redis://127.0.0.1:{silent.getsockname()[1]}")
        store = RedisCache(section, tmp_path, ANYWHERE)
        gate = threading.Event()
        monkeypatch.setattr(store._client, "get", lambda _key: gate.wait(30))
        try:
            assert store.get("balance.get/x") is None
            assert not gate.is_set()
            assert store._rests_until > 0
            store.put("balance.get/x", b"1", 60.0)
            assert not store._writing  # left alone
        finally:
            gate.set()
            until(lambda: len(store._readers) == 0)
            store.close()


def test_tls_is_verified_and_the_password_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_cache, "PATIENCE_S", 30.0)
    made = authority(tmp_path / "certificates", "localhost")
    place = RedisPlace(tmp_path, (made.cert, made.key))
    told = {"url": place.url, "password_file": "redis.password"}
    good = RedisCache(RedisSection(**told, ca_file=made.ca), tmp_path, ANYWHERE)
    strange = RedisCache(RedisSection(**told), tmp_path, ANYWHERE)
    unknown = RedisCache(RedisSection(url=place.url, ca_file=made.ca, password="another"), tmp_path, ANYWHERE)
    try:
        until(lambda: _tried(good._client.ping))
        good.put("x/1", b"1", 60.0)
        good.settle()
        assert [one.get("x/1") for one in (good, strange, unknown)] == [b"1", None, None]
    finally:
        for one in (good, strange, unknown):
            one.close()
        place.stop()


def test_a_redis_that_is_not_listed_is_not_connected_to(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.setblocking(False)
        section = RedisSection(url=f"redis://localhost:{trap.getsockname()[1]}")
        store = RedisCache(section, tmp_path, target_rules(["crm.example"]))
        assert store.get("x/1") is None
        store.close()
        with pytest.raises(BlockingIOError):
            trap.accept()
    assert "target-not-allowed" in caplog.text


def test_without_the_client_library_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigError) as refused:
        RedisCache(RedisSection(url="redis://127.0.0.1"), tmp_path, ANYWHERE)
    assert (refused.value.code, "scripts/setup redis" in str(refused.value.remedy)) == ("missing-library", True)


@pytest.mark.parametrize(
    ("section", "code"),
    [
        ("{url: 'redis://10.9.0.1'}", "insecure"),
        ("{url: 'rediss://u:secret@10.9.0.1'}", "secret-in-clear"),
        ("{url: 'http://10.9.0.1'}", "bad-url"),
        ("{url: 'rediss://10.9.0.1/x'}", "bad-url"),
        ("{url: 'rediss://169.254.169.254'}", "target-not-allowed"),
        ("{url: 'rediss://10.9.0.1', prefix: 'a b'}", "bad-value"),
        ("{url: 'rediss://10.9.0.1', password: a, password_file: b}", "bad-value"),
    ],
)
def test_a_section_that_cannot_be_used_is_refused(section: str, code: str) -> None:
    with pytest.raises(OfficeRefused) as refused:
        parse_office(f"redis: {section}\n", "x.yaml", {})
    assert [issue.code for issue in refused.value.issues] == [code]


def test_a_policy_that_keeps_in_redis_needs_one() -> None:
    with pytest.raises(OfficeRefused) as refused:
        parse_office("policies: {shared: {cache: {store: redis}}}\n", "x.yaml", {})
    assert [(issue.code, issue.place.col) for issue in refused.value.issues] == [("missing-option", 36)]


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
