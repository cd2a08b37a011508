"""Calendars as rows of a table, and rows as the text of a calendar file, each finding at the row it is about. Pure.

    calendar,kind,from,to,hours,name
    hotline,timezone,,,,Asia/Shanghai
    hotline,week,mon,fri,08:00-12:00 13:00-18:00,
    hotline,holiday,2026-10-01,2026-10-07,,National Day
    hotline,special,2026-10-10,,09:00-12:00,

A calendar is all of its rows. ``title``, ``timezone`` and ``public_holidays`` have their value in ``name``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from cti.core.issue import Issue, Place
from cti.flow.calendar import WEEKDAYS, Calendar, Spans, load_calendar
from cti.flow.shown import hours_text

COLUMNS = ("calendar", "kind", "from", "to", "hours", "name")
SINGLE = ("title", "timezone", "public_holidays")
KINDS = (*SINGLE, "week", "holiday", "special")
_SECTIONS = {"week": "week", "holiday": "holidays", "special": "special"}
#: Needs no quotes in YAML: weekdays, hours, dates.
_PLAIN = re.compile(r"[A-Za-z]{3}(-[A-Za-z]{3})?|\d\d:\d\d-\d\d:\d\d|closed|open|\d{4}-\d\d-\d\d( to \d{4}-\d\d-\d\d)?")
_DASH = re.compile(r"\s*-\s*")
NAME = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,63}")  # of a calendar, as of its file
ROWS_MAX = 10_000
NOWHERE = Place("")


@dataclass(frozen=True, slots=True)
class CalendarRow:
    """``first``, ``last``: weekdays of ``week``, dates (YYYY-MM-DD) of the others; ``hours``: spans parted by blanks,
    ``open`` or ``closed``. ``place``: where it was written."""

    calendar: str
    kind: str
    first: str = ""
    last: str = ""
    hours: str = ""
    name: str = ""
    place: Place = NOWHERE


def row_of(cells: Mapping[str, str], place: Place) -> CalendarRow:
    """``cells``: column of `COLUMNS` -> text."""
    calendar, kind, first, last, hours, name = (cells[column] for column in COLUMNS)
    return CalendarRow(calendar, kind, first, last, hours, name, place)


def rows_of(name: str, calendar: Calendar) -> list[CalendarRow]:
    """``name``: of its file. Days that follow each other with the same hours are one row."""
    single = zip(SINGLE, (calendar.title, calendar.timezone, calendar.region), strict=True)
    return [
        *(CalendarRow(name, kind, name=value) for kind, value in single if value),
        *(CalendarRow(name, "week", first, last, _hours(spans)) for first, last, spans in _runs(calendar.week)),
        *(
            CalendarRow(name, "holiday", str(first), str(last) if last != first else "", name=title)
            for first, last, title in calendar.holidays
        ),
        *(CalendarRow(name, "special", str(day), hours=_hours(spans)) for day, spans in calendar.special),
    ]


def texts_of(rows: Iterable[CalendarRow]) -> tuple[dict[str, str], list[Issue]]:
    """calendar -> the text of its file; and what is wrong, at the rows' places. With a finding no text is any good."""
    by_name: dict[str, list[CalendarRow]] = {}
    issues: list[Issue] = []
    for row in rows:
        found = list(_faults(row))
        issues += found
        if not found:
            by_name.setdefault(row.calendar, []).append(row)
    texts = {}
    for name, some in by_name.items():
        lines = list(_lines(name, some, issues))
        texts[name] = "".join(f"{line}\n" for line, _ in lines)
        places = [place for _, place in lines]
        for issue in load_calendar(texts[name], name).issues:
            issues.append(replace(issue, place=places[min(issue.place.line or 1, len(places)) - 1]))
    return texts, sorted(dict.fromkeys(issues), key=lambda issue: issue.place)


# ---- inside ----------------------------------------------------------------------------------------------------------


def _faults(row: CalendarRow) -> Iterator[Issue]:
    """What is wrong with a row by itself and would not be seen in the text that is made of it."""
    fields = {"from": row.first, "to": row.last, "hours": row.hours, "name": row.name}
    if not NAME.fullmatch(row.calendar):
        yield _issue(row, "bad-name", f"'{row.calendar[:40]}' is no name of a calendar: letters, digits, _ and -")
    if row.kind not in KINDS:
        yield _issue(row, "bad-option", f"'{row.kind[:40]}' is no kind of a row; it is one of {', '.join(KINDS)}")
        return
    needed = {"week": ("from", "hours"), "holiday": ("from",), "special": ("from", "hours")}.get(row.kind, ("name",))
    used = {"week": {"from", "to", "hours"}, "holiday": {"from", "to", "name"}, "special": {"from", "hours"}}
    for name, value in fields.items():
        if not value and name in needed:
            yield _issue(row, "missing-option", f"a row of {row.kind} needs '{name}'")
        elif value and name not in used.get(row.kind, {"name"}):
            yield _issue(row, "unknown-option", f"a row of {row.kind} has no '{name}'")
        elif not value.isprintable():
            yield _issue(row, "bad-option", f"'{name}' holds a control character; take it out")


def _lines(name: str, rows: list[CalendarRow], issues: list[Issue]) -> Iterator[tuple[str, Place]]:
    """Lines of YAML, each with the place of the row that it was made of."""
    top = rows[0].place
    yield f"calendar: {_quoted(name)}", top
    for kind in SINGLE:
        some = [row for row in rows if row.kind == kind]
        issues += [_issue(row, "duplicate-key", f"{name} has its {kind} already") for row in some[1:]]
        for row in some[:1]:
            yield f"{kind}: {_quoted(row.name)}", row.place
    for kind, section in _SECTIONS.items():
        some = [row for row in rows if row.kind == kind]
        if some:
            yield f"{section}:", some[0].place
        before: dict[str, Place] = {}
        for row in some:
            joint = "-" if kind == "week" else " to "
            key = f"{row.first}{joint}{row.last}" if row.last else row.first
            if key in before:
                line = f", line {before[key].line}" if before[key].line else ""
                issues.append(_issue(row, "duplicate-key", f"{name} has '{key[:40]}' already{line}"))
                continue
            before[key] = row.place
            spans = [_quoted(span) for span in _DASH.sub("-", row.hours).split()]
            value = _quoted(row.name) if kind == "holiday" else spans[0] if len(spans) == 1 else f"[{', '.join(spans)}]"
            yield f"  {_quoted(key)}: {value}", row.place


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _issue(row: CalendarRow, code: str, message: str) -> Issue:
    return Issue(row.place, code, message)


def _hours(spans: Spans) -> str:
    return " ".join(hours_text(spans)) or "closed"


def _runs(week: tuple[Spans, ...]) -> Iterator[tuple[str, str, Spans]]:
    """(first, last or empty, hours) of days that follow each other and are alike."""
    begin = 0
    for day in range(1, len(week) + 1):
        if day == len(week) or week[day] != week[begin]:
            yield WEEKDAYS[begin], WEEKDAYS[day - 1] if day - 1 > begin else "", week[begin]
            begin = day
