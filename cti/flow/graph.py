"""The graph of a flow: every way from node to node, with the exit it belongs to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable
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

    def only(self, wanted: Callable[[str, Edge], bool]) -> Graph:
        """The same nodes with those edges (source, edge) that are ``wanted``."""
        return Graph({name: tuple(edge for edge in edges if wanted(name, edge)) for name, edges in self.edges.items()})

    def within(self, names: Collection[str]) -> Graph:
        """The part of it that has those nodes, in the order of the whole."""
        wanted = frozenset(names)
        kept = {name: edges for name, edges in self.edges.items() if name in wanted}
        return Graph({name: tuple(e for e in edges if e.target.name in wanted) for name, edges in kept.items()})

    def way(self, starts: Iterable[str], goals: Collection[str]) -> list[str]:
        """Nodes of a shortest way from one of ``starts`` to one of ``goals``; empty when there is none."""
        before: dict[str, str | None] = {name: None for name in starts if name in self.edges}
        todo = deque(before)
        while todo:
            name = todo.popleft()
            if name in goals:
                line: list[str] = []
                at: str | None = name
                while at is not None:
                    line.append(at)
                    at = before[at]
                return line[::-1]
            for edge in self.edges[name]:
                if edge.target.name not in before:
                    before[edge.target.name] = name
                    todo.append(edge.target.name)
        return []

    def circles(self) -> list[list[str]]:
        """Strongly connected parts that hold a circle, each in the order of the nodes (Tarjan, without recursion)."""
        index: dict[str, int] = {}
        low: dict[str, int] = {}
        stack: list[str] = []
        on_stack: set[str] = set()
        found: list[list[str]] = []
        for root in self.edges:
            if root in index:
                continue
            work = [(root, 0)]
            while work:
                name, at = work.pop()
                if at == 0:
                    index[name] = low[name] = len(index)
                    stack.append(name)
                    on_stack.add(name)
                edges = self.edges[name]
                while at < len(edges):
                    target = edges[at].target.name
                    at += 1
                    if target not in index:
                        work += [(name, at), (target, 0)]
                        break
                    if target in on_stack:
                        low[name] = min(low[name], index[target])
                else:
                    if low[name] == index[name]:
                        part = stack[stack.index(name) :]
                        del stack[-len(part) :]
                        on_stack.difference_update(part)
                        if len(part) > 1 or any(edge.target.name == name for edge in edges):
                            found.append(sorted(part, key=index.__getitem__))
                    if work:
                        low[work[-1][0]] = min(low[work[-1][0]], low[name])
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
        by_handler = False
        if target is None and exit == "next" and node.below:
            target = NodeRef(node.below, node.place)
        if target is None and exit in flow.handlers:
            target, by_handler = flow.handlers[exit], True
        if target is not None:
            gives, takes = kind.effects(node, exit, flow, scope)
            found.append(Edge(exit, target, gives, takes, by_handler))
    return [edge for edge in found if edge.target.name in flow.nodes]
