"""Which optional variables are certainly given where a node is entered: a must-analysis over the graph.

Starts with everything assumed and takes away until nothing changes, so that loops keep what they never lose.
"""

from __future__ import annotations

from cti.flow.expressions import Scope
from cti.flow.graph import Graph
from cti.flow.model import Flow
from cti.flow.registry import REGISTRY, Names


def known_at(flow: Flow, graph: Graph) -> dict[str, Names]:
    optional = frozenset(name for name, variable in flow.variables.items() if variable.type.optional)
    initial = frozenset(name for name in optional if flow.variables[name].default is not None)
    known: dict[str, Names] = dict.fromkeys(flow.nodes, optional)
    todo: list[str] = []

    def meet(name: str, facts: Names) -> None:
        if name in known and not known[name] <= facts:
            known[name] &= facts
            todo.append(name)

    if flow.start in known:
        known[flow.start] = initial
    reached = graph.reachable([flow.start, *(ref.name for ref in flow.handlers.values())])
    todo += [name for name in flow.nodes if name in reached]
    handlers = [ref.name for ref in flow.handlers.values()]
    for handler in handlers:
        meet(handler, initial)
    while todo:
        name = todo.pop()
        for edge in graph.edges[name]:
            facts = known[name]
            node = flow.nodes[name]
            gives, takes = edge.gives, edge.takes
            if node.type in ("set", "lookup", "request", "notice", "subflow"):
                # What an assignment gives depends on what is known here (`set: {x: =y}`).
                gives, takes = REGISTRY[node.type].effects(node, edge.exit, flow, Scope(flow.scope(), facts))
            after = (facts | (gives & optional)) - takes
            meet(edge.target.name, after)
            for handler in handlers:
                meet(handler, facts & after)
    return known
