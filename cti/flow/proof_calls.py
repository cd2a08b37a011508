"""Proofs that need the flows which a flow calls (`subflow`) or goes over to (`transfer` to a flow).

Each called flow is summed up: the outcomes to which it comes by itself, the flows to which it goes over by itself, the
keys to a person and to an end in it, and how sensitive is what it returns. Flows do not call themselves (that is a
finding of its own), so summing up ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cti.core.issue import Issue
from cti.flow.catalog import Catalog
from cti.flow.graph import build_graph
from cti.flow.model import Flow, Node
from cti.flow.nodes.extra_kinds import NamedValue
from cti.flow.proof_circles import Bound, bound_by_itself, check_circles
from cti.flow.proof_leaks import check_leaks
from cti.flow.proof_people import Cost, check_people, reach_people
from cti.flow.registry import Edge
from cti.flow.taint import CLEAN, Around, Mark, mark_of, marks_at, returns_of, worst


def called_flow(node: Node) -> str | None:
    """The flow that comes back to this node."""
    return str(node.get("flow")) if node.type == "subflow" else None


def next_flow(node: Node) -> str | None:
    """The flow that replaces this one."""
    dial = node.get("dial") if node.type == "transfer" else None
    return str(getattr(dial[1], "value", "")) if dial and dial[0] == "flow" else None


def calls_others(flow: Flow) -> bool:
    return any(called_flow(node) or next_flow(node) for node in flow.nodes.values())


def bound_unless_called(flow: Flow) -> Bound:
    """Of a flow alone: what it calls is taken for bound, and proved with the flows that it calls."""
    own = bound_by_itself(flow)
    return lambda name, edge: called_flow(flow.nodes[name]) is not None or own(name, edge)


@dataclass
class Sum:
    """``free``: outcomes, and ``onward``: flows and the nodes that go over to them, that come about with no key, wait
    or counter. ``person``, ``end``: keys and silence there at worst; None where it is not certain."""

    free: set[str] = field(default_factory=set)
    onward: dict[str, str] = field(default_factory=dict)
    person: Cost | None = None
    end: Cost | None = None


class Calls:
    def __init__(self, flows: Mapping[str, Flow]) -> None:
        self.flows = flows
        self.graphs = {name: build_graph(flow, Catalog(lookups=flow.lookups)) for name, flow in flows.items()}
        self._sums: dict[str, Sum] = {}
        self._open: set[str] = set()

    def check(self, root: str) -> list[Issue]:
        issues: list[Issue] = []
        for name, flow in self.flows.items():
            if calls_others(flow):
                found: list[Issue] = []
                check_circles(flow, self.graphs[name], self.bound(flow), found)
                calling = {node.name for node in flow.nodes.values() if called_flow(node)}
                issues += [issue for issue in found if calling & set(issue.path)]
        issues += self._rounds()
        if calls_others(self.flows[root]):
            flow = self.flows[root]
            check_people(flow, self.graphs[root], issues, self.known(flow), self.through(flow))
        self._check_leaks(root, issues)
        return issues

    # ---- summing up ------------------------------------------------------------------------------------------

    def sum(self, name: str | None) -> Sum:
        """Of a flow that is not there, or calls itself: that everything is possible by itself is not assumed."""
        if name is None or name not in self.flows or name in self._open:
            return Sum()
        if name not in self._sums:
            self._open.add(name)
            self._sums[name] = self._make(self.flows[name])
            self._open.discard(name)
        return self._sums[name]

    def _make(self, flow: Flow) -> Sum:
        graph, bound = self.graphs[flow.id], self.bound(flow)
        free = graph.only(lambda name, edge: not bound(name, edge)).reachable([flow.start])
        found = Sum()
        for name in free:
            node = flow.nodes[name]
            if node.type == "end":
                found.free.add(node.get("outcome") or "done")
            if (onward := next_flow(node)) is not None:
                found.onward.setdefault(onward, name)
            for after in self.sum(called_flow(node)).onward:
                found.onward.setdefault(after, name)
        known, through = self.known(flow), self.through(flow)
        found.person = reach_people(flow, graph, known, through).cost.get(flow.start)
        ends = {node.name: (0, 0.0) for node in flow.nodes.values() if node.type == "end"}
        found.end = reach_people(flow, graph, known, through, ends).cost.get(flow.start)
        return found

    def bound(self, flow: Flow) -> Bound:
        own = bound_by_itself(flow)

        def bound(name: str, edge: Edge) -> bool:
            node = flow.nodes[name]
            called = called_flow(node)
            if called is None:
                return own(name, edge)
            free = self.sum(called).free
            return not (free - set(node.exits) if edge.exit == "else" else edge.exit in free)

        return bound

    def known(self, flow: Flow) -> dict[str, Cost | None]:
        """Nodes that reach a person in another flow, with what that costs there."""
        found: dict[str, Cost | None] = {}
        for node in flow.nodes.values():
            called, onward = called_flow(node), next_flow(node)
            if onward is not None:
                found[node.name] = self.sum(onward).person
            elif called is not None and (cost := self.sum(called).person) is not None:
                found[node.name] = cost
        return found

    def through(self, flow: Flow) -> dict[str, Cost]:
        """What it takes to come back from the flows that are called."""
        sums = {node.name: self.sum(called_flow(node)).end for node in flow.nodes.values() if called_flow(node)}
        return {name: cost for name, cost in sums.items() if cost is not None}

    # ---- from flow to flow -----------------------------------------------------------------------------------

    def _rounds(self) -> list[Issue]:
        """Circles of flows that go over to each other."""
        issues: list[Issue] = []
        done: set[str] = set()
        for name in self.flows:
            line = [name]
            before: dict[str, str] = {}
            for at in line:
                for onward in self.sum(at).onward:
                    if onward in self.flows and onward not in before:
                        before[onward] = at
                        line.append(onward)
            if name not in before or name in done:
                continue
            way = [name]
            while len(way) == 1 or way[-1] != name:
                way.append(before[way[-1]])
            done |= set(way)
            node = self.flows[name].nodes[self.sum(name).onward[way[-2]]]
            message = "flows go over to each other for ever, with no key, real wait or counter on the way"
            issues.append(Issue(node.place, "unbounded-loop", message, path=tuple(reversed(way))))
        return issues

    def _check_leaks(self, root: str, issues: list[Issue]) -> None:
        """What a flow is handed by another is as sensitive as it was there."""
        inputs: dict[str, dict[str, Mark]] = {name: {} for name in self.flows}
        returned: dict[str, dict[tuple[str, str], Mark]] = {name: {} for name in self.flows}
        todo = list(self.flows)
        while todo:
            name = todo.pop(0)
            flow = self.flows[name]
            marks = marks_at(flow, self.graphs[name], Around(inputs[name], returned[name]))
            for node in flow.nodes.values():
                target = called_flow(node) or next_flow(node)
                if target is None or target not in self.flows or node.name not in marks:
                    continue
                state = marks[node.name]
                given = node.get("with") if called_flow(node) else None
                handed = {key: mark_of(named.value, state) for key, named in (given or {}).items() if _named(named)}
                for key, mark in (handed if called_flow(node) else state).items():
                    variable = self.flows[target].variables.get(key)
                    present = inputs[target].get(key, CLEAN)
                    if variable is not None and variable.is_input and mark.level > present.level:
                        inputs[target][key] = mark
                        todo.append(target)
            for key, mark in returns_of(flow, marks).items():
                for other in self.flows.values():
                    for node in other.nodes.values():
                        at = (node.name, key)
                        present = returned[other.id].get(at, CLEAN)
                        if called_flow(node) == name and mark.level > present.level:
                            returned[other.id][at] = worst([mark, present])
                            todo.append(other.id)
        for name, flow in self.flows.items():
            if inputs[name] or returned[name]:
                alone: list[Issue] = []
                found: list[Issue] = []
                check_leaks(flow, self.graphs[name], alone)
                check_leaks(flow, self.graphs[name], found, Around(inputs[name], returned[name]))
                known = {(issue.place, issue.code) for issue in alone}
                issues += [issue for issue in found if (issue.place, issue.code) not in known]


def _named(value: object) -> bool:
    return isinstance(value, NamedValue)
