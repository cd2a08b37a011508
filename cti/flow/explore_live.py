"""Which variables can still matter at a node: two calls that differ in nothing else go the same ways from there.

A backward analysis over the graph. What is left out of a state merges it with others; a variable that may be read
later, by whatever way, is never left out.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from cti.flow.catalog import Catalog
from cti.flow.expressions import Expression
from cti.flow.graph import build_graph
from cti.flow.model import Flow, Node, parts_of
from cti.flow.plan import Plan

Names = frozenset[str]
NOW = "now"  # stands for the hour of the day
_CLOCKS = ("now", "today")


def live_variables(plan: Plan) -> dict[str, dict[str, Names]]:
    """By flow and node: the variables that may be read in this node or after it."""
    catalog = Catalog(lookups=plan.lookups)
    timed = any(_asks_time(node) for flow in plan.flows.values() for node in flow.nodes.values())
    return {name: _of_flow(flow, catalog, timed) for name, flow in plan.flows.items()}


def _of_flow(flow: Flow, catalog: Catalog, timed: bool) -> dict[str, Names]:
    edges = build_graph(flow, catalog).edges
    reads = {node.name: _reads(flow, node, timed) for node in flow.nodes.values()}
    live: dict[str, Names] = dict(reads)
    before: dict[str, list[str]] = {name: [] for name in flow.nodes}
    for name, ways in edges.items():
        for edge in ways:
            before[edge.target.name].append(name)
    handlers = [ref.name for ref in flow.handlers.values() if ref.name in flow.nodes]
    everywhere: Names = frozenset()
    todo = list(flow.nodes)
    while todo:
        name = todo.pop()
        node = flow.nodes[name]
        found = reads[name] | everywhere
        for edge in edges[name]:
            found |= live[edge.target.name] - _writes(node, edge.exit)
        if found != live[name]:
            live[name] = found
            todo += before[name]
        if name in handlers and not live[name] <= everywhere:
            everywhere |= live[name]  # an error, a hang-up or the limit leads there from anywhere
            todo = list(flow.nodes)
    return live


def _reads(flow: Flow, node: Node, timed: bool) -> Names:
    dial = node.get("dial")
    goes_over = bool(dial and dial[0] == "flow")
    now = frozenset({NOW}) if _asks_time(node) or (timed and (goes_over or node.type == "subflow")) else frozenset()
    if goes_over:
        return frozenset(flow.variables) | now  # they are handed over by name
    names: Names = frozenset().union(*(expression.names for expression in parts_of(node.options, Expression)))
    return (names & frozenset(flow.variables)) | now


def _asks_time(node: Node) -> bool:
    if node.type in ("hours", "notice"):
        return True
    trees = (part for expression in parts_of(node.options, Expression) for part in ast.walk(expression.tree))
    return any(isinstance(part, ast.Name) and part.id in _CLOCKS for part in trees)


def _writes(node: Node, exit: str) -> Names:
    """What certainly has a new value after leaving by ``exit``."""
    saves = node.get("save")
    match node.type:
        case "set":
            return frozenset(node.get("set") or ())
        case "lookup" | "request":
            return frozenset(saves or ()) if exit in ("ok", "done") and isinstance(saves, Mapping) else frozenset()
        case "subflow":
            return frozenset(saves or ())
        case "collect":
            return frozenset({saves.name}) if saves is not None and exit == "filled" else frozenset()
    return frozenset()
