"""The limit on an account's requests, held by all processes of one database together, at little cost.

A few requests pass in each process without asking (`SMALL_CHANGE`), so that an ordinary client writes nothing. Whoever
makes more spends tokens of the account's bucket in the database, which a process takes `LEASE` at a time. While the
database is away each process holds the whole limit by itself: nobody is let in for it, and nobody locked out.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gevent.lock import BoundedSemaphore

from cti.core.access.rate import ACCOUNTS_MAX, REQUESTS, SMALL_CHANGE, RateLimit
from cti.core.errors import StoreUnavailable

if TYPE_CHECKING:
    from cti.ports import Clock
    from cti.store.limits import AccountLimits

log = logging.getLogger("cti.runtime")

LEASE = 50
#: An empty bucket is not asked again before that: a client that floods must not make the database write.
ASK_AGAIN_S = 0.25
#: While the database is away it is asked so often.
AWAY_S = 5.0


@dataclass(slots=True)
class _Lease:
    """``closed_until``: monotonic; the bucket is known to be empty until then."""

    left: int = 0
    closed_until: float = 0.0
    turn: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(1))


class SharedRate:
    def __init__(self, limits: AccountLimits, clock: Clock) -> None:
        self._limits, self._clock = limits, clock
        self._small, self._alone = RateLimit(SMALL_CHANGE.per_second, SMALL_CHANGE.burst), RateLimit()
        self._leases: OrderedDict[str, _Lease] = OrderedDict()
        self._away_until = 0.0

    def take(self, account: str) -> float:
        """0 when the request may go on, else after how many seconds one may. Blocks its greenlet."""
        now = self._clock.monotonic()
        if not self._small.take(account, now):
            return 0.0
        if now < self._away_until:
            return self._alone.take(account, now)
        lease = self._leases.setdefault(account, _Lease())
        self._leases.move_to_end(account)
        if len(self._leases) > ACCOUNTS_MAX:
            self._leases.popitem(last=False)
        with lease.turn:  # requests side by side take one lease
            return self._spend(account, lease)

    def _spend(self, account: str, lease: _Lease) -> float:
        now = self._clock.monotonic()
        if not lease.left:
            if now < lease.closed_until:
                return lease.closed_until - now
            try:
                lease.left, wait_s = self._limits.take(f"requests:{account}", LEASE, REQUESTS, self._clock.now())
            except StoreUnavailable as error:
                log.warning("each process limits requests by itself: %s", error)
                self._away_until = now + AWAY_S
                return self._alone.take(account, now)
            if not lease.left:
                lease.closed_until = now + max(wait_s, ASK_AGAIN_S)
                return lease.closed_until - now
        lease.left -= 1
        return 0.0
