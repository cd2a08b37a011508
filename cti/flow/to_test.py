"""A recorded call as a flow test that goes the same way: `cti call to-test`.

The call is played on the simulator with the recorded answers; each thing the caller did is done in the same state as
then, which is when as many things have happened as then. What that takes in the simulator's time becomes the script.
The test is then run as `cti flow test` would, and given away only when it passes and takes the recorded path.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cti.core import commands as c
from cti.core import events as e
from cti.core.errors import CtiError
from cti.flow.flowtests import TestResult, run_test
from cti.flow.load_tests import read_tests
from cti.flow.plan import Plan
from cti.flow.reading import Reading
from cti.flow.replay import find_stand_in
from cti.flow.replay_recorder import is_late
from cti.flow.replay_recording import Recording
from cti.flow.simulator import Simulator
from cti.flow.stubbed_hours import stub_hours
from cti.flow.stubs import Stubs
from cti.flow.to_test_given import given_of
from cti.flow.to_test_values import HEADS, StandIns, without_sensitive
from cti.flow.yamlio import read_yaml

SNIPPET = 24  # characters of a prompt that a `hear` quotes
Path = list[tuple[str, str, str]]


class NotReproducible(CtiError):
    """No test could be made that goes the way of the call."""

    code = "not-reproducible"


def make_test(recording: Recording, plan: Plan, name: str) -> str:
    """YAML below ``tests:`` of the flow. Raises NotReproducible (another version, a call still up in a way the
    simulator cannot follow)."""
    wanted = path_of(recording)
    nearest = 0
    for head in HEADS:
        known = find_stand_in(recording, plan)
        text = _draft(without_sensitive(known, plan, StandIns(head)), plan, name)
        result, path = _try(text, plan)
        if result is not None and result.passed and path == wanted:
            return text
        nearest = max(nearest, _common(path, wanted))
    where = ".".join(wanted[min(nearest, len(wanted) - 1)][:2]) if wanted else plan.root
    raise NotReproducible(
        f"no test goes the way of this call: they part at {where}",
        remedy="a test runs on the flow's present text; `cti call replay` shows whether that differs from the call",
    )


def path_of(recording: Recording) -> Path:
    """(flow, node, exit) as left."""
    items = (item for step in recording.steps for item in step.items if item[0] == "leave")
    return [(item[1], item[2], item[4]) for item in items]


def _try(text: str, plan: Plan) -> tuple[TestResult | None, Path]:
    root, issues = read_yaml("tests:\n" + text, "to-test")
    reading = Reading(list(issues))
    tests = read_tests(root.get("tests"), reading) if root is not None and hasattr(root, "get") else ()
    if reading.issues or not tests:
        return None, []
    result = run_test(plan, tests[0])
    return result, list(result.path)


def _common(one: Path, other: Path) -> int:
    pairs = zip(one, other, strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


# ---- playing it --------------------------------------------------------------------------------------------------


class _Counting(Simulator):
    """Counts what happened apart from the caller's doing."""

    happened = 0

    def feed(self, event: e.Event) -> None:
        by_caller = isinstance(event, e.DigitPressed | e.TextReceived | e.HungUp) or _spoken(event)
        if not by_caller and not is_late(self.run, event):
            self.happened += 1
        super().feed(event)


@dataclass
class _Script:
    simulator: _Counting
    steps: list[Any] = field(default_factory=list)
    heard: int = 0
    at_s: float = 0.0  # where a player of the script is in time

    def catch_up(self) -> None:
        """Hear every prompt that has begun, then wait as long as has passed since."""
        simulator = self.simulator
        for prompt in simulator.prompts[self.heard :]:
            self.steps.append({"hear": snippet(prompt.text)})
            self.at_s = max(self.at_s, prompt.at_s)
        self.heard = len(simulator.prompts)
        millis = math.ceil((simulator.time_s - self.at_s) * 1000 - 1e-6)
        if millis > 0:
            self.steps.append({"wait": f"{millis}ms"})
            self.at_s += millis / 1000
            simulator.advance(self.at_s - simulator.time_s)

    def press(self, key: str) -> None:
        self.catch_up()
        self.simulator.press(key)
        self.steps.append({"press": {"*": "star", "#": "hash"}.get(key, key)})


def snippet(text: str) -> str:
    return text if len(text) <= SNIPPET else text[:SNIPPET].rstrip()


