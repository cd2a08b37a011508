"""The ``tests:`` of a flow, run on the simulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cti.core import commands as c
from cti.core.issue import Issue, Place
from cti.flow import types as t
from cti.flow.model import Flow, FlowTest, ScriptStep
from cti.flow.plan import Plan
from cti.flow.run import RunMisuse
from cti.flow.simulator import Line, Simulator
from cti.flow.stubs import Stubs
from cti.flow.units import format_duration, parse_duration

DEFAULT_NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  # a Monday, 10:00 in China
BUILTIN = ("now", "language", "called", "medium")


@dataclass(frozen=True)
class TestResult:
    """``failures`` are issues (code ``test-failed``); ``taken`` are the (flow, node, exit) the test went through."""

    name: str
    failures: list[Issue]
    transcript: list[Line]
    taken: frozenset[tuple[str, str, str]] = field(default_factory=frozenset)

    __test__ = False  # not one of pytest's

    @property
    def passed(self) -> bool:
        return not self.failures

    def table(self, width: int = 46) -> str:
        """The call in two columns: what the flow did, what the caller did."""
        rows = []
        for line in self.transcript:
            left, right = ("", line.text) if line.side == "caller" else (line.text, "")
            if line.side == "engine":
                left = f"({line.text})"
            rows.append(f"{line.at_s:7.1f}s  {left:<{width}}  {right}".rstrip())
        return "\n".join(rows)


def run_tests(plan: Plan, flow: Flow | None = None) -> list[TestResult]:
    """Run the tests of ``flow`` (the plan's root unless said)."""
    return [run_test(plan, test) for test in (flow or plan.flows[plan.root]).tests]


def run_test(plan: Plan, test: FlowTest) -> TestResult:
    """Never raises for what a test's author wrote: that is a failure with a place."""
    root = plan.flows[plan.root]
    given = dict(test.given)
    now = _moment(given.get("now"))
    if now is None:
        return TestResult(
            test.name, [_issue(test.place, "given.now is a moment with offset: 2026-03-02T10:00+08:00")], []
        )
    inputs = {name: given[name] for name in (*root.variables, *BUILTIN) if name in given and name != "now"}
    try:
        simulator = Simulator(plan, inputs, now, Stubs(given), given.get("language"))
        simulator.start()
    except RunMisuse as error:
        return TestResult(test.name, [_issue(test.place, f"given: {error.message}")], [])
    failures = _Player(simulator, test).play()
    failures += [_issue(test.place, problem) for problem in dict.fromkeys(simulator.stubs.problems)]
    taken = frozenset((w.flow, w.node, w.exit) for _, w in simulator.work if isinstance(w, c.NodeLeft))
    return TestResult(test.name, failures, simulator.transcript, taken)


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

    def play(self) -> list[Issue]:
        for step in self.test.script:
            failure = self._step(step)
            if failure is not None:
                return [_issue(step.place, failure)]
        return [_issue(self.test.place, failure) for failure in self._expect(self.test.expect)]

    def _step(self, step: ScriptStep) -> str | None:
        simulator = self.simulator
        match step.do:
            case "hear":
                return self._hear(step.value)
            case "not_hear":
                said = [prompt.text for prompt in simulator.prompts[self.heard :] if step.value in prompt.text]
                return f"did hear {said[0]!r}" if said else None
            case "press":
                if simulator.run.ended:
                    return f"the call had ended when {step.value} was to be pressed"
                simulator.press(step.value)
            case "silence":
                while not simulator.silent and simulator.step():
                    pass
                simulator.advance(step.value)
            case "wait":
                simulator.advance(step.value)
            case "hangup":
                simulator.hang_up()
        return None

    def _hear(self, text: str) -> str | None:
        simulator, first = self.simulator, self.heard
        while True:
            for index in range(self.heard, len(simulator.prompts)):
                if text in simulator.prompts[index].text:
                    self.heard = index + 1
                    return None
                if self.test.strict:
                    return f"heard {simulator.prompts[index].text!r} instead of {text!r}"
            if not simulator.step():
                said = "; ".join(prompt.text for prompt in simulator.prompts[first:]) or "nothing more"
                return f"never heard {text!r}, but: {said}"

    # ---- expectations ----------------------------------------------------------------------------------------

    def _expect(self, expect: Mapping[str, Any]) -> list[str]:
        simulator = self.simulator
        at = self._where()
        if ("outcome" in expect or "reason" in expect) and not simulator.run.ended:
            simulator.finish()
        works = [work for _, work in simulator.work]
        ended = next((work for work in works if isinstance(work, c.RunEnded)), None)
        visited = [
            name
            for work in works
            if isinstance(work, c.NodeEntered)
            for name in (work.node, f"{work.flow}.{work.node}")
        ]
        actual: dict[str, Any] = {
            "at": at[1] if expect.get("at") == at[1] else at[0],
            "queue": next((work.queue for work in reversed(works) if isinstance(work, c.EnterQueue)), None),
            "outcome": ended.outcome if ended else "(the call goes on)",
            "reason": ended.reason if ended else "(the call goes on)",
            "goals": tuple(work.goal for work in works if isinstance(work, c.GoalReached)),
            "transfer": next((work.target for work in reversed(works) if isinstance(work, c.Transfer)), None),
            "language": simulator.run.language,
        }
        failures = []
        for name, wanted in expect.items():
            if name in actual:
                shown = tuple(wanted) if isinstance(actual[name], tuple) else wanted
                if actual[name] != shown:
                    failures.append(f"{name} is {_show(actual[name])}, expected {_show(shown)}")
            else:
                failures += self._special(name, wanted, visited, works, expect)
        return failures

    def _special(
        self, name: str, wanted: Any, visited: list[str], works: list[c.Work], expect: Mapping[str, Any]
    ) -> list[str]:
        names = wanted if isinstance(wanted, tuple) else (wanted,)
        match name:
            case "visited":
                return [f"'{node}' was not visited" for node in names if node not in visited]
            case "not_visited":
                return [f"'{node}' was visited" for node in names if node in visited]
            case "within":
                return self._within(wanted, expect)
            case "message":
                texts = [work.text for work in works if isinstance(work, c.SendMessage)]
                return [] if any(wanted in text for text in texts) else [f"no message with {wanted!r}; sent: {texts}"]
            case "variables":
                return self._variables(wanted)
        return [f"'{name}' cannot be expected"]

    def _where(self) -> tuple[str, str]:
        """The present node, and the same with its flow."""
        frame = self.simulator.run.frames[-1]
        return frame.node, f"{frame.flow}.{frame.node}"

    def _within(self, wanted: Any, expect: Mapping[str, Any]) -> list[str]:
        """Until the node of ``at`` was entered; without ``at``, until the end, or now."""
        limit = parse_duration(str(wanted))
        if limit is None:
            return [f"within is a duration, not {wanted!r}"]
        at = expect.get("at")
        reached = self.simulator.time_s
        for when, work in self.simulator.work:
            if isinstance(work, c.RunEnded) or (
                isinstance(work, c.NodeEntered) and at in (work.node, f"{work.flow}.{work.node}")
            ):
                reached = when
        if reached <= limit + 1e-9:
            return []
        return [f"it took {format_duration(round(reached, 1))}, expected within {wanted}"]

    def _variables(self, wanted: Mapping[str, Any]) -> list[str]:
        frame = self.simulator.run.frames[0]
        declared = self.simulator.plan.flows[frame.flow].variables
        failures = []
        for name, text in wanted.items():
            if name not in declared:
                failures.append(f"there is no variable '{name}'")
                continue
            try:
                expected = t.convert(declared[name].type, text)
            except t.BadValue:
                expected = text
            if frame.variables[name] != expected:
                failures.append(f"{name} is {_show(frame.variables[name])}, expected {_show(text)}")
        return failures


def _show(value: Any) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)
