"""``Idempotency-Key``: a request that is sent again is answered with what the first one did.

Two at the same moment are one: the second waits for the first.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import AsyncResult

from cti.api.problems import Problem
from cti.core.errors import DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS_KEPT = 10_000
KEY_LENGTH_MAX = 255
#: How long a second request waits for the first one's end; what the first does has deadlines of its own, shorter.
WAIT_S = 15.0


class Once:
    """Remembers the newest `KEYS_KEPT` keys, in memory. What failed is forgotten: the same key may try again."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[bytes, AsyncResult[str]]] = OrderedDict()

    def do(self, key: str | None, body: dict[str, Any], work: Callable[[], str]) -> str:
        """``work``'s result. Raises Problem: idempotency-conflict, bad-request; and what ``work`` raises."""
        if key is None:
            return work()
        if not 1 <= len(key) <= KEY_LENGTH_MAX or not (key.isascii() and key.isprintable()):
            raise Problem("bad-request", f"Idempotency-Key must be 1 to {KEY_LENGTH_MAX} printable ASCII characters")
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest()
        if key in self._seen:
            known, result = self._seen[key]
            if known != digest:
                raise Problem("idempotency-conflict", f"key {key!r}")
            try:
                return str(result.get(timeout=WAIT_S))
            except gevent.Timeout as error:
                raise DeadlineExceeded("the first request with this Idempotency-Key is still at work") from error
        return self._first(key, digest, work)

    def _first(self, key: str, digest: bytes, work: Callable[[], str]) -> str:
        result: AsyncResult[str] = AsyncResult()
        self._seen[key] = (digest, result)  # before the work, which lets others run
        if len(self._seen) > KEYS_KEPT:
            self._seen.popitem(last=False)
        try:
            done = work()
        except BaseException as error:
            self._seen.pop(key, None)
            result.set_exception(error)
            raise
        result.set(done)
        return done
