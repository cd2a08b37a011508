"""Hours in the exploration: what a calendar can ever be, whatever day it is, and what it never is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest

from cti.flow import Calendar, Plan
from cti.flow.explore import explore
from cti.flow.explore_hours import hours_of
from cti.flow.explore_report import explored
from cti.flow.explore_walk import Budget
from tests.flow.flowkit import plan_of

DAY, ALWAYS = ((480, 1200),), ((0, 1440),)
ASKS = "a: {type: hours, calendar: office, to: {open: x, closed: y, holiday: w}}\n" + "\n".join(
    f"{name}: {{type: end, outcome: {name}}}" for name in "xyw"
)
MONDAY = datetime.fromisoformat("2026-03-02T10:00+08:00")


def asking(calendar: Calendar, nodes: str = ASKS) -> Plan:
    return replace(plan_of(nodes), calendars={"office": calendar})


def office(*week: tuple[tuple[int, int], ...], holidays: tuple[tuple[date, date, str], ...] = ()) -> Calendar:
    return Calendar("office", "Asia/Shanghai", week, holidays)


def taken(plan: Plan) -> set[str]:
    return {exit for _, node, exit in explore(plan).exits if node == "a"}


@pytest.mark.parametrize(
    ("calendar", "states", "never"),
    [
        (office(*[ALWAYS] * 7), {"open"}, ["closed", "holiday"]),
        (office(*[()] * 7), {"closed"}, ["open", "holiday"]),
        (office(*[DAY] * 7), {"open", "closed"}, ["holiday"]),
        # a lunch of a quarter of an hour lies on no full hour
        (office(*[((0, 735), (750, 1440))] * 7), {"open", "closed"}, ["holiday"]),
        # the week to come is all holidays: what an ordinary day is like is seen later
        (office(*[DAY] * 7, holidays=((date(2026, 2, 20), date(2026, 3, 20), ""),)), {"open", "closed", "holiday"}, []),
        (office(*[DAY] * 7, holidays=((date(2031, 5, 1), date(2031, 5, 1), ""),)), {"open", "closed", "holiday"}, []),
    ],
)
def test_what_a_calendar_can_ever_be_is_walked_and_what_not_is_told(
    calendar: Calendar, states: set[str], never: list[str]
) -> None:
    plan = asking(calendar)
    assert taken(plan) == states
    report = explored(plan, Budget())
    assert [state for one in report.never for state in one.states] == never
    told = [one["states"] for one in report.as_dict()["never"]]
    assert told == [[state] for state in never]


def test_an_exit_stands_for_all_that_has_none_of_its_own() -> None:
    nodes = "a: {type: hours, calendar: office, to: {open: x, else: y}}\nx: {type: end}\ny: {type: end}"
    (never,) = hours_of(asking(office(*[ALWAYS] * 7), nodes), MONDAY).never
    assert str(never) == "the calendar 'office' that 'a' asks is never closed and never holiday"
    assert hours_of(asking(office(*[DAY] * 7), nodes), MONDAY).never == ()


def test_two_calendars_are_tried_in_every_combination_that_there_is() -> None:
    nodes = """
    a: {type: hours, calendar: office, to: {open: b, else: c}}
    b: {type: hours, calendar: hotline, to: {open: x, else: y}}
    c: {type: hours, calendar: hotline, to: {open: x, else: y}}
    x: {type: end}
    y: {type: end}
    """
    late = Calendar("hotline", "Asia/Shanghai", (((600, 1230),),) * 7)
    plan = replace(plan_of(nodes), calendars={"office": office(*[DAY] * 7), "hotline": late})
    hours = hours_of(plan, MONDAY)
    states = {(plan.calendars["office"].state(m), late.state(m)) for m in hours.moments}
    assert states == {("open", "open"), ("open", "closed"), ("closed", "open"), ("closed", "closed")}
    assert hours.moments[0] == MONDAY, "all are open"
