"""Answers of the back office that several engines share. A database that is away, or slow, costs this benefit only.

Implements `cti.boss.caching.CacheStore`: nothing here raises for the database, and nobody waits for a write.
"""

from __future__ import annotations

import logging
from time import monotonic, time
from typing import TYPE_CHECKING, Any

import gevent
from sqlalchemy import Connection, Engine, delete, insert, select
from sqlalchemy.engine import URL

from cti.core.errors import CtiError, StoreUnavailable
from cti.store.repository import Repository
from cti.store.schema_office import office_cache

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("cti.store")

#: So long a caller waits for an entry; then the back office is asked.
PATIENCE_S = 0.25
#: After a failure the database is left alone for so long.
REST_S = 5.0
#: Entries on their way into the database; more are not kept.
WRITES_MAX = 64
#: How often what nobody may use any more is deleted.
CLEAN_S = 60.0


class OfficeCache(Repository):
    """``now``: wall clock, by which entries end; that of the engines is one."""

    def __init__(self, engine: Engine, url: URL, now: Callable[[], float] = time) -> None:
        super().__init__(engine, url)
        self._now = now
        self._writing: set[gevent.Greenlet[Any, Any]] = set()
        self._rests_until = self._cleans_at = 0.0

    def get(self, key: str) -> bytes | None:
        if monotonic() < self._rests_until:
            return None
        at = office_cache.c
        query = select(at.answer_sealed).where(at.key == key, at.keep_until > self._now())
        try:
            with gevent.Timeout(PATIENCE_S, StoreUnavailable(f"no answer within {PATIENCE_S:g} s")):
                found = self._read(lambda connection: connection.execute(query).scalar_one_or_none())
        except CtiError as error:
            self._rest(error)
            return None
        return bytes(found) if found is not None else None

    def put(self, key: str, data: bytes, keep_s: float) -> None:
        if keep_s <= 0:
            return
        now = self._now()
        mine, row = office_cache.c.key == key, {"key": key, "answer_sealed": data, "keep_until": now + keep_s}

        def work(connection: Connection) -> None:
            self._clean(connection, now)
            connection.execute(delete(office_cache).where(mine))
            connection.execute(insert(office_cache).values(row))

        self._behind(work)

    def drop(self, prefix: str) -> int:
        """0: nobody waits to count them."""
        query = delete(office_cache).where(office_cache.c.key.startswith(prefix, autoescape=True))
        self._behind(lambda connection: connection.execute(query))
        return 0

    def settle(self) -> None:
        """Wait until what is on its way is there, or has failed."""
        gevent.joinall(tuple(self._writing))

    def close(self) -> None:
        gevent.killall(tuple(self._writing))
        super().close()

    def _clean(self, connection: Connection, now: float) -> None:
        if monotonic() >= self._cleans_at:
            self._cleans_at = monotonic() + CLEAN_S
            connection.execute(delete(office_cache).where(office_cache.c.keep_until <= now))

    def _behind(self, work: Callable[[Connection], Any]) -> None:
        if monotonic() < self._rests_until or len(self._writing) >= WRITES_MAX:
            return

        def write() -> None:
            try:
                self._write(work)
            except CtiError as error:
                self._rest(error)

        greenlet = gevent.spawn(write)
        self._writing.add(greenlet)
        greenlet.rawlink(self._writing.discard)

    def _rest(self, error: CtiError) -> None:
        self._rests_until = monotonic() + REST_S
        log.warning("the shared cache of the back office is not used for %g s: %s", REST_S, error)
