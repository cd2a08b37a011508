"""What a flow's test expects, compared with the call that was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cti.core import commands as c
from cti.flow import types as t
from cti.flow.simulator import Simulator
from cti.flow.units import format_duration, parse_duration

GOES_ON = "(the call goes on)"


def unmet(simulator: Simulator, expect: Mapping[str, Any]) -> list[str]:
    """What does not hold, in sentences. With ``outcome`` or ``reason`` the call goes on to its end first."""
    at = _where(simulator)
    if ("outcome" in expect or "reason" in expect) and not simulator.run.ended:
        simulator.finish()
    works = [work for _, work in simulator.work]
    actual = _actual(simulator, works)
    actual["at"] = at[1] if expect.get("at") == at[1] else at[0]
    failures = []
    for name, wanted in expect.items():
        if name in actual:
            shown = _several(wanted) if isinstance(actual[name], tuple) else wanted
            if actual[name] != shown:
                failures.append(f"{name} is {_show(actual[name])}, expected {_show(shown)}")
        else:
            failures += _special(simulator, name, wanted, works, expect)
    return failures


def _actual(simulator: Simulator, works: list[c.Work]) -> dict[str, Any]:
    ended = next((work for work in works if isinstance(work, c.RunEnded)), None)
    return {
        "queue": next((work.queue for work in reversed(works) if isinstance(work, c.EnterQueue)), None),
        "outcome": ended.outcome if ended else GOES_ON,
        "reason": ended.reason if ended else GOES_ON,
        "goals": tuple(work.goal for work in works if isinstance(work, c.GoalReached)),
        "transfer": next((work.target for work in reversed(works) if isinstance(work, c.Transfer)), None),
        "language": simulator.run.language,
        "error": next((work.code for work in reversed(works) if isinstance(work, c.FlowError)), "none"),
    }


def _special(simulator: Simulator, name: str, wanted: Any, works: list[c.Work], expect: Mapping[str, Any]) -> list[str]:
    match name:
        case "visited" | "not_visited":
            visited = {
                known
                for work in works
                if isinstance(work, c.NodeEntered)
                for known in (work.node, f"{work.flow}.{work.node}")
            }
            if name == "visited":
                return [f"'{node}' was not visited" for node in _several(wanted) if node not in visited]
            return [f"'{node}' was visited" for node in _several(wanted) if node in visited]
        case "within":
            return _within(simulator, wanted, expect)
        case "message":
            texts = [work.text for work in works if isinstance(work, c.SendMessage)]
            return [
                f"no message with {text!r}; sent: {texts}"
                for text in _several(wanted)
                if not any(str(text) in sent for sent in texts)
            ]
        case "variables":
            return _variables(simulator, wanted)
    return [f"'{name}' cannot be expected"]


def _where(simulator: Simulator) -> tuple[str, str]:
    """The present node, and the same with its flow."""
    frame = simulator.run.frames[-1]
    return frame.node, f"{frame.flow}.{frame.node}"


def _within(simulator: Simulator, wanted: Any, expect: Mapping[str, Any]) -> list[str]:
    """Until the node of ``at`` was entered; without ``at``, until the end, or now."""
    limit = parse_duration(str(wanted))
    if limit is None:
        return [f"within is a duration, not {wanted!r}"]
    at = expect.get("at")
    reached = simulator.time_s
    for when, work in simulator.work:
        if isinstance(work, c.RunEnded) or (
            isinstance(work, c.NodeEntered) and at in (work.node, f"{work.flow}.{work.node}")
        ):
            reached = when
    if reached <= limit + 1e-9:
        return []
    return [f"it took {format_duration(round(reached, 1))}, expected within {wanted}"]


def _variables(simulator: Simulator, wanted: Any) -> list[str]:
    if not isinstance(wanted, Mapping):
        return ["variables are {name: value}"]
    frame = simulator.run.frames[0]
    declared = simulator.plan.flows[frame.flow].variables
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


def _several(wanted: Any) -> tuple[Any, ...]:
    return wanted if isinstance(wanted, tuple) else (wanted,)


def _show(value: Any) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value) or "none"
