"""Durations as authors write them: ``800ms``, ``5s``, ``2m``, ``1m30s``, ``2h``, ``1d``."""

from __future__ import annotations

import re
from datetime import timedelta

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
MAX_SECONDS = 366 * 86400.0


def parse_duration(text: str) -> float | None:
    """Seconds, or None when ``text`` is no duration or longer than a year.

    >>> parse_duration("1m30s"), parse_duration("1:30")
    (90.0, None)
    """
    compact = text.strip()
    if len(compact) > 40 or not _WHOLE.fullmatch(compact):
        return None
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(compact))
    return round(seconds, 3) if seconds <= MAX_SECONDS else None


def parse_clock(text: str) -> int | None:
    """Minutes of the day; None when ``text`` is no time of it.

    >>> parse_clock("09:30"), parse_clock("24:00")
    (570, None)
    """
    match = _CLOCK.fullmatch(text.strip())
    return int(match[1]) * 60 + int(match[2]) if match else None


def format_duration(value: timedelta | float) -> str:
    """The shortest exact spelling: ``90.0`` -> ``1m30s``."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    millis = round(seconds * 1000)
    parts: list[str] = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, millis = divmod(millis, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
