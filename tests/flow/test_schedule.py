"""Timers: when an entry is due, and what is wrong with one. All on virtual time."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.core.issue import Severity
from cti.flow import EntryTable, load_entry, load_flow
from cti.flow.schedule import Schedule
from tests.flow.flowkit import calendars, load

FLOW = load("flow: report\nstart: z\nmedia: [voice, timer]\nnodes:\n  z: {type: end}\n", "report.yaml")
BERLIN, SHANGHAI = "Europe/Berlin", "Asia/Shanghai"


def due(schedule: Schedule, after: str, count: int) -> list[str]:
    moment: datetime | None = datetime.fromisoformat(after)
    found: list[str] = []
    for _ in range(count):
        assert moment is not None
        moment = schedule.next_after(moment)
        found.append(moment.isoformat(timespec="minutes") if moment else "never")
    return found


def at(*times: str) -> tuple[int, ...]:
    return tuple(int(time[:2]) * 60 + int(time[3:]) for time in times)


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        (
            Schedule(at("09:00", "17:30")),
            "2026-03-02T09:00+08:00",
            ["2026-03-02T17:30+08:00", "2026-03-03T09:00+08:00", "2026-03-03T17:30+08:00"],
        ),
        (  # asked in another zone: it is Monday 00:30 in Shanghai
            Schedule(at("00:45"), frozenset({0})),
            "2026-03-01T16:30+00:00",
            ["2026-03-02T00:45+08:00", "2026-03-09T00:45+08:00"],
        ),
        (Schedule(at("08:00"), frozenset(range(5))), "2026-03-06T08:00+08:00", ["2026-03-09T08:00+08:00"]),
        (  # months without a 31st have none
            Schedule(at("08:00"), dates=frozenset({31})),
            "2026-01-31T08:00+08:00",
            ["2026-03-31T08:00+08:00", "2026-05-31T08:00+08:00"],
        ),
        (
            Schedule(at("23:59"), dates=frozenset({0})),
            "2028-01-31T23:59+08:00",
            ["2028-02-29T23:59+08:00", "2028-03-31T23:59+08:00", "2028-04-30T23:59+08:00"],
        ),
        (  # the 31st is the last day as well: once
            Schedule(at("08:00"), dates=frozenset({0, 31})),
            "2026-03-30T08:00+08:00",
            ["2026-03-31T08:00+08:00", "2026-04-30T08:00+08:00"],
        ),
        (Schedule(at("08:00"), frozenset({0}), frozenset({31})), "2026-01-01T00:00+08:00", ["2026-08-31T08:00+08:00"]),
        (  # 02:30 is left out on 29 March 2026
            Schedule(at("02:30"), timezone=BERLIN),
            "2026-03-28T02:30+01:00",
            ["2026-03-29T03:30+02:00", "2026-03-30T02:30+02:00"],
        ),
        (  # 02:30 is shown twice on 25 October 2026
            Schedule(at("02:30"), timezone=BERLIN),
            "2026-10-24T02:30+02:00",
            ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"],
        ),
        (  # between the two
            Schedule(at("02:30"), timezone=BERLIN),
            "2026-10-25T01:00+00:00",
            ["2026-10-26T02:30+01:00"],
        ),
    ],
)
def test_due_moments(schedule: Schedule, after: str, expected: list[str]) -> None:
    assert due(schedule, after, len(expected)) == expected


@given(
    st.sets(st.integers(0, 1439), min_size=1, max_size=4),
    st.sets(st.integers(0, 6), min_size=1),
    st.sets(st.integers(0, 31), max_size=3),
    st.sampled_from([BERLIN, SHANGHAI, "America/New_York", "Australia/Lord_Howe"]),
    st.datetimes(datetime(2026, 1, 1), datetime(2029, 1, 1)),
)
def test_moments_rise_and_none_is_met_twice(
    times: set[int], days: set[int], dates: set[int], zone: str, after: datetime
) -> None:
    schedule = Schedule(tuple(sorted(times)), frozenset(days), frozenset(dates), zone)
    moments = [datetime.fromisoformat(f"{after.isoformat()}+00:00")]
    for _ in range(4):
        moment = schedule.next_after(moments[-1])
        assert moment is not None
        assert moment.weekday() in days or moment.hour < 2  # moved over midnight by a change of the clocks
        moments.append(moment)
    assert all(first < second for first, second in pairwise(moments))


@cache
def table(entry: str) -> EntryTable:
    loaded = load_entry(f"entries: [{{{entry}}}]", "entry.yaml", flows={"report": FLOW}, calendars=calendars())
    assert loaded.table is not None, "\n".join(map(str, loaded.issues))
    return loaded.table


def test_due_moments_outside_of_the_calendar_are_left_out() -> None:
    found = table("flow: report, medium: timer, every: {time: '09:30'}, when: {days: 'tue, sat', time: 09:00-10:00}")
    (entry,) = found.timers()
    first = found.next_due(entry, datetime.fromisoformat("2026-03-02T10:00+08:00"))
    assert str(first) == "2026-03-03 09:30:00+08:00"
    assert first is not None
    assert str(found.next_due(entry, first)) == "2026-03-07 09:30:00+08:00"


def test_a_timer_that_its_calendar_rules_out_is_never_due() -> None:
    found = table("flow: report, medium: timer, every: {time: '09:30'}, when: {days: tue, time: 10:00-11:00}")
    (entry,) = found.timers()
    assert found.next_due(entry, datetime.fromisoformat("2026-03-02T10:00+08:00")) is None


def test_calls_do_not_meet_timers_nor_timers_other_entries() -> None:
    text = "entries: [{name: t, flow: report, medium: timer, every: {time: '9:00'}}, {name: all, flow: report}]"
    loaded = load_entry(text, "entry.yaml", flows={"report": FLOW})
    assert loaded.issues == []
    assert loaded.table is not None

    def met(medium: str, attributes: dict[str, str]) -> str | None:
        now = datetime.fromisoformat("2026-03-02T10:00+08:00")
        assert loaded.table is not None
        found = loaded.table.match(medium=medium, called="", caller=None, attributes=attributes, now=now, chance=0)
        return found.rule if found else None

    assert (met("voice", {}), met("voice", {"timer": "t"})) == ("all", "all")
    assert (met("timer", {"timer": "t"}), met("timer", {"timer": "gone"})) == ("t", None)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("medium: timer", ['1:11 [missing-option] a timer needs every: {time: "09:00"}']),
        ("medium: timer, every: {}", ['1:48 [missing-option] every needs a time: {time: "09:00"}']),
        (
            "medium: timer, every: {time: '24:00', zone: x}",
            [
                "1:55 [bad-option] '24:00' is no time of the day; write 09:00, up to 23:59",
                "1:64 [unknown-option] 'zone' is not an option of every; did you mean 'timezone'?",
            ],
        ),
        (
            "medium: timer, every: {time: '9:00', dates: [0, last, x], days: [mon], timezone: China}",
            [
                "1:71 [bad-option] a date of the month (or 'last') is a number from 1 to 31, not '0'",
                "1:80 [bad-option] a date of the month (or 'last') is a number from 1 to 31, not 'x'",
                "1:90 [bad-option] days is one value; here is a list",
                "1:107 [bad-option] 'China' is no time zone; write one such as Asia/Shanghai",
            ],
        ),
        ("every: {time: '9:00'}", ["1:33 [bad-option] every stands with medium: timer, and with no other medium"]),
        (
            "medium: [timer, voice], every: {time: '9:00'}",
            ["1:57 [bad-option] every stands with medium: timer, and with no other medium"],
        ),
        (
            "medium: timer, every: {time: '9:00'}, called: '1', percent: 5",
            [
                "1:64 [bad-option] nobody calls a timer's flow; take 'called' out",
                "1:77 [bad-option] nobody calls a timer's flow; take 'percent' out",
            ],
        ),
        (
            "medium: timer, every: {time: '9:00'}}, {flow: report, medium: timer, every: {time: '9:30'}",
            ["1:65 [duplicate-key] another timer is called 'report'; give each its own name"],
        ),
    ],
)
def test_findings(entry: str, expected: list[str]) -> None:
    loaded = load_entry(f"entries: [{{flow: report, {entry}}}]", "e.yaml", flows={"report": FLOW})
    assert [str(issue).removeprefix("e.yaml:") for issue in loaded.issues] == expected
    assert loaded.table is None


@pytest.mark.parametrize(
    ("node", "refused"),
    [
        ("{type: menu, say: x, keys: {1: z}, to: {else: z}}", "menu"),
        ("{type: play, say: x}", "play"),
        ("{type: queue, queue: service, to: {else: z}}", "queue"),
        ("{type: fax, do: receive, to: {else: z}}", "fax"),
        ("{type: notice, area: '010'}", "notice"),
        ("{type: notice, save: {n: =result.count}}", ""),
        ("{type: message, recipient: '1', text: x, to: {else: z}}", ""),
        ("{type: request, ask: s.t, to: {else: z}}", ""),
    ],
)
def test_what_a_timer_may_do(node: str, refused: str) -> None:
    head = "flow: t\nstart: a\nlanguages: {default: en-US}\nmedia: timer\nvars: {n: int = 0}\n"
    found = load_flow(f"{head}nodes:\n  a: {node}\n  z: {{type: end}}\n", "t.yaml")
    errors = [issue for issue in found.issues if issue.severity is Severity.ERROR]
    message = f"{refused} does not work in a flow that a timer begins; branch on `medium` before it"
    assert [(issue.code, issue.message) for issue in errors] == ([("medium-mismatch", message)] if refused else [])
