"""Public holidays of a country, weekends worked in exchange, and one's own days before both."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from cti.flow import load_calendar

HEAD = "calendar: c\ntimezone: Asia/Shanghai\nweek: {mon-fri: 08:00-20:00}\n"


def state(moment: str, rest: str = "public_holidays: CN\n") -> str:
    loaded = load_calendar(HEAD + rest, "c.yaml")
    assert loaded.calendar is not None, loaded.issues
    return loaded.calendar.state(datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo("Asia/Shanghai")))


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-02-17T10:00", "holiday"),  # Spring Festival, a Tuesday
        ("2026-02-23T10:00", "holiday"),  # a Monday, exchanged for Saturday 28
        ("2026-02-28T10:00", "open"),  # that Saturday has Monday's hours
        ("2026-02-28T21:00", "closed"),
        ("2026-03-07T10:00", "closed"),  # a Saturday like others
        ("2026-03-02T10:00", "open"),
        ("2026-10-01T10:00", "holiday"),
    ],
)
def test_china(moment: str, expected: str) -> None:
    assert state(moment) == expected


def test_days_of_ones_own_win() -> None:
    own = (
        "public_holidays: CN\nspecial: {2026-10-01: 10:00-12:00, 2026-02-28: closed}\nholidays: {2026-03-03: Day off}\n"
    )
    assert [state(f"{day}T11:00", own) for day in ("2026-10-01", "2026-02-28", "2026-03-03", "2026-10-02")] == [
        "open",
        "closed",
        "holiday",
        "holiday",
    ]


def test_without_a_region_there_are_none() -> None:
    assert state("2026-10-01T10:00", "") == "open"


def test_a_part_of_a_country() -> None:
    assert state("2026-03-31T10:00", "public_holidays: US-CA\n") == "holiday"  # Cesar Chavez Day
    assert state("2026-03-31T10:00", "public_holidays: US\n") == "open"


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ("CM1", "no public holidays of 'CM1' are known"),
        ("US-XX", "US has no part 'XX'; its parts are A"),
        ("CN-GD", "CN has no part 'GD'; its parts are none"),
    ],
)
def test_an_unknown_region_is_told(region: str, message: str) -> None:
    loaded = load_calendar(HEAD + f"public_holidays: {region}\n", "c.yaml")
    assert loaded.calendar is None
    assert [(issue.place.line, issue.code) for issue in loaded.issues] == [(4, "bad-option")]
    assert message in loaded.issues[0].message
