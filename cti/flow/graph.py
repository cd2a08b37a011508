"""The graph of a flow: every way from node to node, with the exit it belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cti.flow.catalog import Catalog
from cti.flow.expressions import Scope
from cti.flow.model import Flow, Node, NodeRef
from cti.flow.registry import REGISTRY, Edge


@dataclass(frozen=True)
class Graph:
    """``edges`` by node; only to nodes that exist."""

    edges: dict[str, tuple[Edge, ...]]

    def reachable(self, starts: Iterable[str]) -> set[str]:
        found = {name for name in starts if name in self.edges}
        todo = list(found)
        while todo:
            for edge in self.edges[todo.pop()]:
                if edge.target.name not in found:
                    found.add(edge.target.name)
                    todo.append(edge.target.name)
        return found

    def reaching(self, goals: Iterable[str]) -> set[str]:
        """Nodes from which some way leads to one of ``goals``."""
        back: dict[str, list[str]] = {name: [] for name in self.edges}
        for name, edges in self.edges.items():
            for edge in edges:
                back[edge.target.name].append(name)
        found = set(goals)
        todo = list(found)
        while todo:
            for name in back[todo.pop()]:
                if name not in found:
                    found.add(name)
                    todo.append(name)
        return found


def build_graph(flow: Flow, catalog: Catalog) -> Graph:
    scope = Scope(flow.scope())
    return Graph({node.name: tuple(_edges(flow, node, catalog, scope)) for node in flow.nodes.values()})


def _edges(flow: Flow, node: Node, catalog: Catalog, scope: Scope) -> list[Edge]:
    kind = REGISTRY.get(node.type)
    if kind is None:
        return []
    found = list(kind.ways(node))
    exits = dict.fromkeys((*kind.exits_of(node, catalog), *(name for name in node.exits if name != "else")))
    if "else" in node.exits and not kind.exits_known(node, catalog):
        exits["else"] = None
    for exit in exits:
        target = node.exits.get(exit) or node.exits.get("else")
        if target is None and exit == "next" and node.below:
            target = NodeRef(node.below, node.place)
        if target is None and exit in flow.handlers:
            target = flow.handlers[exit]
        if target is not None:
            gives, takes = kind.effects(node, exit, flow, scope)
            found.append(Edge(exit, target, gives, takes))
    return [edge for edge in found if edge.target.name in flow.nodes]
