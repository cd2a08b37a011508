"""Stores of answers that engines share: a database and a Redis, which tests stop and garble."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from cti.boss import redis_cache
from cti.boss.caching import Cache, Kept, MemoryCache
from cti.boss.policies import CacheSettings
from cti.boss.redis_cache import RedisCache
from cti.boss.redis_options import RedisSection
from cti.core.targets import ANYWHERE
from cti.store import office_cache, open_store
from cti.store.office_cache import OfficeCache
from cti.store.sealing import Sealer
from cti.validating import Section
from tests.boss.redis_place import RedisPlace
from tests.boss.rig import ScriptedKind, until
from tests.store.template import copy_database

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

        until(lambda: tried(answers))

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


def tried(answers: Callable[[], bool]) -> bool:
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
