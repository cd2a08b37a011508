"""The first half of a replay: the recorded events, one by one at their recorded times, as long as they still fit.

They fit as long as every sprint begins the same prompts, timers and questions, at the same place; the texts of prompts
may differ. Then each event ends the command that stands where its own stood, and a key comes when it came: in the
same state of the same wait, however long the prompts have become. Against the recorded version all of it fits, always.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cti.core import commands as c
from cti.core import events as e
from cti.flow.calendar import Calendar, State
from cti.flow.plan import Plan
from cti.flow.replay_recording import Fed, Recording
from cti.flow.replay_trace import WITH_REF, Item, observe
from cti.flow.run import Run


@dataclass(frozen=True)
class RecordedHours(Calendar):
    """Answers as the calendar did then, and, asked more often than then, as it does today."""

    answers: list[State] = field(kw_only=True)
    today: Calendar = field(kw_only=True)

    def state(self, now: datetime) -> State:
        return self.answers.pop(0) if self.answers else self.today.state(now)


def with_recorded_hours(plan: Plan, recording: Recording) -> Plan:
    answers: dict[str, list[State]] = {}
    for step in recording.steps:
        for item in step.items:
            if item[0] == "hours":
                answers.setdefault(item[1], []).append(item[2])
    calendars = dict(plan.calendars)
    for name, states in answers.items():
        if (today := calendars.get(name)) is not None:
            calendars[name] = RecordedHours(today.id, today.timezone, today.week, answers=states, today=today)
    return plan.with_calendars(calendars) if answers else plan


@dataclass
class Lockstep:
    """After `play`: ``done`` is what the run did, ``left_at`` the recorded step that it did not follow any more (None:
    it followed to the end) and ``sprint`` its own work at that step. ``refs``: recorded number -> the run's."""

    plan: Plan
    recording: Recording
    done: list[Fed] = field(default_factory=list)
    refs: dict[int, int] = field(default_factory=dict)
    started: dict[int, int] = field(default_factory=dict)  # the run's own numbers -> microseconds
    left_at: int | None = None
    asked_from: int = 0  # the recorded questions from this step on have not been answered
    sprint: c.Sprint = field(default_factory=list)

    def play(self) -> Run:
        """Raises RunMisuse when the run cannot begin with the recorded inputs."""
        recording, plan = self.recording, self.plan
        run = Run(plan, recording.inputs, now=recording.moment(0))
        run.visits.update(recording.visits)
        for early in recording.early:
            run.feed(early, recording.moment(0))
        where = ""
        lasted = recording.steps[-1].at_us / 1e6
        for number, step in enumerate(recording.steps):
            where = next((_place(item) for item in reversed(step.items) if item[0] == "enter"), where)
            now = recording.moment(step.at_us)
            event = self._mapped(step.event)
            if step.event is not None and event is None:
                self._leave(number, number, [])
                return run
            sprint = run.start(now) if event is None else run.feed(event, now)
            items = observe(run, sprint)
            self.done.append(replace(step, event=event, items=tuple(items)))
            for item in items:
                if item[0] in WITH_REF:
                    self.started[item[1]] = step.at_us
            if not self._follows(step.items, items, lasted) or not self._at_same_place(run, where):
                self._leave(number + 1, number, sprint)
                return run
        return run

    def _leave(self, number: int, asked_from: int, sprint: c.Sprint) -> None:
        self.left_at, self.asked_from, self.sprint = number, asked_from, sprint

    def _mapped(self, event: e.Event | None) -> e.Event | None:
        """The same for the run's own number; None when it has begun nothing that could end so."""
        ref = getattr(event, "ref", None)
        if event is None or ref is None:
            return event
        mapped = self.refs.get(ref)
        return None if mapped is None else with_ref(event, mapped)

    def _follows(self, recorded: Sequence[Item], items: Sequence[Item], lasted_s: float) -> bool:
        then = [item for item in recorded if item[0] in WITH_REF]
        now = [item for item in items if item[0] in WITH_REF]
        if [_shape(item, lasted_s) for item in then] != [_shape(item, lasted_s) for item in now]:
            return False
        if any(item[0] == "end" for item in recorded) != any(item[0] == "end" for item in items):
            return False
        self.refs |= {one[1]: other[1] for one, other in zip(then, now, strict=True)}
        return True

    def _at_same_place(self, run: Run, where: str) -> bool:
        """A node that is no longer there has been renamed: who answered it answers the one in its place."""
        if run.ended:
            return True
        flow, _, node = where.partition(".")
        gone = flow not in run.plan.flows or node not in run.plan.flows[flow].nodes
        return gone or where == place_of(run)


def with_ref(event: Any, ref: int) -> e.Event:
    """The same ending for another command."""
    changed: e.Event = replace(event, ref=ref)
    return changed


def place_of(run: Run) -> str:
    return f"{run.frames[-1].flow}.{run.frames[-1].node}"


def _place(item: Item) -> str:
    return f"{item[1]}.{item[2]}"


def _shape(item: Item, lasted_s: float) -> tuple[Any, ...]:
    match item:
        case ["timer", _, seconds]:
            return "timer", seconds
        case ["limit", _, seconds]:
            return "limit", seconds if seconds <= lasted_s else None  # one that no call of this length reaches
        case ["ask", _, what, name, arguments]:
            return "ask", what, name, repr(sorted(arguments.items()))
    return (item[0],)
