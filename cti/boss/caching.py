"""What a back end said, kept for a while: freshness (pure) and the store in this process's memory.

The key of an entry is the look-up's name and a blind index of its arguments, so that no number stands in a cache that
is shared; what is kept is sealed.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import orjson

from cti.boss.policies import CacheSettings
from cti.core.errors import CtiError
from cti.core.moments import SKEW_S
from cti.flow.values import decode_all, encode_all

Freshness = Literal["fresh", "stale", "if_error", "gone"]


@dataclass(frozen=True, slots=True)
class Kept:
    """``at``: wall clock, seconds, when the back end answered. ``backend``: which."""

    outcome: str
    values: Mapping[str, Any]
    at: float
    backend: str

    def to_bytes(self) -> bytes:
        return orjson.dumps([self.outcome, encode_all(self.values), self.at, self.backend])

    @staticmethod
    def from_bytes(data: bytes) -> Kept:
        """Raises ValueError for what is no entry."""
        try:
            outcome, values, at, backend = orjson.loads(data)
            return Kept(str(outcome), decode_all(values), float(at), str(backend))
        except (TypeError, KeyError, AttributeError, ArithmeticError) as error:
            raise ValueError(f"not an entry of the cache: {type(error).__name__}") from None


def freshness(kept: Kept, settings: CacheSettings, now: float) -> Freshness:
    """``if_error``: good enough only where the back end fails. Nobody knows how old an answer is from before the clock
    was set back: it is asked for anew."""
    if kept.at > now + SKEW_S:
        return "if_error" if kept.outcome == "ok" and settings.sie_s else "gone"
    age = max(0.0, now - kept.at)
    if kept.outcome != "ok":
        return "fresh" if age < settings.negative_s else "gone"
    if age < settings.ttl_s:
        return "fresh"
    if age < settings.ttl_s + settings.swr_s:
        return "stale"
    return "if_error" if age < settings.ttl_s + settings.swr_s + settings.sie_s else "gone"


def lifetime(outcome: str, settings: CacheSettings) -> float:
    """Seconds after which an entry is of no use to anybody."""
    return settings.ttl_s + settings.swr_s + settings.sie_s if outcome == "ok" else settings.negative_s


class CacheStore(Protocol):
    """Bytes by key. May lose anything at any time; never raises for a store that is away: then nothing is there."""

    def get(self, key: str) -> bytes | None: ...

    def put(self, key: str, data: bytes, keep_s: float) -> None: ...

    def drop(self, prefix: str) -> int:
        """Forget every entry whose key begins so; how many."""


class MemoryCache:
    """In this process, at most ``entries``; the one not asked for the longest goes first."""

    def __init__(self, entries: int = 100_000) -> None:
        self._most = entries
        self._entries: OrderedDict[str, bytes] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> bytes | None:
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def put(self, key: str, data: bytes, keep_s: float) -> None:
        if keep_s <= 0:
            return
        self._entries[key] = data
        self._entries.move_to_end(key)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def drop(self, prefix: str) -> int:
        found = [key for key in self._entries if key.startswith(prefix)]
        for key in found:
            del self._entries[key]
        return len(found)


class Sealing(Protocol):
    """The key ring, as far as it is needed here (`cti.store.sealing.Sealer`)."""

    def seal_bytes(self, data: bytes, context: str) -> bytes: ...

    def open_bytes(self, sealed: bytes, context: str) -> bytes: ...

    def blind(self, text: str) -> str: ...


class Cache:
    """Entries in a `CacheStore`, sealed where the settings say so. What does not open is as if it were not there."""

    def __init__(
        self,
        store: CacheStore,
        sealing: Sealing,
        shared: CacheStore | None = None,
        redis: CacheStore | None = None,
    ) -> None:
        """``shared``: where settings say ``store: database``, ``redis``: where they say that; None: it is kept in
        ``store``, too."""
        self._store, self._sealing = store, sealing
        self._shared: dict[str, CacheStore | None] = {"database": shared, "redis": redis}
        #: Entries that did not open, by reason, since the start: each is a miss.
        self.unreadable: Counter[str] = Counter()

    def key(self, lookup: str, inputs: Mapping[str, Any], version: str = "") -> str:
        """``version``: of the signature, where an entry may outlive it."""
        blind = self._sealing.blind(orjson.dumps(encode_all(inputs), option=orjson.OPT_SORT_KEYS).decode())
        return f"{lookup}/{version}{blind}"

    def find(self, key: str, settings: CacheSettings | None = None) -> Kept | None:
        data = self._of(settings).get(key)
        if data is None:
            return None
        try:
            return Kept.from_bytes(data[1:] if data[:1] == b"0" else self._sealing.open_bytes(data[1:], key))
        except Exception as error:  # noqa: BLE001 - sealed with a key that is gone, of an earlier release, damaged: ask anew
            self.unreadable[error.code if isinstance(error, CtiError) else "damaged"] += 1
            return None

    def keep(self, key: str, kept: Kept, settings: CacheSettings) -> None:
        keep_s = lifetime(kept.outcome, settings)
        if keep_s <= 0:
            return
        data = kept.to_bytes()
        sealed = settings.encrypt or self._of(settings) is not self._store
        data = b"1" + self._sealing.seal_bytes(data, key) if sealed else b"0" + data
        self._of(settings).put(key, data, keep_s)

    def forget(self, lookup: str, settings: CacheSettings | None = None) -> int:
        return self._of(settings).drop(f"{lookup}/")

    def use_redis(self, redis: CacheStore | None) -> None:
        """From now on."""
        self._shared["redis"] = redis

    def _of(self, settings: CacheSettings | None) -> CacheStore:
        shared = self._shared.get(settings.store) if settings is not None else None
        return self._store if shared is None else shared
