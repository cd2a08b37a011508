"""Calendars as rows and back: nothing is lost, and each finding is at the row that it is about."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cti.core.issue import Place
from cti.flow.calendar import WEEKDAYS, Calendar, load_calendar
from cti.flow.calendar_rows import CalendarRow, rows_of, texts_of

MINUTE = st.integers(0, 1439)
SPAN = st.tuples(MINUTE, MINUTE).filter(lambda span: span[0] != span[1])
SPANS = st.lists(SPAN, max_size=3).map(tuple)
DAY = st.dates(date(2020, 1, 1), date(2035, 12, 31))
NAME = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=30).map(str.strip).filter(str.isprintable)
HOLIDAY = st.tuples(DAY, st.integers(0, 9), NAME).map(lambda one: (one[0], one[0] + timedelta(one[1]), one[2]))
CALENDAR = st.builds(
    Calendar,
    st.just("house"),
    st.sampled_from(["Asia/Shanghai", "UTC", "America/New_York"]),
    st.tuples(*[SPANS] * 7),
    st.lists(HOLIDAY, max_size=5, unique_by=lambda one: one[:2]).map(tuple),
    st.lists(st.tuples(DAY, SPANS), max_size=5, unique_by=lambda one: one[0]).map(tuple),
    st.sampled_from(["", "CN", "NO"]),
    NAME,
)


@given(calendar=CALENDAR)
def test_rows_and_their_text_say_what_the_calendar_said(calendar: Calendar) -> None:
    texts, findings = texts_of(rows_of("house", calendar))
    assert findings == []
    read = load_calendar(texts["house"], "house.yaml").calendar
    assert read == calendar
    assert read is not None
    assert read.title == calendar.title
    assert rows_of("house", read) == rows_of("house", calendar)


def row(
    line: int, calendar: str, kind: str, first: str = "", last: str = "", hours: str = "", name: str = ""
) -> CalendarRow:
    return CalendarRow(calendar, kind, first, last, hours, name, Place("", line))


GOOD = [row(2, "house", "timezone", name="Asia/Shanghai"), row(3, "house", "week", "mon", "fri", "08:00-20:00")]


def test_every_finding_is_at_its_line_and_all_are_told() -> None:
    rows = [
        *GOOD,
        row(4, "house", "week", "fri", "", "9-12"),
        row(5, "house", "special", "2026-13-01", "", "open"),
        row(6, "house", "special", "2026-10-10", "", "open"),
        row(7, "house", "special", "2026-10-10", "", "closed"),
        row(8, "house", "holiday", "2026-10-07", "2026-10-01"),
        row(9, "house", "timezone", name="Mars"),
        row(10, "house", "opening"),
        row(11, "other house", "week", "mon", "", "open"),
        row(12, "other", "week", "mon", "", "open"),
        row(13, "house", "special", "2026-10-11", "2026-10-12", "open"),
        row(14, "house", "holiday", "", "", "", "nobody knows when"),
        row(15, "house", "week", "sun", "", "open\x07"),
        row(16, "house", "public_holidays", name="Mars"),
    ]
    _, findings = texts_of(rows)
    assert [(issue.place.line, issue.code) for issue in findings] == [
        (4, "bad-option"), (4, "duplicate-key"), (5, "bad-option"), (7, "duplicate-key"), (8, "bad-option"),
        (9, "duplicate-key"), (10, "bad-option"), (11, "bad-name"), (12, "missing-option"), (13, "unknown-option"),
        (14, "missing-option"), (15, "bad-option"), (16, "bad-option"),
    ]  # fmt: skip
    assert "line 6" in findings[3].message


def test_nothing_that_is_written_becomes_another_line_of_yaml() -> None:
    for name in ('x"\nweek: {}', "#", "a: b", "'", "{", "&a *a", "!!python/object", "%"):
        rows = [*GOOD, row(4, "house", "holiday", "2026-10-01", name=name)]
        texts, findings = texts_of(rows)
        if "\n" in name:
            assert [issue.place.line for issue in findings] == [4]
            continue
        assert findings == [], name
        calendar = load_calendar(texts["house"], "x").calendar
        assert calendar is not None
        assert calendar.holidays[0][2] == name
        assert calendar.week[WEEKDAYS.index("mon")] == ((480, 1200),)
