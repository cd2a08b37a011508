"""Moments to begin at: every combination of states that the calendars of a plan can ever have, whatever today is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

from cti.flow.calendar import DAY, Calendar, State
from cti.flow.model import Flow, Node
from cti.flow.plan import Plan
from cti.flow.public_holidays import public_days

STATES: tuple[str, ...] = get_args(State)
DAYS_AHEAD = 372  # a year, and a week of it that holidays do not hide


@dataclass(frozen=True, slots=True)
class Never:
    """A way out of an `hours` node that its calendar, as it is defined, never takes."""

    flow: str
    node: Node
    calendar: str
    states: tuple[str, ...]

    def __str__(self) -> str:
        states = " and never ".join(self.states)
        return f"the calendar '{self.calendar}' that '{self.node.name}' asks is never {states}"


@dataclass(frozen=True, slots=True)
class Hours:
    """``moments``: one for each combination; one at which all are open comes first. ``never``: what they never are."""

    moments: tuple[datetime, ...]
    never: tuple[Never, ...]


def hours_of(plan: Plan, now: datetime) -> Hours:
    """Of the calendars that ``plan`` asks, looked at from ``now`` on."""
    asking = [(flow, node) for flow in plan.flows.values() for node in flow.nodes.values() if node.type == "hours"]
    names = sorted({str(node.get("calendar")) for _, node in asking} & set(plan.calendars))
    calendars = [plan.calendars[name] for name in names]
    if not calendars:
        return Hours((now,), ())
    found: dict[tuple[State, ...], datetime] = {}
    for moment in _candidates(calendars, now):
        found.setdefault(tuple(calendar.state(moment) for calendar in calendars), moment)
    order = sorted(found, key=lambda states: (states.count("open") < len(states), found[states]))
    yielded = {name: {states[number] for states in found} for number, name in enumerate(names)}
    never = [one for flow, node in asking for one in _never(flow, node, yielded)]
    return Hours(tuple(found[states] for states in order), tuple(never))


def _candidates(calendars: Sequence[Calendar], now: datetime) -> Iterator[datetime]:
    """Full hours of the week to come and of special days first; then the minutes at which something changes."""
    listed = {day for c in calendars for first, last, _ in c.holidays for day in (first, last)}
    listed |= {day for c in calendars for day, _ in c.special}
    listed |= {day for c in calendars if c.region for day in public_days(c.region, now.year).off}
    special = [datetime.combine(day, now.timetz()) for day in sorted(listed)]
    for begin in (*(now + timedelta(days=day) for day in range(8)), *special):
        yield from (begin + timedelta(hours=hour) for hour in range(24))
    around = {day + timedelta(days=shift) for day in listed for shift in (-1, 0, 1)}
    days = [now.date() + timedelta(days=day) for day in range(DAYS_AHEAD)]
    for day in (*days, *sorted(around)):
        for calendar in calendars:
            yield from _changes(calendar, day)


def _changes(calendar: Calendar, day: date) -> Iterator[datetime]:
    spans = [span for hours in (*calendar.week, *(hours for _, hours in calendar.special)) for span in hours]
    zone = ZoneInfo(calendar.timezone)
    for minute in sorted({0, *(end % DAY for span in spans for end in span)}):
        yield datetime.combine(day, time(minute // 60, minute % 60), zone)


def _never(flow: Flow, node: Node, yielded: dict[str, set[State]]) -> Iterator[Never]:
    """By exit as it is written: `else` stands for all states that have no exit of their own."""
    calendar = str(node.get("calendar"))
    if calendar not in yielded:
        return
    for exit in node.exits:
        meant = tuple(state for state in STATES if _exit_of(node, state) == exit)
        if meant and not any(state in yielded[calendar] for state in meant):
            yield Never(flow.id, node, calendar, meant)


def _exit_of(node: Node, state: str) -> str | None:
    """The exit that is taken in a state; a holiday is closed, too, unless it is wired."""
    tried = (state, "closed", "else") if state == "holiday" else (state, "else")
    return next((exit for exit in tried if exit in node.exits), None)
