"""The entry table and calendars, for editors."""

from __future__ import annotations

from typing import Any

from cti.flow.calendar import WEEKDAYS
from cti.flow.kinds import SCALAR, VALUE, Flag
from cti.flow.load_entry import CALLER, OPTIONS, WHEN
from cti.flow.model import MEDIA
from cti.flow.schema_parts import DRAFT, closed, described, listed

_SPAN = {"type": "string", "pattern": r"^\s*([01]\d|2[0-4]):[0-5]\d\s*-\s*([01]\d|2[0-4]):[0-5]\d\s*$"}
_HOURS = listed({"anyOf": [{"enum": ["open", "closed"]}, _SPAN]})
_DATE = r"\s*\d{4}-\d{2}-\d{2}\s*"
_DAY = "({})".format("|".join(f"[{day[0]}{day[0].upper()}]{day[1:]}" for day in WEEKDAYS))
_DAYS = f"^\\s*{_DAY}\\s*(-\\s*{_DAY}\\s*)?(,\\s*{_DAY}\\s*(-\\s*{_DAY}\\s*)?)*$"
_ZONE = described({"type": "string"}, "a time zone, such as Asia/Shanghai")
_HOURS_TEXT = "08:00-20:00, a list of such, open, or closed; an end before its begin lies in the next day"
_PERCENT: dict[str, Any] = {
    "anyOf": [{"type": "number", "minimum": 0, "maximum": 100}, {"type": "string", "pattern": r"^[\d.]+%?$"}]
}

_CALLER: dict[str, dict[str, Any]] = {
    "line": described({"enum": ["mobile", "fixed"]}, "the kind of line, by the number"),
    "number": described(listed(SCALAR), "numbers; * for any rest, ? for any digit"),
    "withheld": described(Flag.schema, "does the caller withhold the number?"),
}
_WHEN: dict[str, dict[str, Any]] = {
    "calendar": described(SCALAR, "a file of ivr_flows/calendars"),
    "is": described(listed({"enum": ["open", "closed", "holiday"]}), "the states of the calendar", default="open"),
    "days": described({"type": "string", "pattern": _DAYS}, "mon-fri, or sat, sun (instead of a calendar)"),
    "time": described(_HOURS, f"{_HOURS_TEXT} (instead of a calendar)"),
    "timezone": _ZONE,
}
_EVERY: dict[str, dict[str, Any]] = {
    "time": described(listed({"type": "string", "pattern": r"^\s*([01]?\d|2[0-3]):[0-5]\d\s*$"}), "09:00, or several"),
    "days": described({"type": "string", "pattern": _DAYS}, "mon-fri, or sat, sun; every day unless said"),
    "dates": described(
        listed({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 31}, {"enum": ["last"]}]}),
        "dates of the month; last is its last day",
    ),
    "timezone": described({"type": "string"}, "a time zone", default="Asia/Shanghai"),
}
_ENTRY: dict[str, dict[str, Any]] = {
    "name": described(SCALAR, "a name for people; it stands in the records"),
    "flow": described(SCALAR, "the flow that is met"),
    "medium": described(listed({"enum": list(MEDIA)}), "the medium, or several"),
    "every": described(closed(_EVERY, required=("time",)), "when a timer is due"),
    "called": described(listed(SCALAR), "the numbers called; * for any rest, ? for any digit"),
    "caller": described(closed({name: _CALLER.get(name, {}) for name in CALLER}), "who calls"),
    "attributes": described({"type": "object", "additionalProperties": listed(SCALAR)}, "what the switch tells of it"),
    "when": described(closed({name: _WHEN.get(name, {}) for name in WHEN}), "a calendar, or days and time"),
    "percent": described(
        _PERCENT,
        "of those that come so far; the same caller always falls alike",
    ),
    "inputs": described({"type": "object", "additionalProperties": VALUE}, "the inputs of the flow; = computes one"),
    "canary": described(
        closed(
            {
                "version": described(SCALAR, "new: what the file says; or a version of the history", default="new"),
                "percent": described(_PERCENT, "of the callers; the same caller always meets the same version"),
                "back": described(
                    closed(
                        {
                            "error_rate": described(_PERCENT, "of ended calls, at most"),
                            "abandonment": described(_PERCENT, "of contacts in queues, at most"),
                            "containment": described(_PERCENT, "of ended calls, at least"),
                            "min_calls": described({"type": "integer", "minimum": 1}, "before judging", default=50),
                        }
                    ),
                    "past one of these the version is taken back by itself",
                ),
            },
            required=("percent",),
        ),
        "a version that meets some of the callers first",
    ),
}


def entry_schema() -> dict[str, Any]:
    """Of ``entry.yaml``. Options that have no description here yet are taken all the same."""
    entry = closed({name: _ENTRY.get(name, {}) for name in OPTIONS}, required=("flow",))
    listing = described({"type": "array", "items": entry}, "tried from top to bottom; the first that fits is taken")
    return {
        "$schema": DRAFT,
        "title": "Entry table",
        "description": "Who meets which flow.",
        **closed({"entries": listing}, required=("entries",)),
    }


def calendar_schema() -> dict[str, Any]:
    """Of a calendar file."""
    week = {"type": "object", "propertyNames": {"pattern": _DAYS}, "additionalProperties": _HOURS}
    dates = {"pattern": f"^{_DATE}$"}
    spans = {"pattern": f"^{_DATE}( to {_DATE})?$"}
    parts = {
        "calendar": described(SCALAR, "the id; the file has the same name"),
        "title": described(SCALAR, "a title for people"),
        "timezone": _ZONE,
        "week": described(week, f"hours by weekday (mon, mon-fri, 'sat, sun'): {_HOURS_TEXT}"),
        "public_holidays": described(SCALAR, "whose public holidays hold: a country or a part of one, CN or US-CA"),
        "holidays": described(
            {"type": "object", "propertyNames": spans, "additionalProperties": SCALAR},
            "2026-10-01 to 2026-10-07: National Day",
        ),
        "special": described(
            {"type": "object", "propertyNames": dates, "additionalProperties": _HOURS},
            "days with hours of their own; they win over week and holidays",
        ),
    }
    return {
        "$schema": DRAFT,
        "title": "Calendar",
        "description": "Opening hours, holidays, and days that are worked in exchange.",
        **closed(parts, required=("calendar", "timezone", "week")),
    }
