"""Public holidays by country, and weekend days that are worked in exchange for one; from the `holidays` package."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from cti.flow.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class PublicDays:
    """Of one year. ``workdays``: days of a weekend that are worked."""

    off: frozenset[date]
    workdays: frozenset[date]


@lru_cache(maxsize=256)
def public_days(region: str, year: int) -> PublicDays:
    """``region``: an ISO 3166 country, or a part of one (``CN``, ``US-CA``). Raises KeyError when it is not known.

    A year for which a country has not yet published its exchanged workdays has its fixed holidays only.
    """
    import holidays  # not before a calendar names a region

    country, _, part = region.partition("-")
    if country not in holidays.list_supported_countries():
        raise KeyError(region)
    try:
        found = holidays.country_holidays(country, subdiv=part or None, years=year)
    except NotImplementedError as error:
        raise KeyError(region) from error
    workdays = getattr(found, "weekend_workdays", ())
    return PublicDays(
        frozenset(day for day in found if day.year == year), frozenset(day for day in workdays if day.year == year)
    )


def region_fault(region: str) -> str | None:
    """What is wrong with a region that a calendar names; None for a good one."""
    try:
        public_days(region, 2026)  # any year: this also loads the country's rules, before the first call needs them
    except KeyError:
        import holidays

        country, _, part = region.partition("-")
        known = holidays.list_supported_countries()
        if part and country in known:
            parts = ", ".join(known[country]) or "none"
            return f"{country} has no part '{part[:20]}'; its parts are {parts}"
        return (
            f"no public holidays of '{region[:20]}' are known{did_you_mean(region, known)}; write such as CN or US-CA"
        )
    return None
