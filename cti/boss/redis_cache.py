"""Answers of the back office that engines share in Redis. One that is away, or slow, costs this benefit only.

Implements `cti.boss.caching.CacheStore`: nothing here raises for Redis, and nobody waits for a write. The client
library blocks, so that it runs on threads of its own; an entry ends by Redis' own clock.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import unquote, urlsplit

import gevent
from gevent.threadpool import ThreadPool

from cti.boss.redis_options import PORT, RedisSection
from cti.boss.ways.reach import connect
from cti.boss.ways.secrets import secret_of
from cti.core.errors import ConfigError
from cti.core.targets import TargetRules

log = logging.getLogger("cti.boss")

#: So long a caller waits for an entry; then the back office is asked.
PATIENCE_S = 0.25
#: After a failure Redis is left alone for so long.
REST_S = 5.0
#: Entries on their way into Redis; more are not kept.
WRITES_MAX = 64
_READERS, _WRITERS, _BATCH = 4, 2, 500
_GLOB = re.compile(r"([*?\[\]\\^-])")


class RedisCache:
    """``folder``: from which relative paths count. Raises ConfigError: no client library, certificates or a password
    that cannot be read. A Redis that is away is no error."""

    def __init__(self, section: RedisSection, folder: Path, targets: TargetRules) -> None:
        self._client = _client(section, folder, targets)
        self._prefix = f"{section.prefix}:"
        # Apart, so that a caller's question never waits behind writes.
        self._readers, self._writers = ThreadPool(_READERS), ThreadPool(_WRITERS)
        self._writing: set[gevent.Greenlet[Any, Any]] = set()
        self._rests_until = 0.0

    def get(self, key: str) -> bytes | None:
        if monotonic() < self._rests_until:
            return None
        try:
            with gevent.Timeout(PATIENCE_S, TimeoutError(f"no answer within {PATIENCE_S:g} s")):
                found = self._readers.spawn(_carried, self._client.get, self._prefix + key).get()
        except TimeoutError as error:
            self._rest(error)
            return None
        if isinstance(found, Exception):
            self._rest(found)
            return None
        return bytes(found) if isinstance(found, bytes) else None

    def put(self, key: str, data: bytes, keep_s: float) -> None:
        if keep_s > 0:
            milliseconds = max(1, round(keep_s * 1000))
            self._behind(lambda: self._client.set(self._prefix + key, data, px=milliseconds))

    def drop(self, prefix: str) -> int:
        """0: nobody waits to count them."""
        pattern = _GLOB.sub(r"\\\1", self._prefix + prefix) + "*"

        def forget() -> None:
            cursor = 0
            while True:
                cursor, keys = self._client.scan(cursor, match=pattern, count=_BATCH)
                if keys:
                    self._client.unlink(*keys)
                if not cursor:
                    return

        self._behind(forget)
        return 0

    def settle(self) -> None:
        """Wait until what is on its way is there, or has failed."""
        gevent.joinall(tuple(self._writing))

    def close(self) -> None:
        gevent.killall(tuple(self._writing))
        for pool in (self._readers, self._writers):
            if not len(pool):  # else a thread still waits for Redis; it ends by the socket's own time limit
                pool.kill()
        self._client.connection_pool.disconnect()

    def _behind(self, work: Callable[[], Any]) -> None:
        if monotonic() < self._rests_until or len(self._writing) >= WRITES_MAX:
            return

        def write() -> None:
            found = self._writers.spawn(_carried, work).get()
            if isinstance(found, Exception):
                self._rest(found)

        greenlet = gevent.spawn(write)
        self._writing.add(greenlet)
        greenlet.rawlink(self._writing.discard)

    def _rest(self, error: Exception) -> None:
        self._rests_until = monotonic() + REST_S
        log.warning("the shared cache of the back office is not used for %g s: %s", REST_S, _reason(error))


def _carried(work: Callable[..., Any], *arguments: Any) -> Any:
    """What is raised is returned: gevent prints what a thread of a pool raises."""
    try:
        return work(*arguments)
    except Exception as error:  # noqa: BLE001 - of the network, of Redis, of the client library: each costs the cache only
        return error


def _reason(error: Exception) -> str:
    """Nothing of an entry, and no password: the library's class, and what the network said."""
    inner = error.__cause__ or error.__context__
    if isinstance(inner, OSError):
        return f"{getattr(inner, 'reason', None) or type(inner).__name__}"
    return str(error) if isinstance(error, TimeoutError) else type(error).__name__


def _client(section: RedisSection, folder: Path, targets: TargetRules) -> Any:
    """Raises ConfigError."""
    try:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ModuleNotFoundError:
        raise ConfigError(
            "cache: {store: redis} needs the client library of Redis, which is not installed",
            code="missing-library",
            remedy="scripts/setup redis",
        ) from None
    parts = urlsplit(section.url)
    told: dict[str, Any] = {
        "host": parts.hostname, "port": parts.port or PORT, "db": int(parts.path.removeprefix("/") or 0),
        "username": unquote(parts.username) if parts.username else None,
        "password": secret_of(section.password, section.password_file, folder, "the password of Redis"),
        "socket_timeout": PATIENCE_S, "socket_connect_timeout": PATIENCE_S, "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }  # fmt: skip

    class Checked(redis.Connection):
        def _connect(self) -> Any:
            sock = connect(targets, self.host, self.port, timeout_s=self.socket_connect_timeout)
            sock.settimeout(self.socket_timeout)
            return sock

    class CheckedTls(redis.SSLConnection, Checked):
        """TLS over the connection to the address that was checked."""

    made: type[Any] = Checked
    if parts.scheme == "rediss":
        made = CheckedTls
        if section.ca_file is not None:
            if not (folder / section.ca_file).is_file():
                message = f"there is no {folder / section.ca_file}"
                raise ConfigError(message, code="bad-certificate", remedy="name a PEM file at redis.ca_file")
            told["ssl_ca_certs"] = str(folder / section.ca_file)
    pool = redis.ConnectionPool(connection_class=made, max_connections=_READERS + _WRITERS, **told)
    return redis.Redis(connection_pool=pool)
