"""How many keys to a person: the best that the caller can do against the worst outcomes of everything else.

A game on the graph, solved backwards from the people as in `explore_people` (Knuth 1977), but without walking the
states: exits that the caller chooses count at their cheapest, all others at their dearest. Silence counts no key; its
seconds are kept beside the keys and decide between ways of equally many. A calendar's closed and holiday are exempt:
then nobody is there.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass

from cti.core.issue import Issue, Severity
from cti.flow.graph import Graph
from cti.flow.model import Flow, Node
from cti.flow.registry import REGISTRY, Edge, Taking

Cost = tuple[int, float]  # keys, seconds of silence


@dataclass(frozen=True, slots=True)
class Reach:
    """``cost`` of every node from which a person is certain for a caller who does the best; ``by``: the exits taken."""

    cost: Mapping[str, Cost]
    by: Mapping[str, Edge]

    def line(self, start: str) -> tuple[str, ...]:
        """Nodes from ``start`` to the person."""
        line = [start]
        while (edge := self.by.get(line[-1])) is not None and edge.target.name not in line:
            line.append(edge.target.name)
        return tuple(line)


def is_human(node: Node) -> bool:
    """Are there people behind it?"""
    kind = REGISTRY.get(node.type)
    dial = node.get("dial")
    return kind is not None and kind.human and not (dial and dial[0] == "flow")


def reach_people(
    flow: Flow,
    graph: Graph,
    known: Mapping[str, Cost | None] | None = None,
    through: Mapping[str, Cost] | None = None,
    goals: Mapping[str, Cost] | None = None,
) -> Reach:
    """``known``: nodes that call other flows or go over to them, with what a person costs in there (None: nobody);
    such a node is as good as a person at that cost. ``through``: what it costs to come back from a flow that is
    called. ``goals``: to be reached instead of people.
    """
    through = through or {}
    if goals is None:
        people: dict[str, Cost] = {node.name: (0, 0.0) for node in flow.nodes.values() if is_human(node)}
        goals = people | {name: cost for name, cost in (known or {}).items() if cost is not None}
    forced: dict[str, int] = {}  # how many forced exits are not settled yet
    dearest: dict[str, tuple[Cost, Edge]] = {}
    into: dict[str, list[tuple[str, Edge, Taking]]] = {name: [] for name in graph.edges}
    for name, edges in graph.edges.items():
        for edge, taking in _moves(flow, name, edges):
            into[edge.target.name].append((name, edge, taking))
            if not taking.chosen:
                forced[name] = forced.get(name, 0) + 1
    todo: list[tuple[Cost, str]] = [(cost, name) for name, cost in goals.items()]
    heapq.heapify(todo)
    best: dict[str, Cost] = dict(goals)
    cost: dict[str, Cost] = {}
    by: dict[str, Edge] = {}
    while todo:
        paid, name = heapq.heappop(todo)
        if name in cost:
            continue
        cost[name] = paid
        for source, edge, taking in into[name]:
            if source in goals:
                continue
            inside = through.get(source, (0, 0.0))
            total = (paid[0] + taking.keys + inside[0], paid[1] + taking.seconds + inside[1])
            if not taking.chosen:
                forced[source] -= 1
                if source not in dearest or total > dearest[source][0]:
                    dearest[source] = total, edge
                if forced[source]:
                    continue
                total, edge = dearest[source]
            if source not in best or total < best[source]:
                best[source], by[source] = total, edge
                heapq.heappush(todo, (total, source))
    return Reach(cost, by)


def _moves(flow: Flow, name: str, edges: tuple[Edge, ...]) -> list[tuple[Edge, Taking]]:
    node = flow.nodes[name]
    kind = REGISTRY[node.type]
    moves = [(edge, kind.taking(node, edge.exit, flow)) for edge in edges]
    return [(edge, taking) for edge, taking in moves if not taking.exempt] or moves


def check_people(
    flow: Flow,
    graph: Graph,
    issues: list[Issue],
    known: Mapping[str, Cost | None] | None = None,
    through: Mapping[str, Cost] | None = None,
) -> None:
    """Nothing is said of a flow without people that no limit asks for them: a survey needs nobody, and a fax machine
    wants to speak with nobody."""
    limit = flow.human_within_keys
    elsewhere = any(cost is not None for cost in (known or {}).values())
    people = elsewhere or any(is_human(node) for node in flow.nodes.values())
    if limit is None and (not people or set(flow.media) <= {"fax", "timer"}):
        return
    reach = reach_people(flow, graph, known, through)
    found = reach.cost.get(flow.start)
    if found is None:
        severity = Severity.ERROR if limit is not None else Severity.WARNING
        way = _prevented(flow, graph, reach) if people else ()
        message = (
            "a caller who does the best cannot be sure to come to a person"
            if people
            else f"a person must be within {limit} key(s), and no node of this flow leads to one"
        )
        issues.append(Issue(flow.place, "human-unreachable", message, severity, way))
    elif limit is not None and found[0] > limit:
        silence = f" (and {found[1]:g} s of silence)" if found[1] else ""
        message = f"a person takes {found[0]} keys at worst{silence}; human_within_keys is {limit}"
        issues.append(Issue(flow.place, "human-within-keys", message, path=reach.line(flow.start)))


def _prevented(flow: Flow, graph: Graph, reach: Reach) -> tuple[str, ...]:
    """A way on which the outside keeps the caller from people; it ends, or comes round."""
    line = [flow.start]
    while True:
        moves = _moves(flow, line[-1], graph.edges[line[-1]])
        lost = [edge.target.name for edge, taking in moves if edge.target.name not in reach.cost]
        following = next((name for name in lost if name not in line), None)
        if following is None:
            return tuple(line)
        line.append(following)
