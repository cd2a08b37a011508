"""Moments as other programs read them."""

from __future__ import annotations

from datetime import UTC, datetime


def iso(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 with offset, milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


#: Machines' clocks differ by less. A moment that is further ahead was written before a clock was set back.
SKEW_S = 5.0


def not_ahead(at: float, now: float) -> float:
    """A moment that was written by whichever machine, by a clock that may have been set back since.

    >>> not_ahead(101.0, 100.0), not_ahead(3700.0, 100.0)
    (101.0, 100.0)
    """
    return at if at <= now + SKEW_S else now
