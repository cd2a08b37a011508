"""The ``tests:`` of a flow, run on the simulator."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cti.core import commands as c
from cti.core.issue import Issue, Place
from cti.flow.expectations import unmet
from cti.flow.model import Flow, FlowTest, ScriptStep
from cti.flow.plan import Plan
from cti.flow.run import RunMisuse
from cti.flow.simulator import Simulator
from cti.flow.stubbed_hours import stub_hours
from cti.flow.stubs import Stubs
from cti.flow.transcript import WIDTH, Line, Mark, table
from cti.flow.units import format_duration

DEFAULT_NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  # a Monday, 10:00 in China
BUILTIN = ("now", "language", "called", "medium")
Taken = frozenset[tuple[str, str, str]]


@dataclass(frozen=True)
class TestResult:
    """``failures`` are issues (code ``test-failed``), marked in the transcript by ``marks``; ``taken`` are the (flow,
    node, exit) that the test went through, ``visited`` the (flow, node)."""

    name: str
    failures: list[Issue]
    transcript: list[Line]
    taken: Taken = field(default_factory=frozenset)
    marks: tuple[Mark, ...] = ()
    visited: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    lasted_s: float = 0.0  # of the call, on its own clock
    path: tuple[tuple[str, str, str], ...] = ()  # (flow, node, exit) in order

    __test__ = False  # not one of pytest's

    @property
    def passed(self) -> bool:
        return not self.failures

    def table(self, width: int = WIDTH) -> str:
        """The call in two columns: what the flow did, what the caller did; ``>`` where something else was expected."""
        return table(self.transcript, self.marks, width)


def run_tests(plan: Plan, flow: Flow | None = None) -> list[TestResult]:
    """Run the tests of ``flow`` (the plan's root unless said)."""
    return [run_test(plan, test) for test in (flow or plan.flows[plan.root]).tests]


def run_test(plan: Plan, test: FlowTest) -> TestResult:
    """Never raises, neither for what a test's author wrote nor for what a node does: that is a failure with a place."""
    given = dict(test.given)
    now = _moment(given.get("now"))
    stubs = Stubs(given)
    plan, problems = stub_hours(plan, stubs)
    if now is None:
        problems = ["given.now is a moment with offset: 2026-03-02T10:00+08:00", *problems]
    if now is None or problems:
        return TestResult(test.name, [_issue(test.place, problem) for problem in problems], [])
    inputs = {name: given[name] for name in (*plan.flows[plan.root].variables, *BUILTIN) if name in given}
    inputs.pop("now", None)
    try:
        simulator = Simulator(plan, inputs, now, stubs, given.get("language"))
    except RunMisuse as error:
        return TestResult(test.name, [_issue(test.place, f"given: {error.message}")], [])
    player = _Player(simulator, test)
    failures, marks = player.play()
    failures += [_issue(test.place, problem) for problem in dict.fromkeys(stubs.problems)]
    work = [work for _, work in simulator.work]
    return TestResult(
        test.name,
        failures,
        simulator.transcript,
        frozenset((w.flow, w.node, w.exit) for w in work if isinstance(w, c.NodeLeft)),
        tuple(marks),
        frozenset((w.flow, w.node) for w in work if isinstance(w, c.NodeEntered)),
        simulator.time_s,
        tuple((w.flow, w.node, w.exit) for w in work if isinstance(w, c.NodeLeft)),
    )


def _moment(text: Any) -> datetime | None:
    if text is None:
        return DEFAULT_NOW
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _issue(place: Place, message: str) -> Issue:
    return Issue(place, "test-failed", message)


class _Player:
    def __init__(self, simulator: Simulator, test: FlowTest) -> None:
        self.simulator = simulator
        self.test = test
        self.heard = 0  # prompts that the script has gone past
        self.mark = 0  # the line of the transcript where the present step looks first

    def play(self) -> tuple[list[Issue], list[Mark]]:
        """Failures, and where they stand in the transcript."""
        place, wanted = self.test.place, "the call begins"
        try:
            self.simulator.start()
            for step in self.test.script:
                place, wanted = step.place, described(step)
                failure = self._step(step)
                if failure is not None:
                    return [_issue(place, failure)], [Mark(self.mark, f"expected here: {wanted}  ({place})")]
            place, wanted = self.test.place, "what is expected"
            unfulfilled = unmet(self.simulator, self.test.expect)
        except Exception as error:  # noqa: BLE001 - a node type that raises: the author is told which call shows it
            return [_issue(place, f"a fault of the platform: {type(error).__name__}: {error}")], self._at_end(wanted)
        return (
            [_issue(place, failure) for failure in unfulfilled],
            [mark for failure in unfulfilled for mark in self._at_end(f"at the end: {failure}")],
        )

    def _at_end(self, text: str) -> list[Mark]:
        return [Mark(len(self.simulator.transcript), text)]

    def _step(self, step: ScriptStep) -> str | None:
        simulator = self.simulator
        self.mark = len(simulator.transcript)
        match step.do:
            case "hear":
                return self._hear(step.value)
            case "not_hear":
                return self._not_hear(step.value)
            case "press":
                if simulator.run.ended:
                    return f"the call had ended when {step.value} was to be pressed"
                simulator.press(step.value)
            case "text":
                if simulator.run.ended:
                    return f"the conversation had ended when {step.value!r} was to be written"
                simulator.write(step.value)
            case "say":
                return None if simulator.speak(step.value) else f"nobody listened when {step.value!r} was to be said"
            case "silence":
                while not simulator.silent and simulator.step():
                    pass
                simulator.advance(step.value)
            case "wait":
                simulator.advance(step.value)
            case "hangup":
                simulator.hang_up()
            case "limit":
                return None if simulator.strike() else "no time limit runs when it was to be reached"
        return None

    def _hear(self, text: str) -> str | None:
        simulator, first = self.simulator, self.heard
        while True:
            for index in range(self.heard, len(simulator.prompts)):
                if text in simulator.prompts[index].text:
                    self.heard = index + 1
                    return None
                if self.test.strict:
                    self.mark = self._line_of(index)
                    return f"heard {simulator.prompts[index].text!r} instead of {text!r}"
            if not simulator.step():
                said = "; ".join(prompt.text for prompt in simulator.prompts[first:]) or "nothing more"
                return f"never heard {text!r}, but: {said}"

    def _not_hear(self, text: str) -> str | None:
        for index in range(self.heard, len(self.simulator.prompts)):
            said = self.simulator.prompts[index].text
            if text in said:
                self.mark = self._line_of(index)
                return f"did hear {said!r}"
        return None

    def _line_of(self, prompt: int) -> int:
        """The line of the transcript at which this prompt stands, or will."""
        lines = [index for index, line in enumerate(self.simulator.transcript) if line.side == "flow"]
        return lines[prompt] if prompt < len(lines) else len(self.simulator.transcript)


def described(step: ScriptStep) -> str:
    """A step as it stands in the script."""
    if step.do in ("silence", "wait"):
        return f"{step.do}: {format_duration(step.value)}"
    return step.do if step.value is None else f"{step.do}: {step.value}"
