"""Which variables can still matter at a node: two calls that differ in nothing else go the same ways from there.

A backward analysis over the graph. What is left out of a state merges it with others; a variable that may be read
later, by whatever way, is never left out.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from cti.flow.catalog import Catalog
from cti.flow.explore_uses import Names, bare, copied_to, handed_on, read_in, unheard, values_of
from cti.flow.expressions import Expression
from cti.flow.graph import build_graph
from cti.flow.model import Flow, Node, parts_of
from cti.flow.plan import Plan

Live = Mapping[str, Mapping[str, Names]]  # by flow and node
NOW = "now"  # stands for the hour of the day
PRESENCE = "?"  # before a name: it matters only whether the variable is absent
UNREAD_ENTRY = "-value"  # at a `collect`: nobody reads what it saves, so it does not matter what was typed
_CLOCKS = ("now", "today")


def live_variables(plan: Plan) -> Live:
    """By flow and node: the variables that may be read in this node or after it."""
    timed = any(_asks_time(node) for flow in plan.flows.values() for node in flow.nodes.values())
    return _Analysis(plan, timed).whole()


class _Analysis:
    """Subflows come before the flows that call them: an input that a subflow does not read is not read by the call."""

    def __init__(self, plan: Plan, timed: bool) -> None:
        self.plan, self.timed = plan, timed
        self.catalog = Catalog(lookups=plan.lookups)
        self.live: dict[str, Mapping[str, Names]] = {}

    def whole(self) -> Live:
        for name in self.plan.flows:
            self._need(name, frozenset())
        return self.live

    def _need(self, name: str, above: Names) -> None:
        if name in self.live:
            return
        flow = self.plan.flows[name]
        for node in flow.nodes.values():
            called = node.get("flow")
            if node.type == "subflow" and called in self.plan.flows and called not in above | {name}:
                self._need(str(called), above | {name})
        if name not in self.live:
            self.live[name] = self._of_flow(flow)

    def _of_flow(self, flow: Flow) -> dict[str, Names]:
        edges = build_graph(flow, self.catalog).edges
        reads = {node.name: self._reads(flow, node) for node in flow.nodes.values()}
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
                after = live[edge.target.name]
                found |= (after - _written(node, edge.exit)) | self._copied(flow, node, after)
            if found != live[name]:
                live[name] = found
                todo += before[name]
            if name in handlers and not live[name] <= everywhere:
                everywhere |= live[name]  # an error, a hang-up or the limit leads there from anywhere
                todo = list(flow.nodes)
        for name, node in flow.nodes.items():
            if node.type == "collect" and node.get("save") is not None:
                after_it = [live[edge.target.name] for edge in edges[name] if edge.exit == "filled"]
                if not any(node.get("save").name in names for names in (*after_it, everywhere)):
                    live[name] |= {UNREAD_ENTRY}
        return live

    def _copied(self, flow: Flow, node: Node, after: Names) -> Names:
        """`set: {number: =mobile}` reads of `mobile` what is read of `number` afterwards."""
        found: Names = frozenset()
        if node.type == "set":
            for name, value in values_of(node):
                if copied_to(self.plan, flow, node, name, value):
                    found |= {mark + str(bare(value)) for mark in ("", PRESENCE) if mark + name in after}
        return found

    def _reads(self, flow: Flow, node: Node) -> Names:
        dial = node.get("dial")
        goes_over = bool(dial and dial[0] == "flow")
        timed = _asks_time(node) or (self.timed and (goes_over or node.type == "subflow"))
        now = frozenset({NOW}) if timed else frozenset()
        if goes_over:
            return frozenset(flow.variables) | now  # they are handed over by name
        whole, presence = frozenset[str](), frozenset[str]()
        for name, value in values_of(node):
            more, less = self._read_in(flow, node, name, value)
            whole, presence = whole | more, presence | less
        variables = frozenset(flow.variables)
        return (whole & variables) | {PRESENCE + name for name in presence & variables} | now

    def _read_in(self, flow: Flow, node: Node, name: str, value: Any) -> tuple[Names, Names]:
        """Of one value: variables of which the content is read, and those of which only that they are there."""
        handed = handed_on(flow, node, name, value)
        if handed:
            return frozenset(), frozenset({handed})
        target = copied_to(self.plan, flow, node, name, value)
        if target is not None:
            variable = frozenset({str(bare(value))})
            if node.type == "set":
                return frozenset(), variable
            called = self.live.get(target[0])
            if called is not None and target[1] not in called[self.plan.flows[target[0]].start]:
                return frozenset(), variable
            return variable, frozenset()
        others = unheard(node, name, value)
        if others is not None:
            return frozenset(), others
        whole, presence = frozenset[str](), frozenset[str]()
        for expression in parts_of(value, Expression):
            more, less = read_in(expression)
            whole, presence = whole | more, presence | less
        return whole, presence


def _asks_time(node: Node) -> bool:
    if node.type == "hours":
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
