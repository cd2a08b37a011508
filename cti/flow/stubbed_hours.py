"""Calendars whose state a flow's test gives: ``given: {hours.NAME: closed}``, or a list, one for each time asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, get_args

from cti.flow.calendar import Calendar, State
from cti.flow.plan import Plan
from cti.flow.stubs import Stubs
from cti.flow.suggest import did_you_mean

PREFIX = "hours."
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True)
class StubbedHours(Calendar):
    """``answer`` gives the state, whatever the time is."""

    answer: Callable[[], State] = field(kw_only=True)

    def state(self, now: datetime) -> State:
        return self.answer()


def stub_hours(plan: Plan, stubs: Stubs) -> tuple[Plan, list[str]]:
    """The plan with the calendars that ``stubs`` gives a state, and what is wrong with what was given."""
    calendars, problems = dict(plan.calendars), []
    for name, value in stubs.given.items():
        if not name.startswith(PREFIX):
            continue
        calendar = name.removeprefix(PREFIX)
        if calendar not in calendars:
            problems.append(f"given: there is no calendar '{calendar}'{did_you_mean(calendar, calendars)}")
        elif not _right(value):
            problems.append(f"given: {name} is {', '.join(STATES)}, or a list of such")
        else:
            calendars[calendar] = _stubbed(calendars[calendar], name, stubs)
    return (plan.with_calendars(calendars) if calendars else plan), problems


def _right(value: Any) -> bool:
    values = value if isinstance(value, tuple | list) and value else (value,)
    return not isinstance(value, Mapping) and all(one in STATES for one in values)


def _stubbed(calendar: Calendar, name: str, stubs: Stubs) -> StubbedHours:
    def answer() -> State:
        state: State = stubs.take(name)
        return state

    return StubbedHours(calendar.id, calendar.timezone, calendar.week, answer=answer)
