"""The entry table and calendars as plain data, for people and machines that read them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cti.flow.calendar import WEEKDAYS
from cti.flow.model import Literal

if TYPE_CHECKING:
    from cti.flow.calendar import Calendar, Spans
    from cti.flow.entry import Entry, When
    from cti.flow.schedule import Schedule


def entry_json(entry: Entry) -> dict[str, Any]:
    """Conditions that the table does not write are None, or empty. ``inputs``: texts as the table writes them."""
    canary, inputs = entry.canary, entry.inputs
    return {
        "name": entry.name,
        "flow": entry.flow,
        "media": list(entry.media),
        "called": [pattern.text for pattern in entry.called],
        "caller": {
            "line": entry.line,
            "numbers": [pattern.text for pattern in entry.numbers],
            "withheld": entry.withheld,
        },
        "attributes": {name: list(values) for name, values in (entry.attributes or {}).items()},
        "when": None if entry.when is None else _when(entry.when),
        "every": None if entry.every is None else _every(entry.every),
        "percent": entry.percent,
        "canary": None if canary is None else {"version": canary.version, "percent": canary.percent},
        "inputs": None
        if inputs is None
        else {
            name: str(value.value) if isinstance(value, Literal) else value.expression.source
            for name, value in inputs.items()
        },
    }


def hours_text(spans: Spans) -> list[str]:
    """``["08:00-12:00", "13:00-18:00"]``; none: closed."""
    return [f"{_clock(start)}-{_clock(end)}" for start, end in spans]


def week_json(calendar: Calendar) -> dict[str, list[str]]:
    """weekday -> its hours, of all seven."""
    return {day: hours_text(spans) for day, spans in zip(WEEKDAYS, calendar.week, strict=True)}


def _when(when: When) -> dict[str, Any]:
    """``calendar`` None: days and hours of the entry's own, in ``week``."""
    if isinstance(when.calendar, str):
        return {"calendar": when.calendar, "is": list(when.states), "week": None}
    return {"calendar": None, "is": list(when.states), "week": week_json(when.calendar)}


def _every(every: Schedule) -> dict[str, Any]:
    """``dates``: of the month, 0 is its last day; empty: every date."""
    return {
        "times": [_clock(minute) for minute in every.times],
        "days": [WEEKDAYS[day] for day in sorted(every.days)],
        "dates": sorted(every.dates),
        "timezone": every.timezone,
    }


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
