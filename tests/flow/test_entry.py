"""The entry table and calendars: which caller meets what, when; and what is wrong with the files."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.flow import EntryMatch, EntryTable, load_calendar, load_entry
from tests.flow.flowkit import NOW, calendars, load, shipped

FAX_IN = load("flow: fax_in\nstart: a\nmedia: fax\nnodes:\n  a: {type: end}\n", "fax_in.yaml")
FLOWS = {"hotline": shipped("hotline"), "csat": shipped("csat"), "busy": shipped("busy"), "fax_in": FAX_IN}
TABLE = """
entries:
  - name: vip line
    called: ["4001", "95*", "0108888????"]
    caller: {line: mobile, number: ["138*", "+86 139 0000 0000"]}
    flow: hotline
  - name: withheld
    caller: {withheld: true}
    flow: busy
  - name: campaign
    called: "10086"
    attributes: {origin: [web, app]}
    flow: csat
  - name: at night
    when: {calendar: office, is: [closed, holiday]}
    flow: busy
  - name: lunch
    when: {days: mon-fri, time: 12:00-13:00}
    flow: busy
  - name: trial
    percent: 25
    flow: csat
  - name: second trial
    percent: 50%
    flow: busy
  - name: the rest
    flow: hotline
    inputs: {caller: =caller, line: mobile}
