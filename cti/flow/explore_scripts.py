"""A call that was found, as a test that can be pasted under ``tests:``: it fails until what it shows is mended."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cti.core.issue import Issue
from cti.flow.explore_moves import BEGIN
from cti.flow.explore_outside import Answer, Outside
from cti.flow.explore_walk import Beginning, Walk, Way, make
from cti.flow.explore_world import Choices, World, prompts
from cti.flow.flowtests import TestResult, run_test
from cti.flow.load_tests import read_tests
from cti.flow.reading import Reading
from cti.flow.simulator import KEY_S
from cti.flow.units import format_duration
from cti.flow.yamlio import read_yaml

_WORD = re.compile(r"[a-z][a-z_]*")
_CUT = re.compile(r"[，。、；：！？,.;:!?]")
_LEAST, _MOST = 2, 24  # characters of a prompt by which it is recognised
_EPSILON_S = 0.0005
Step = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Script:
    """``text`` is YAML, one item of ``tests:``; ``shows``: run as a test it showed what it was made for."""

    text: str
    shows: bool


@dataclass(slots=True)
class _Played:
    """What was done, heard and answered over the whole call. Moves: (time, what, keys, how many prompts had begun)."""

    begun: Beginning
    moves: list[tuple[float, str, str, int]]
    heard: list[tuple[float, str]]
    answers: list[Answer]
    ends_s: float


def write_script(
    walk: Walk,
    outside: Outside,
    ways: Sequence[Way],
    name: str,
    expect: Mapping[str, str],
    shows: Callable[[TestResult], bool],
) -> Script:
    """The call of ``ways`` in the words of flow tests: by what is heard where that leads there, else by time alone."""
    played = _play(walk, outside, ways)
    text = ""
    for steps in (_by_ear(played), _by_time(played)):
        text = _written(name, played, steps, expect)
        if shows(_run(walk, text)):
            return Script(text, True)
    return Script(text, False)


def _play(walk: Walk, outside: Outside, ways: Sequence[Way]) -> _Played:
    begun = walk.beginnings[ways[0].beginning]
    world = World(walk.plan, outside, begun.now, Choices(list(ways[0].choices)))
    make(world, begun, BEGIN, None)
    moves: list[tuple[float, str, str, int]] = []
    for way in ways[1:]:
        if way.move.do != "wait":
            moves.append((world.time_s, way.move.do, way.move.keys, len(prompts(world.work))))
        world.choices = Choices(list(way.choices))
        world.attempt(way.move.make)
    return _Played(begun, moves, prompts(world.work), list(world.answered.values()), world.time_s)


# ---- steps -----------------------------------------------------------------------------------------------------


def _by_time(played: _Played) -> list[Step]:
    steps: list[Step] = []
    now = 0.0
    for at, do, keys, _ in played.moves:
        steps += _wait(at - now)
        steps.append((do, keys))
        now = at + _typing_s(do, keys)
    return steps + _wait(played.ends_s - now)


def _by_ear(played: _Played) -> list[Step]:
    """Before a move the prompt is heard that began last; what is left of the time is waited."""
    steps: list[Step] = []
    now, heard = 0.0, 0
    for at, do, keys, begun in played.moves:
        last = begun - 1
        if last >= heard and played.heard[last][0] >= now - _EPSILON_S:
            text = _recognised(played.heard, heard, last)
            if text:
                steps.append(("hear", text))
                now, heard = max(now, played.heard[last][0]), last + 1
        steps += _wait(at - now)
        steps.append((do, keys))
        now = at + _typing_s(do, keys)
    return steps + _wait(played.ends_s - now)


def _recognised(heard: Sequence[tuple[float, str]], first: int, wanted: int) -> str:
    """The beginning of a prompt that none before it has; '' when there is no such."""
    whole = heard[wanted][1]
    beginning = _CUT.split(whole, maxsplit=1)[0][:_MOST].strip()
    for text in (beginning, whole):
        if len(text) >= _LEAST and not any(text in heard[index][1] for index in range(first, wanted)):
            return text
    return ""


def _wait(seconds: float) -> list[Step]:
    return [("wait", format_duration(seconds))] if seconds > _EPSILON_S else []


def _typing_s(do: str, keys: str) -> float:
    return KEY_S * max(0, len(keys) - 1) if do == "press" else 0.0


# ---- YAML ------------------------------------------------------------------------------------------------------


def _written(name: str, played: _Played, steps: Iterable[Step], expect: Mapping[str, str]) -> str:
    given: dict[str, Any] = {**played.begun.inputs, "now": played.begun.now.isoformat(timespec="minutes")}
    for source, value in played.answers:
        if source == "notices":
            given.setdefault(source, value)
        else:
            given.setdefault(source, []).append(value)
    for source, values in given.items():
        if source in {answer[0] for answer in played.answers} and source != "notices":
            given[source] = _shortened(values)
    if played.begun.opening:
        steps = [("text", played.begun.opening), *steps]
    script = ", ".join(f"{do}: {_yaml(value)}" if value else do for do, value in steps)
    return (
        f"- name: {_yaml(name)}\n"
        f"  given: {_yaml(given)}\n"
        f"  script: [{script}]\n"
        f"  expect: {{{', '.join(f'{key}: {value}' for key, value in expect.items())}}}\n"
    )


def _shortened(values: list[Any]) -> Any:
    """The last answer holds for the rest."""
    while len(values) > 1 and values[-1] == values[-2]:
        values = values[:-1]
    return values[0] if len(values) == 1 and not isinstance(values[0], list | tuple) else values


def _yaml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    text = str(value)
    return text if _WORD.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _run(walk: Walk, text: str) -> TestResult:
    """As it would be run when an author had pasted it."""
    root, issues = read_yaml(text, "explore")
    reading = Reading(issues)
    tests = read_tests(root, reading)
    if reading.issues or not tests:
        return TestResult("unreadable", [Issue(i.place, "unreadable", i.message) for i in reading.issues], [])
    return run_test(walk.plan, tests[0])
