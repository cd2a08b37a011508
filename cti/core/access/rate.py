"""How many requests an account may make. Per account, never per address: hundreds of agents share one."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

#: Accounts remembered; one that is forgotten has been idle the longest, and begins with a full bucket.
ACCOUNTS_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Rate:
    """A bucket of tokens: ``burst`` at once, ``per_second`` in the long run."""

    per_second: float
    burst: float


#: Of requests that prove who sends them, over all processes.
REQUESTS = Rate(100.0, 300.0)
#: What each process lets pass of it without asking the others.
SMALL_CHANGE = Rate(5.0, 30.0)
#: Of attempts to sign in: each costs a hash, and a good one a session.
SIGN_INS = Rate(0.1, 30.0)


def refill(tokens: float, at: float, now: float, rate: Rate) -> float:
    """What is in a bucket that held ``tokens`` at ``at``; a clock that went back adds nothing.

    >>> refill(10.0, 100.0, 101.0, Rate(5.0, 30.0)), refill(10.0, 100.0, 200.0, Rate(5.0, 30.0))
    (15.0, 30.0)
    """
    return min(rate.burst, tokens + max(0.0, now - at) * rate.per_second)


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class RateLimit:
    """A bucket for each account, in memory."""

    def __init__(self, per_second: float = REQUESTS.per_second, burst: float = REQUESTS.burst) -> None:
        self._rate = Rate(per_second, burst)
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def left(self, account: str, now: float) -> float:
        """How many requests may go on now. ``now``: monotonic seconds."""
        bucket = self._buckets.get(account)
        return self._rate.burst if bucket is None else refill(bucket.left, bucket.at, now, self._rate)

    def take(self, account: str, now: float) -> float:
        """0 when the request may go on, else after how many seconds one may. ``now``: monotonic seconds."""
        bucket = self._buckets.setdefault(account, _Bucket(self._rate.burst, now))
        self._buckets.move_to_end(account)
        if len(self._buckets) > ACCOUNTS_MAX:
            self._buckets.popitem(last=False)
        bucket.left = refill(bucket.left, bucket.at, now, self._rate)
        bucket.at = now
        if bucket.left < 1.0:
            return (1.0 - bucket.left) / self._rate.per_second
        bucket.left -= 1.0
        return 0.0