"""


@cache
def table(text: str = TABLE) -> EntryTable:
    loaded = load_entry(text, "entry.yaml", flows=FLOWS, calendars=calendars())
    assert loaded.table is not None, "\n".join(map(str, loaded.issues))
    return loaded.table


def rule(
    called: str = "10086",
    caller: str | None = "13700000000",
    attributes: dict[str, str] | None = None,
    now: datetime = NOW,
    chance: float = 0.99,
) -> str:
    match = table().match(
        medium="voice", called=called, caller=caller, attributes=attributes or {}, now=now, chance=chance
    )
    assert match is not None
    return match.rule


def test_conditions() -> None:
    assert {
        "exact": rule("4001", "13800000000"),
        "prefix": rule("95188", "13800000000"),
        "any digits": rule("01088881234", "+8613900000000"),
        "too long for them": rule("010888812345", "13800000000"),
        "another caller": rule("4001", "13700000000"),
        "a fixed line": rule("4001", "01088880000"),
        "withheld": rule(caller=None),
        "no number": rule(caller="x%0AEvent"),
        "attribute": rule(attributes={"origin": "app"}),
        "another value": rule(attributes={"origin": "tv"}),
        "night": rule(now=NOW + timedelta(hours=12)),
        "lunch": rule(now=NOW + timedelta(hours=2)),
        "after lunch": rule(now=NOW + timedelta(hours=3)),
    } == {
        "exact": "vip line",
        "prefix": "vip line",
        "any digits": "vip line",
        "too long for them": "the rest",
        "another caller": "the rest",
        "a fixed line": "the rest",
        "withheld": "withheld",
        "no number": "withheld",
        "attribute": "campaign",
        "another value": "the rest",
        "night": "at night",
        "lunch": "lunch",
        "after lunch": "the rest",
    }


def test_percentages_share_one_chance_evenly() -> None:
    found = [rule(chance=step / 1000) for step in range(1000)]
    counts = {name: found.count(name) for name in set(found)}
    assert counts == {"trial": 250, "second trial": 375, "the rest": 375}


def test_inputs() -> None:
    match = table().match(medium="voice", called="10086", caller="+8613700000000", attributes={}, now=NOW, chance=0.99)
    assert match == EntryMatch(
        "hotline", {"called": "10086", "medium": "voice", "caller": "13700000000", "line": "mobile"}, "the rest"
    )


@pytest.mark.parametrize(
    ("medium", "called", "expected"),
    [
        ("voice", "4001", "fax"),
        ("voice", "95001", "fax"),
        ("voice", "4002", "voice"),  # of an entry for both: the switch cannot tell
        ("sms", "4001", "sms"),
        ("video", "4001", "video"),
    ],
)
def test_a_call_to_a_number_of_fax_entries_is_a_fax(medium: str, called: str, expected: str) -> None:
    text = "entries: [{flow: x, medium: fax, called: ['4001', '95*']}, {flow: x, medium: [voice, fax], called: '4002'}]"
    loaded = load_entry(text, "entry.yaml")
    assert loaded.table is not None
    assert loaded.table.medium_of(medium, called) == expected


def test_no_entry_fits() -> None:
    only = table("entries: [{flow: hotline, called: '1'}]")
    assert only.match(medium="voice", called="2", caller=None, attributes={}, now=NOW, chance=0) is None


NEEDS = load("flow: needs\nstart: a\ninputs: {caller: phone, n: int}\nnodes:\n  a: {type: end}\n", "needs.yaml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("entries: []\nx: 1\n", ["2:1 [unknown-option] 'x' is not an option of the entry table; known are entries"]),
        (
            "a: 1\n",
            [
                "1:1 [unknown-option] 'a' is not an option of the entry table; known are entries",
                "1:1 [missing-option] the table needs 'entries:'",
            ],
        ),
        ("entries: [{name: x}]", ["1:11 [missing-option] entry 1 needs 'flow'"]),
        ("entries: [{flow: hotlin}]", ["1:18 [unknown-flow] there is no flow 'hotlin'; did you mean 'hotline'?"]),
        (
            "entries: [{flow: hotline, meduim: voice}]",
            ["1:27 [unknown-option] 'meduim' is not an option of an entry; did you mean 'medium'?"],
        ),
        (
            "entries: [{flow: hotline, medium: fax, called: '1'}]",
            ["1:18 [medium-mismatch] flow hotline is made for voice, not for fax"],
        ),
        (
            "entries: [{flow: hotline, medium: phone}]",
            ["1:35 [bad-option] 'phone' is no medium; it is one of voice, video, sms, chat, fax, timer"],
        ),
        (
            "entries: [{flow: hotline, called: '1**'}]",
            ["1:35 [bad-option] '1**' is no number; write 10086, 138* for a prefix, ? for any digit"],
        ),
        (
            "entries: [{flow: hotline, caller: {line: mobil}}]",
            ["1:42 [bad-option] 'mobil' is no kind of line; did you mean 'mobile'?"],
        ),
        ("entries: [{flow: hotline, percent: 120}]", ["1:36 [bad-option] percent is a number from 0 to 100"]),
        (
            "entries: [{flow: hotline, when: {calendar: hot}}]",
            ["1:44 [unknown-calendar] there is no calendar 'hot'; did you mean 'hotline'?"],
        ),
        (
            "entries: [{flow: hotline, when: {days: monday}}]",
            ["1:40 [unknown-option] 'monday' is not an option of week; did you mean 'mon'?"],
        ),
        (
            "entries: [{flow: hotline, when: {time: '8-20'}}]",
            ["1:40 [bad-option] '8-20' are no hours; write 08:00-20:00, open, or closed"],
        ),
        (
            "entries: [{flow: hotline, inputs: {calle: x}}]",
            ["1:43 [unknown-option] flow hotline has no input 'calle'; did you mean 'caller'?"],
        ),
        (
            "entries: [{flow: hotline, inputs: {line: mobil}}]",
            ["1:42 [type-mismatch] 'mobil' is no enum[mobile, fixed]; did you mean 'mobile'?"],
        ),
        (
            "entries: [{flow: needs, inputs: {caller: =caller}}]",
            [
                "1:11 [missing-option] flow needs needs the input 'n': inputs: {n: …}",
                "1:43 [absent-value] 'caller' may be absent here; ask given(caller) before, or use default(caller, …)",
            ],
        ),
        (
            "entries: [{flow: hotline}, {flow: busy}]",
            ["1:28 [unreachable-entry] warning: 'hotline' takes every caller; what stands below it is never reached"],
        ),
        (
            "entries: [{flow: fax_in, medium: fax}]",
            [
                "1:11 [unreachable-entry] warning: no call is a fax, because no entry of medium fax says which numbers "
                "are; write called: …"
            ],
        ),
    ],
)
def test_findings(text: str, expected: list[str]) -> None:
    loaded = load_entry(text, "entry.yaml", flows={**FLOWS, "needs": NEEDS}, calendars=calendars())
    assert [str(issue).removeprefix("entry.yaml:") for issue in loaded.issues] == expected


CALENDAR = """
calendar: c
timezone: Asia/Shanghai
week:
  mon-fri: [08:00-12:00, 13:00-18:00]
  sat: 22:00-02:00
  sun: closed
