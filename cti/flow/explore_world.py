"""A call that can be taken up again at any moment: a run, what is due outside it, and which answers were chosen.

It keeps the clock of the simulator (`cti.flow.simulator`), so that what is found here can be shown there.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cti.core import commands as c
from cti.core import events as e
from cti.flow.explore_outside import Answer, Outside
from cti.flow.plan import Plan
from cti.flow.registry import REGISTRY
from cti.flow.run import Run, RunMisuse
from cti.flow.simulator import KEY_S, shown, spoken_s
from cti.flow.stubs import Stubs

Due = tuple[float, int, e.Event]
ANNOUNCED = 2  # of the announcements in a queue: those after them change nothing
SETTLING = 50  # events that are due at once; more are a loop
_HASTE_S = 1e-9


@dataclass(frozen=True, slots=True)
class Asked:
    """Something outside was asked at ``at``; which of ``answers`` comes is open until time passes."""

    at: float
    ref: int
    work: c.Work
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Spot:
    """A moment of a call at which something else can happen next."""

    state: Mapping[str, Any]
    time_s: float
    due: tuple[Due, ...]
    asked: tuple[Asked, ...] = ()
    recording: Any = None

    @property
    def goes_on(self) -> bool:
        """Something will happen although nobody does anything."""
        return bool(self.due or self.asked)


@dataclass(slots=True)
class Choices:
    """Answers to take in turn; beyond ``taken`` the first. ``widths``: how many there were each time."""

    taken: list[int] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)

    def pick(self, count: int) -> int:
        index = len(self.widths)
        self.widths.append(count)
        if index == len(self.taken):
            self.taken.append(0)
        return self.taken[index]

    def others(self, fixed: int) -> list[list[int]]:
        """The alternatives to what was picked after the first ``fixed``."""
        return [
            [*self.taken[:at], other] for at in range(fixed, len(self.widths)) for other in range(1, self.widths[at])
        ]


class World:
    """One stretch of a call, from a spot to the next. ``work`` is what the run did in it, with its time."""

    def __init__(self, plan: Plan, outside: Outside, begins: datetime, choices: Choices) -> None:
        self.plan, self.outside, self.begins, self.choices = plan, outside, begins, choices
        self.time_s = 0.0
        self.work: list[tuple[float, c.Work]] = []
        self.answered: dict[int, Answer] = {}  # by the ref of what was asked, in the order of asking
        self.limit = False  # does the time limit strike by itself?
        self.recording: Any = None
        self._due: list[Due] = []
        self._asked: list[Asked] = []
        self._order = 0
        self._inside: object = None
        self.run: Run

    def start(self, inputs: Mapping[str, Any], opening: str = "") -> None:
        """``opening``: what a conversation by text begins with. Raises RunMisuse when an input is missing."""
        self.run = Run(self.plan, inputs, now=self.begins, language=inputs.get("language"))
        if opening:
            self._carry_out(self.run.feed(e.TextReceived(opening), self._now()))
        self._carry_out(self.run.start(self._now()))
        self._settle()

    def attempt(self, act: Callable[[World], object]) -> str:
        """Do something; what it raised, or ''."""
        try:
            act(self)
        except RunMisuse as error:
            return f"{error.code}: {error.message}"
        except Exception as error:  # noqa: BLE001 - a node type that raises is what is looked for
            return f"{type(error).__name__}: {error}"
        return ""

    def resume(self, spot: Spot) -> None:
        self.run = Run.restore(self.plan, spot.state)
        self.time_s, self.recording = spot.time_s, spot.recording
        self._due, self._asked = list(spot.due), list(spot.asked)
        self._order = max((order for _, order, _ in self._due), default=0)
        self._inside = self.run.frames[-1]

    def stays_inside(self) -> bool:
        """Has the flow that was the innermost when the call was taken up not come back since?"""
        return any(frame is self._inside for frame in self.run.frames)

    def spot(self) -> Spot:
        """What the run does not wait for any more is left out: it will be late, and ignored."""
        pending = self.run.pending
        due = tuple(due for due in self._due if getattr(due[2], "ref", 0) in pending)
        asked = tuple(asked for asked in self._asked if asked.ref in pending)
        records = any(kind == "record" for kind, _ in pending.values())
        return Spot(self.run.state(), self.time_s, due, asked, self.recording if records else None)

    # ---- what can happen -------------------------------------------------------------------------------------

    def press(self, keys: str) -> None:
        for index, key in enumerate(keys):
            if index:
                self.advance(KEY_S)
            self._feed(e.DigitPressed(key))
        self._settle()

    def write(self, text: str) -> None:
        self._feed(e.TextReceived(text))
        self._settle()

    def hang_up(self) -> None:
        self._feed(e.HungUp("NORMAL_CLEARING"))
        self._settle()

    def strike(self) -> None:
        """The call has lasted too long."""
        assert self.run.limit_ref is not None
        self._feed(e.TimerFired(self.run.limit_ref))
        self._settle()

    def wait(self) -> bool:
        """Let the next thing happen; False when nothing is due."""
        self._decide()
        if not self._due:
            return False
        self._next()
        self._settle()
        return True

    def advance(self, seconds: float) -> None:
        self._decide()
        until = self.time_s + seconds
        while self._due and self._due[0][0] <= until + _HASTE_S and not self.run.ended:
            self._next()
            self._decide()
        self.time_s = until

    def _next(self) -> None:
        at, _, event = heapq.heappop(self._due)
        self.time_s = max(self.time_s, at)
        self._feed(event)

    def _settle(self) -> None:
        """What is due at once happens before anybody can do anything."""
        for _ in range(SETTLING):
            if self.run.ended or not self._due or self._due[0][0] > self.time_s + _HASTE_S:
                return
            self._next()

    def _now(self) -> datetime:
        return self.begins + timedelta(seconds=self.time_s)

    # ---- the engine's part -----------------------------------------------------------------------------------

    def _feed(self, event: e.Event) -> None:
        self._carry_out(self.run.feed(event, self._now()))

    def _carry_out(self, sprint: c.Sprint) -> None:
        for work in sprint:
            self.work.append((self.time_s, work))
            match work:
                case c.Play(ref, parts):
                    self._later(sum(spoken_s(part) for part in parts), e.PlayEnded(ref))
                case c.StartTimer(ref, seconds):
                    if ref != self.run.limit_ref or self.limit:
                        self._later(seconds, e.TimerFired(ref))
                case c.CancelTimer(ref) | c.LeaveQueue(ref) | c.StopPlay(ref):
                    self._drop(ref)
                case c.StopRecord(ref):
                    self._decide()
                    self._drop(ref)
                    self._later(0.0, Stubs(last={"record": self.recording}).recorded(ref, stopped=True))
                case _:
                    self._ask(work)
        if self.run.ended:
            self._due, self._asked = [], []

    def _ask(self, work: c.Work) -> None:
        """Which answer comes is chosen when time passes, so that what a caller does before is tried only once."""
        if self.run.ended:
            return
        ref = getattr(work, "ref", None)
        answers = self.outside.answers(self.plan.flows[self.run.frames[-1].flow], self.run.node, work)
        if ref is not None and answers:
            self._asked.append(Asked(self.time_s, ref, work, answers))
            self.answered[ref] = answers[0]

    def _decide(self) -> None:
        asked, self._asked = self._asked, []
        for one in asked:
            if one.ref not in self.run.pending:
                continue  # the flow went on without an answer
            name, value = self.answered[one.ref] = one.answers[self.choices.pick(len(one.answers))]
            if isinstance(one.work, c.Record):
                self.recording = value
            announced = 0
            for seconds, event in Stubs({name: value}).answer(one.work)[1]:
                announced += isinstance(event, e.QueueAnnounced)
                if not isinstance(event, e.QueueAnnounced) or announced <= ANNOUNCED:
                    self._later(one.at + seconds - self.time_s, event)

    def _later(self, seconds: float, event: e.Event) -> None:
        self._order += 1
        heapq.heappush(self._due, (self.time_s + seconds, self._order, event))

    def _drop(self, ref: int) -> None:
        self._due = [due for due in self._due if getattr(due[2], "ref", 0) != ref]
        heapq.heapify(self._due)
        self._asked = [asked for asked in self._asked if asked.ref != ref]


def prompts(work: Sequence[tuple[float, c.Work]]) -> list[tuple[float, str]]:
    """What the caller heard, or read: (when it began, text)."""
    heard = [(at, one) for at, one in work if isinstance(one, c.Play | c.Reply)]
    return [
        (at, one.text if isinstance(one, c.Reply) else " ".join(shown(part) for part in one.parts)) for at, one in heard
    ]


def is_human(plan: Plan, work: c.Work) -> bool:
    """Does this enter a node behind which there are people?"""
    if not isinstance(work, c.NodeEntered) or not REGISTRY[work.type].human:
        return False
    dial = plan.flows[work.flow].nodes[work.node].get("dial")
    return not (dial and dial[0] == "flow")
