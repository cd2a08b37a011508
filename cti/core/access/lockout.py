"""How long an account waits after failed sign-ins. Per account, never per address: 500 agents share one.

A wait rather than a lock for good, so that somebody who only knows a name cannot shut its owner out for long; and for
names that are nobody's as well, so that the answer does not tell which names exist.
"""

from __future__ import annotations

FREE_FAILURES = 2
FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 900.0
#: Failures so long ago count no longer.
FORGOTTEN_S = 86_400.0


def failures_after(failures: int, last_at: float, now: float) -> int:
    """How many there are in a row with the one that has just happened."""
    return 1 if now - last_at > FORGOTTEN_S else failures + 1


def delay_s(failures: int) -> float:
    """How long the next attempt waits after so many failures in a row: doubles from the third on, 15 minutes at most.

    >>> [delay_s(n) for n in (1, 2, 3, 4, 5, 12, 13, 10_000)]
    [0.0, 0.0, 1.0, 2.0, 4.0, 512.0, 900.0, 900.0]
    """
    if failures <= FREE_FAILURES:
        return 0.0
    return min(FIRST_DELAY_S * 2.0 ** min(failures - FREE_FAILURES - 1, 20), LONGEST_DELAY_S)