def _play(recording: Recording, plan: Plan, given: dict[str, Any]) -> _Script:
    stubs = Stubs(_frozen(given))
    plan, _ = stub_hours(plan, stubs)
    inputs = {name: value for name, value in given.items() if name in recording.inputs}
    simulator = _Counting(plan, inputs, recording.moment(0), stubs, given.get("language"))
    script = _Script(simulator)
    simulator.start()
    happened = 0
    for event in recording.early:
        if isinstance(event, e.TextReceived):
            simulator.write(event.text)
            script.steps.append({"text": event.text})
    limits = {item[1] for step in recording.steps for item in step.items if item[0] == "limit"}
    for step in recording.steps[1:]:
        if isinstance(step.event, e.Heard) and step.event.outcome == "unavailable":
            continue  # in a test somebody listens, and tells of the silence that a timer ended then
        by_caller = isinstance(step.event, _CALLERS) or _spoken(step.event)
        if not by_caller and not (isinstance(step.event, e.TimerFired) and step.event.ref in limits):
            happened += 1
            continue
        while simulator.happened < happened and simulator.step():
            pass
        match step.event:
            case e.DigitPressed(digit):
                script.press(digit)
            case e.Heard(text=text):
                script.catch_up()
                simulator.speak(text)
                script.steps.append({"say": text})
            case e.TextReceived(text):
                script.catch_up()
                simulator.write(text)
                script.steps.append({"text": text})
            case e.HungUp():
                script.catch_up()
                simulator.hang_up()
                script.steps.append("hangup")
            case _:
                script.catch_up()
                happened += simulator.strike()
                script.steps.append("limit")
    if recording.complete:
        simulator.finish()  # as a test does that expects an end
        script.steps += [{"hear": snippet(prompt.text)} for prompt in simulator.prompts[script.heard :]]
        return script
    while simulator.happened < happened and simulator.step():
        pass
    script.catch_up()
    return script


def _spoken(event: e.Event | None) -> bool:
    return isinstance(event, e.Heard) and event.outcome == "heard"


_CALLERS = (e.DigitPressed, e.TextReceived, e.HungUp)


def _frozen(value: Any) -> Any:
    """As the loader gives it: tuples for lists."""
    if isinstance(value, dict):
        return {name: _frozen(item) for name, item in value.items()}
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


# ---- writing it --------------------------------------------------------------------------------------------------


def _draft(recording: Recording, plan: Plan, name: str) -> str:
    given = given_of(recording)
    script = _play(recording, plan, given)
    lines = [f"  - name: {_quoted(name)}", "    given:"]
    lines += [f"      {key if _plain(key) else _quoted(key)}: {_flow(value)}" for key, value in given.items()]
    lines += (
        ["    script:", *(f"      - {_step(step)}" for step in script.steps)] if script.steps else ["    script: []"]
    )
    lines += ["    expect:", *(f"      {key}: {_flow(value)}" for key, value in _expected(script.simulator))]
    return "\n".join(lines) + "\n"


def _expected(simulator: Simulator) -> Iterator[tuple[str, Any]]:
    works = [work for _, work in simulator.work]
    ended = next((work for work in works if isinstance(work, c.RunEnded)), None)
    if ended is None:
        yield "at", simulator.run.frames[-1].node
    else:
        yield "reason", ended.reason
        if ended.outcome:
            yield "outcome", ended.outcome
    goals = [work.goal for work in works if isinstance(work, c.GoalReached)]
    if goals:
        yield "goals", goals
    queues = [work.queue for work in works if isinstance(work, c.EnterQueue)]
    if queues:
        yield "queue", queues[-1]
    yield "visited", list(dict.fromkeys(f"{w.flow}.{w.node}" for w in works if isinstance(w, c.NodeEntered)))


def _step(step: Any) -> str:
    if isinstance(step, str):
        return step
    ((name, value),) = step.items()
    return f"{name}: {_flow(value)}"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k if _plain(k) else _quoted(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _quoted(str(value))


def _quoted(text: str) -> str:
    """JSON's double quotes are YAML's, but for what JSON leaves unescaped and YAML does not take."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in quoted)


def _plain(key: str) -> bool:
    return all(part.replace("_", "a").isalnum() and part.isascii() for part in key.split(".")) and not key[0].isdigit()
