"""What an exploration says: how much was walked, what is wrong, and how callers come to people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from cti.core.issue import Place, Severity
from cti.flow.explore import Explorer
from cti.flow.explore_findings import Finding, findings
from cti.flow.explore_hours import Never
from cti.flow.explore_outside import Outside
from cti.flow.explore_people import ToPeople, people
from cti.flow.explore_scripts import Script, write_script
from cti.flow.explore_walk import Budget, Walk, Way
from cti.flow.flowtests import TestResult
from cti.flow.plan import Plan

MOST_SCRIPTS = 100  # of findings; who has more begins with these


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding with the test that shows it; None beyond `MOST_SCRIPTS`."""

    finding: Finding
    script: Script | None


@dataclass(frozen=True, slots=True)
class Case:
    """A worst case of coming to a person. ``keys`` and ``seconds`` are None when the caller does not."""

    who: str
    keys: int | None
    seconds: float | None
    script: Script


@dataclass(frozen=True)
class Report:
    """``bound`` is the bound that was reached, '' when everything was walked. ``people`` is empty when there are
    none. ``unreached`` are (flow, node, place) of nodes that no call came to, ``never`` the ways that calendars bar.

    ``merged`` of the ``ways`` led to a state that was known; ``taken_over`` of them were not carried out, because
    the same had happened in another call of the subflow. ``budget`` is the bound that was set.
    """

    flow: str
    states: int
    ways: int
    merged: int
    taken_over: int
    budget: str
    beginnings: int
    bound: str
    findings: tuple[Shown, ...]
    people: tuple[Case, ...]
    nodes: int
    unreached: tuple[tuple[str, str, Place], ...]
    never: tuple[Never, ...] = ()

    @property
    def failed(self) -> bool:
        return any(one.finding.severity is Severity.ERROR for one in self.findings)

    def as_dict(self) -> dict[str, Any]:
        return {
            "flow": self.flow,
            "states": self.states,
            "ways": self.ways,
            "merged": self.merged,
            "taken_over": self.taken_over,
            "budget": self.budget,
            "beginnings": self.beginnings,
            "complete": not self.bound,
            "bound": self.bound or None,
            "nodes": self.nodes,
            "unreached": [{"flow": flow, "node": node, **_at(place)} for flow, node, place in self.unreached],
            "never": [
                {"flow": one.flow, "node": one.node.name, "states": list(one.states), **_at(one.node.place)}
                for one in self.never
            ],
            "people": [
                {"caller": one.who, "keys": one.keys, "seconds": one.seconds, "test": one.script.text}
                for one in self.people
            ],
            "findings": [_finding(one) for one in self.findings],
        }


def _at(place: Place) -> dict[str, Any]:
    return {"file": place.file, "line": place.line, "col": place.col}


def _finding(one: Shown) -> dict[str, Any]:
    found = one.finding
    return {
        **_at(found.place),
        "code": found.code,
        "severity": found.severity.value,
        "cause": found.cause or None,
        "flow": found.flow,
        "node": found.node,
        "message": found.message,
        "test": one.script.text if one.script else None,
        "test_shows_it": bool(one.script and one.script.shows),
    }


def explored(plan: Plan, budget: Budget) -> Report:
    """Walk through ``plan`` and say what was found."""
    explorer = Explorer(plan, budget)
    walk = explorer.walk()
    found = findings(walk)
    shown = [
        Shown(one, _script_of(walk, explorer.outside, one) if number < MOST_SCRIPTS else None)
        for number, one in enumerate(found)
    ]
    nodes = [(flow.id, node.name, node.place) for flow in plan.flows.values() for node in flow.nodes.values()]
    return Report(
        plan.root,
        len(walk.first),
        len(walk.ways),
        len(walk.ways) - len(walk.first),
        walk.taken_over,
        str(budget),
        len(walk.beginnings),
        walk.reached,
        tuple(shown),
        tuple(_cases(walk, explorer.outside)),
        len(nodes),
        tuple(one for one in nodes if one[:2] not in walk.nodes),
        walk.never,
    )


# ---- scripts ---------------------------------------------------------------------------------------------------


def _script_of(walk: Walk, outside: Outside, found: Finding) -> Script:
    """An error is shown by expecting none, a call without end by expecting that the flow ends it."""
    name = f"explore: {found.code} at {found.node}"
    if found.code in ("endless", "stuck", "dead-end"):
        return write_script(walk, outside, found.ways, name, {"reason": "flow_end"}, _says("reason is "))
    wanted = "a fault of the platform" if found.code == "crash" else f"error is {found.cause}"
    return write_script(walk, outside, found.ways, name, {"error": "none"}, _says(wanted))


def _says(beginning: str) -> Callable[[TestResult], bool]:
    return lambda result: any(failure.message.startswith(beginning) for failure in result.failures)


def _cases(walk: Walk, outside: Outside) -> list[Case]:
    found = people(walk)
    if found is None:
        return []
    return [
        _case(walk, outside, "sparing keys", found.fewest_keys),
        _case(walk, outside, "sparing time", found.soonest),
        _case(walk, outside, "silent", found.silent),
    ]


def _case(walk: Walk, outside: Outside, who: str, case: ToPeople) -> Case:
    expect = {"at": _arrived(walk, case.ways)} if case.keys is not None else {"reason": "flow_end"}
    script = write_script(walk, outside, case.ways, f"explore: a caller {who}", expect, partial(_comes, case))
    return Case(who, case.keys, case.seconds, script)


def _arrived(walk: Walk, ways: Sequence[Way]) -> str:
    """The node with people, as the way's end shows it: the call may have gone on at once."""
    flow, node = walk.at[ways[-1].target]
    return f"{flow}.{node}" if flow != walk.plan.root else node


def _comes(case: ToPeople, result: TestResult) -> bool:
    return not result.failures if case.keys is not None else True
