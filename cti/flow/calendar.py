"""Opening hours: weekly hours, holidays, and days that are worked in exchange, in one time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cti.core.issue import Issue, Place, Severity
from cti.flow.public_holidays import public_days, region_fault
from cti.flow.reading import Reading
from cti.flow.yamlio import Mapping, Node, Scalar, Sequence, read_yaml

State = Literal["open", "closed", "holiday"]
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"([01]\d|2[0-4]):([0-5]\d)\s*-\s*([01]\d|2[0-4]):([0-5]\d)")
Spans = tuple[tuple[int, int], ...]  # minutes of the day, end exclusive; end before start reaches into the next day
DAY = 24 * 60


@dataclass(frozen=True)
class Calendar:
    """``week[0]`` is Monday. ``special`` are dates with hours of their own; they win over holidays.

    ``region``: whose public holidays hold besides ``holidays`` ('' for none). A weekend day that is worked there in
    exchange for a holiday has Monday's hours.
    """

    id: str
    timezone: str
    week: tuple[Spans, ...]
    holidays: tuple[tuple[date, date, str], ...] = ()
    special: tuple[tuple[date, Spans], ...] = ()
    region: str = ""
    title: str = field(default="", compare=False, repr=False)  # for people; no other title makes another calendar

    def state(self, now: datetime) -> State:
        """``now`` must carry its offset. Raises ValueError without one."""
        if now.tzinfo is None:
            raise ValueError("now must carry its offset")
        local = now.astimezone(ZoneInfo(self.timezone))
        minute = local.hour * 60 + local.minute
        today = local.date()
        if _within(self._hours(today), minute):
            return "open"
        before = date.fromordinal(today.toordinal() - 1)
        if _within_late(self._hours(before), minute):
            return "open"
        return "holiday" if self._holiday(today) and today not in dict(self.special) else "closed"

    def _holiday(self, day: date) -> bool:
        if any(first <= day <= last for first, last, _ in self.holidays):
            return True
        return bool(self.region) and day in public_days(self.region, day.year).off

    def _hours(self, day: date) -> Spans:
        special = dict(self.special).get(day)
        if special is not None:
            return special
        if self._holiday(day):
            return ()
        worked = bool(self.region) and day in public_days(self.region, day.year).workdays
        return self.week[0 if worked else day.weekday()]


def _within(spans: Spans, minute: int) -> bool:
    return any(start <= minute < (end if end > start else DAY) for start, end in spans)


def _within_late(spans: Spans, minute: int) -> bool:
    """Hours of the day before that reach past midnight."""
    return any(end < start and minute < end for start, end in spans)


@dataclass(frozen=True)
class CalendarLoad:
    calendar: Calendar | None
    issues: list[Issue]


def load_calendar(text: str | bytes, file: str) -> CalendarLoad:
    """A calendar file: ``calendar``, ``timezone``, ``week``, ``public_holidays``, ``holidays``, ``special``.

    The issues are located.
    """
    root, issues = read_yaml(text, file)
    reading = Reading(issues)
    if root is None or (mapping := reading.mapping(root, "a calendar")) is None:
        return CalendarLoad(None, reading.issues)
    known = ("calendar", "title", "timezone", "week", "public_holidays", "holidays", "special")
    for key, _ in mapping:
        if key.text not in known:
            reading.unknown_key(key, "a calendar", known)
    for name in ("calendar", "timezone", "week"):
        if mapping.get(name) is None:
            reading.report(Place(file, 1, 1), "missing-option", f"a calendar needs '{name}'")
    calendar = Calendar(
        _word(mapping, "calendar", reading),
        read_timezone(mapping, reading),
        _week(mapping.get("week"), reading),
        _holidays(mapping.get("holidays"), reading),
        _special(mapping.get("special"), reading),
        _region(mapping, reading),
        _title(mapping, reading),
    )
    failed = any(issue.severity is Severity.ERROR for issue in reading.issues)
    return CalendarLoad(None if failed else calendar, reading.issues)


def _word(mapping: Mapping, name: str, reading: Reading) -> str:
    node = mapping.get(name)
    return (reading.word(node, name) or "") if node is not None else ""


def _title(mapping: Mapping, reading: Reading) -> str:
    node = mapping.get("title")
    return (reading.text(node, "title") or "") if node is not None else ""


def read_timezone(mapping: Mapping, reading: Reading) -> str:
    name = _word(mapping, "timezone", reading)
    node = mapping.get("timezone")
    try:
        if name:
            ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        assert node is not None
        reading.report(node.place, "bad-option", f"'{name[:40]}' is no time zone; write one such as Asia/Shanghai")
    return name


def _week(node: Node | None, reading: Reading) -> tuple[Spans, ...]:
    hours: list[Spans] = [()] * 7
    mapping = reading.mapping(node, "week") if node is not None else None
    for key, value in mapping or ():
        days = read_weekdays(key, reading)
        spans = read_spans(value, reading)
        for day in days:
            if hours[day]:
                reading.report(key.place, "duplicate-key", f"{WEEKDAYS[day]} has hours already")
            hours[day] = spans
    return tuple(hours)


def read_weekdays(key: Scalar, reading: Reading) -> list[int]:
    """``mon``, ``mon-fri``, ``sat, sun``."""
    days: list[int] = []
    for part in key.text.split(","):
        first, dash, last = (piece.strip().lower() for piece in part.partition("-"))
        ends = [first, last] if dash else [first]
        if any(end not in WEEKDAYS for end in ends):
            reading.unknown_key(key, "week", (*WEEKDAYS, "mon-fri"))
            return []
        start, stop = WEEKDAYS.index(ends[0]), WEEKDAYS.index(ends[-1])
        days += [(start + step) % 7 for step in range((stop - start) % 7 + 1)]
    return days


def read_spans(node: Node, reading: Reading) -> Spans:
    """``08:00-20:00``, a list of such, ``closed`` or ``open``."""
    items = node.items if isinstance(node, Sequence) else (node,)
    spans: list[tuple[int, int]] = []
    for item in items:
        text = reading.word(item, "hours")
        if text is None or text == "closed":
            continue
        match = _SPAN.fullmatch("00:00-24:00" if text == "open" else text.strip())
        if not match:
            reading.report(item.place, "bad-option", f"'{text[:40]}' are no hours; write 08:00-20:00, open, or closed")
            continue
        a, b, d, e = (int(group) for group in match.groups())
        start, end = a * 60 + b, d * 60 + e
        if start >= DAY or end > DAY or start == end:
            reading.report(item.place, "bad-option", f"'{text[:40]}' begins and ends at one time, or after 24:00")
            continue
        spans.append((start, end))
    return tuple(spans)


def _date(text: str, place: Place, reading: Reading) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        reading.report(place, "bad-option", f"'{text[:40]}' is no date; write 2026-10-01, or 2026-10-01 to 2026-10-07")
        return None


def _holidays(node: Node | None, reading: Reading) -> tuple[tuple[date, date, str], ...]:
    """``2026-10-01 to 2026-10-07: National Day``."""
    found: list[tuple[date, date, str]] = []
    mapping = reading.mapping(node, "holidays") if node is not None else None
    for key, value in mapping or ():
        ends = [_date(part, key.place, reading) for part in key.text.split(" to ", 1)]
        first, last = ends[0], ends[-1]
        if first is None or last is None:
            continue
        if last < first:
            reading.report(key.place, "bad-option", f"{last} is before {first}")
        found.append((first, last, reading.text(value, "a holiday's name") or ""))
    return tuple(found)


def _region(mapping: Mapping, reading: Reading) -> str:
    name = _word(mapping, "public_holidays", reading)
    node = mapping.get("public_holidays")
    fault = region_fault(name) if name else None
    if fault and node is not None:
        reading.report(node.place, "bad-option", fault)
        return ""
    return name


def _special(node: Node | None, reading: Reading) -> tuple[tuple[date, Spans], ...]:
    found: list[tuple[date, Spans]] = []
    mapping = reading.mapping(node, "special") if node is not None else None
    for key, value in mapping or ():
        day = _date(key.text, key.place, reading)
        if day is not None:
            found.append((day, read_spans(value, reading)))
    return tuple(found)
