"""``cache: {store: database}`` and ``{store: redis}``: engines find each other's answers, and lose nothing but that
when the store is away. One list of tests for both."""

from __future__ import annotations

import socket
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from cti.boss import redis_cache
from cti.boss.caching import Cache, Kept
from cti.boss.configuration import OfficeRefused, parse_office
from cti.boss.policies import CacheSettings
from cti.boss.redis_cache import RedisCache
from cti.boss.redis_options import RedisSection
from cti.core.errors import ConfigError
from cti.core.targets import ANYWHERE, target_rules
from tests.boss.redis_place import RedisPlace
from tests.boss.rig import SUBSCRIBER, until
from tests.boss.sharedkit import KEPT, Shared, caches, settings, shared, tried
from tests.webhooks.receiver import authority

__all__ = ["shared"]  # the fixture


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
        until(lambda: tried(good._client.ping))
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