holidays:
  2026-10-01 to 2026-10-07: National Day
special:
  2026-10-03: 10:00-11:00
  2026-10-11: open
"""


@pytest.mark.parametrize(
    ("moment", "state"),
    [
        ("2026-03-02T08:00+08:00", "open"),
        ("2026-03-02T12:00+08:00", "closed"),
        ("2026-03-02T12:59:59+08:00", "closed"),
        ("2026-03-02T13:00+08:00", "open"),
        ("2026-03-02T00:30+00:00", "open"),  # 08:30 in Shanghai
        ("2026-03-07T23:00+08:00", "open"),
        ("2026-03-08T01:59+08:00", "open"),  # Saturday's hours reach into Sunday
        ("2026-03-08T02:00+08:00", "closed"),
        ("2026-10-01T10:00+08:00", "holiday"),
        ("2026-10-07T23:59+08:00", "holiday"),
        ("2026-10-08T10:00+08:00", "open"),
        ("2026-10-03T10:30+08:00", "open"),
        ("2026-10-03T11:30+08:00", "closed"),
        ("2026-10-11T00:00+08:00", "open"),
        ("2026-10-11T23:59+08:00", "open"),
        ("2026-10-12T00:00+08:00", "closed"),
    ],
)
def test_calendar(moment: str, state: str) -> None:
    calendar = load_calendar(CALENDAR, "c.yaml").calendar
    assert calendar is not None
    assert calendar.state(datetime.fromisoformat(moment)) == state


def test_a_calendar_wants_an_offset() -> None:
    with pytest.raises(ValueError, match="offset"):
        calendars()["hotline"].state(datetime(2026, 3, 2))


def test_calendar_findings() -> None:
    text = "calendar: c\ntimezone: China\nweek:\n  mon-fry: 08:00-20:00\n  tue: 8-20\n  sat: 10:00-10:00\nholidays:\n  1.10.: x\n  2026-10-07 to 2026-10-01: y\nzone: x\n"  # noqa: E501
    assert [str(issue).removeprefix("c.yaml:") for issue in load_calendar(text, "c.yaml").issues] == [
        "10:1 [unknown-option] 'zone' is not an option of a calendar; did you mean 'timezone'?",
        "2:11 [bad-option] 'China' is no time zone; write one such as Asia/Shanghai",
        "4:3 [unknown-option] 'mon-fry' is not an option of week; did you mean 'mon-fri'?",
        "5:8 [bad-option] '8-20' are no hours; write 08:00-20:00, open, or closed",
        "6:8 [bad-option] '10:00-10:00' begins and ends at one time, or after 24:00",
        "8:3 [bad-option] '1.10.' is no date; write 2026-10-01, or 2026-10-01 to 2026-10-07",
        "9:3 [bad-option] 2026-10-01 is before 2026-10-07",
    ]


@given(st.text("entrisflow:{}[]'-*? \n0123", max_size=80))
def test_no_text_raises(text: str) -> None:
    for loaded in (load_entry(text, "e.yaml", flows=FLOWS), load_calendar(text, "c.yaml")):
        assert loaded.issues or loaded is not None
    mixed = f"entries:\n  - flow: hotline\n    called: {text.strip() or 'x'}\n"
    load_entry(mixed, "e.yaml", flows=FLOWS)
