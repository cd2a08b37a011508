"""Which variables can still matter at a node: two calls that differ in nothing else go the same ways from there.

A backward analysis over the graph. What is left out of a state merges it with others; a variable that may be read
later, by whatever way, is never left out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from cti.flow.catalog import Catalog
from cti.flow.expressions import Expression
from cti.flow.graph import build_graph
from cti.flow.model import Computed, Flow, Node, parts_of
from cti.flow.nodes.extra_kinds import NamedValue
from cti.flow.plan import Plan

Names = frozenset[str]
Live = Mapping[str, Mapping[str, Names]]  # by flow and node
NOW = "now"  # stands for the hour of the day
PRESENCE = "?"  # before a name: it matters only whether the variable is absent
UNREAD_ENTRY = "-value"  # at a `collect`: nobody reads what it saves, so it does not matter what was typed
_CLOCKS = ("now", "today")


def live_variables(plan: Plan) -> Live:
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
            found |= live[edge.target.name] - _written(node, edge.exit)
        if found != live[name]:
            live[name] = found
            todo += before[name]
        if name in handlers and not live[name] <= everywhere:
            everywhere |= live[name]  # an error, a hang-up or the limit leads there from anywhere
            todo = list(flow.nodes)
    for name, node in flow.nodes.items():
        if node.type == "collect" and node.get("save") is not None:
            after = [live[edge.target.name] for edge in edges[name] if edge.exit == "filled"]
            if not any(node.get("save").name in names for names in (*after, everywhere)):
                live[name] |= {UNREAD_ENTRY}
    return live


def _reads(flow: Flow, node: Node, timed: bool) -> Names:
    dial = node.get("dial")
    goes_over = bool(dial and dial[0] == "flow")
    now = frozenset({NOW}) if _asks_time(node) or (timed and (goes_over or node.type == "subflow")) else frozenset()
    if goes_over:
        return frozenset(flow.variables) | now  # they are handed over by name
    whole, presence = frozenset[str](), frozenset[str]()
    for value in _values(node):
        name = _handed_on(flow, node, value)
        if name:
            presence |= {name}
        else:
            whole = whole.union(*(expression.names for expression in parts_of(value, Expression)))
    variables = frozenset(flow.variables)
    return (whole & variables) | {PRESENCE + name for name in presence & variables} | now


def _values(node: Node) -> Iterator[Any]:
    for name, option in node.options.items():
        if name == "with" and isinstance(option, Mapping):
            yield from option.items()
        else:
            yield name, option


def _handed_on(flow: Flow, node: Node, item: tuple[str, Any]) -> str | None:
    """The variable that is handed to the outside as it is: what is answered does not depend on it here."""
    name, value = item
    if isinstance(value, NamedValue):
        value = value.value
    if not isinstance(value, Computed) or not (variable := value.expression.bare_name):
        return None
    declared = flow.variables.get(variable)
    match node.type:
        case "lookup" | "request":
            signature = flow.lookups.get(str(node.get("ask")))
            wanted = signature.inputs.get(name) if signature else None
            return variable if declared and wanted and wanted.kind == declared.type.kind else None
        case "message" | "callback":
            return variable if name in ("recipient", "number") and declared and declared.type.kind == "phone" else None
    return None


def _asks_time(node: Node) -> bool:
    if node.type in ("hours", "notice"):
        return True
    trees = (part for expression in parts_of(node.options, Expression) for part in ast.walk(expression.tree))
    return any(isinstance(part, ast.Name) and part.id in _CLOCKS for part in trees)


def _written(node: Node, exit: str) -> Names:
    names = _writes(node, exit)
    return names | {PRESENCE + name for name in names}


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
