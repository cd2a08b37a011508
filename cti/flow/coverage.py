"""Which nodes and exits no test has taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cti.core.issue import Place
from cti.flow.catalog import Catalog
from cti.flow.flowtests import TestResult
from cti.flow.graph import build_graph
from cti.flow.model import Flow, Node
from cti.flow.plan import Plan


@dataclass(frozen=True, slots=True)
class Untaken:
    """A node (``exit`` is '') or an exit that no test went through."""

    place: Place
    flow: str
    node: str
    exit: str

    def __str__(self) -> str:
        what = f"exit '{self.exit}' of '{self.node}'" if self.exit else f"node '{self.node}'"
        return f"{self.place} [not-covered] no test takes {what}"


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of one flow: ``taken`` of its ``count`` nodes and exits. ``missing`` names a node that was never entered once,
    not with each of its exits."""

    flow: str
    count: int
    taken: int
    missing: tuple[Untaken, ...]

    @property
    def percent(self) -> float:
        return 100.0 * self.taken / self.count if self.count else 100.0


def cover(plans: Mapping[str, Plan], results: Iterable[TestResult]) -> list[Coverage]:
    """Coverage of the root flow of each of ``plans``, by all ``results`` together, in the order of the file."""
    known = list(results)
    taken = frozenset().union(*(result.taken for result in known))
    visited = frozenset().union(*(result.visited for result in known))
    found = []
    for plan in plans.values():
        flow = plan.flows[plan.root]
        units = list(_units(plan, flow))
        open_units = [
            u for u in units if (flow.id, u.node, u.exit) not in taken and (u.exit or (flow.id, u.node) not in visited)
        ]
        named = [u for u in open_units if not u.exit or (flow.id, u.node) in visited]
        missing = tuple(sorted(named, key=lambda unit: unit.place))
        found.append(Coverage(flow.id, len(units), len(units) - len(open_units), missing))
    return found


def _units(plan: Plan, flow: Flow) -> Iterator[Untaken]:
    graph = build_graph(flow, Catalog(lookups=plan.lookups))
    for node in flow.nodes.values():
        yield Untaken(node.place, flow.id, node.name, "")
        places = {edge.exit: edge.target.place for edge in graph.edges[node.name]}
        if len(places) == 1 and node.type != "subflow":
            continue  # who takes the node takes its only way
        for exit, place in places.items():
            if exit == "else" and node.type == "subflow":
                yield from (Untaken(place, flow.id, node.name, name) for name in _outcomes(plan, node, places))
            else:
                yield Untaken(place, flow.id, node.name, exit)


def _outcomes(plan: Plan, node: Node, wired: Mapping[str, Place]) -> list[str]:
    """The outcomes that `else` of a subflow node stands for."""
    return [name for name in plan.flows[str(node.get("flow"))].outcomes() if name not in wired]
