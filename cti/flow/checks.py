"""Checks of one flow: names, exits, reachability, and the expressions of every node with what is known there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from cti.core.issue import Issue, Severity
from cti.flow.catalog import TECHNICAL_OUTCOMES, Catalog
from cti.flow.check_tests import check_tests
from cti.flow.expressions import Expression, Scope
from cti.flow.graph import Graph, build_graph
from cti.flow.knowledge import known_at
from cti.flow.model import Flow, Node, NodeRef, parts_of
from cti.flow.proof_calls import bound_unless_called, calls_others
from cti.flow.proof_circles import check_circles
from cti.flow.proof_leaks import check_leaks
from cti.flow.proof_media import check_media
from cti.flow.proof_people import check_people
from cti.flow.registry import COMMON, REGISTRY, CheckContext
from cti.flow.suggest import did_you_mean

CALLER = "caller"  # the input that the entry table fills with the caller's number


def check_flow(flow: Flow, catalog: Catalog, issues: list[Issue]) -> None:
    """Append every finding to ``issues``."""
    whole = all(node.type for node in flow.nodes.values())
    _check_refs(flow, issues)
    for node in flow.nodes.values():
        if node.type:
            _check_exits(flow, node, catalog, issues)
    graph = build_graph(flow, catalog)
    if whole and flow.start in flow.nodes:
        _check_reach(flow, graph, issues)
    known = known_at(flow, graph)
    for node in flow.nodes.values():
        if node.type:
            scope = Scope(flow.scope(), known.get(node.name, frozenset()))
            _check_node(flow, node, catalog, scope, graph, issues)
    if whole and flow.start in flow.nodes:
        _prove(flow, graph, issues)
    if whole:
        _check_unused(flow, issues)
    check_tests(flow, issues)


def _prove(flow: Flow, graph: Graph, issues: list[Issue]) -> None:
    """What holds on every way. What depends on other flows is proved with them (`proof_calls`)."""
    found: list[Issue] = []
    reached = graph.reachable([flow.start, *(ref.name for ref in flow.handlers.values())])
    check_circles(flow, graph.within(reached), bound_unless_called(flow), found)
    endless = {issue.place for issue in issues if issue.code == "no-end"}
    issues += [issue for issue in found if flow.nodes[issue.path[0]].place not in endless]
    check_leaks(flow, graph, issues)
    check_media(flow, graph, issues)
    if not calls_others(flow):
        check_people(flow, graph, issues)


def refs_of(flow: Flow) -> Iterator[NodeRef]:
    """Every node that is named anywhere."""
    yield NodeRef(flow.start, flow.place)
    yield from flow.handlers.values()
    for node in flow.nodes.values():
        yield from node.exits.values()
        kind = REGISTRY.get(node.type)
        for name, option in (kind.options if kind else {}).items():
            if node.get(name) is not None:
                yield from option.kind.refs(node.get(name))


def _check_refs(flow: Flow, issues: list[Issue]) -> None:
    for ref in refs_of(flow):
        if ref.name not in flow.nodes:
            message = f"there is no node '{ref.name[:40]}'{did_you_mean(ref.name, flow.nodes)}"
            issues.append(Issue(ref.place, "unknown-node", message))


def _check_exits(flow: Flow, node: Node, catalog: Catalog, issues: list[Issue]) -> None:
    kind = REGISTRY[node.type]
    exits = kind.exits_of(node, catalog)
    if kind.single:
        if "next" not in node.exits and node.below is None:
            message = f"'{node.name}' is the last node and has no 'next'"
            issues.append(Issue(node.place, "missing-exit", message))
        return
    if kind.exits_known(node, catalog):
        for name, ref in node.exits.items():
            if name not in (*exits, "else"):
                hint = did_you_mean(name, exits) or (f"; it has {', '.join(exits)}" if exits else "")
                issues.append(Issue(ref.place, "unknown-exit", f"{node.type} has no exit '{name[:40]}'{hint}"))
    if "else" in node.exits:
        return
    open_exits = [name for name in exits if name not in node.exits and name not in flow.handlers]
    if node.below and "next" in open_exits:
        open_exits.remove("next")
    failures = [name for name in open_exits if node.type == "lookup" and name in (*TECHNICAL_OUTCOMES, "not_found")]
    others = [name for name in open_exits if name not in failures]
    if failures:
        message = f"'{node.name}' says nothing about {', '.join(failures)}; wire them, or else: …"
        issues.append(Issue(node.place, "lookup-without-failure-path", message))
    if others:
        message = f"'{node.name}' leaves {', '.join(others)} open; wire them under to:, or else: …"
        issues.append(Issue(node.place, "missing-exit", message))


def _check_reach(flow: Flow, graph: Graph, issues: list[Issue]) -> None:
    reached = graph.reachable([flow.start, *(ref.name for ref in flow.handlers.values())])
    for node in flow.nodes.values():
        if node.name not in reached:
            issues.append(Issue(node.place, "unreachable-node", f"no way leads to '{node.name}'"))
    ending = graph.reaching([node.name for node in flow.nodes.values() if _ends(node)])
    for node in flow.nodes.values():
        if node.name in reached and node.name not in ending:
            message = f"from '{node.name}' no way leads to an end"
            issues.append(Issue(node.place, "no-end", message))


def _ends(node: Node) -> bool:
    dial = node.get("dial")
    return node.type == "end" or bool(node.type == "transfer" and dial and dial[0] == "flow")


def _check_node(flow: Flow, node: Node, catalog: Catalog, scope: Scope, graph: Graph, issues: list[Issue]) -> None:
    kind = REGISTRY[node.type]
    before = len(issues)
    for name, option in {**kind.options, **COMMON}.items():
        value = node.get(name)
        if value is not None and name in node.option_places:
            option.kind.check(value, scope.adding(option.extra), issues)
    kind.check(node, CheckContext(flow, catalog, scope, issues))
    issues[before:] = [_with_way(flow, node, graph, issue) for issue in issues[before:]]


def _with_way(flow: Flow, node: Node, graph: Graph, issue: Issue) -> Issue:
    """A value that may be absent: the way on which it is. The caller's number has a code of its own."""
    absent = re.match(r"'(\w+)' may be absent", issue.message) if issue.code == "absent-value" else None
    if absent is None:
        return issue
    name = absent.group(1)
    starts = [flow.start, *(ref.name for ref in flow.handlers.values())]
    taken = [edge.target.name for edges in graph.edges.values() for edge in edges if name in edge.takes]
    way = graph.only(lambda _, edge: name not in edge.gives).way([*starts, *taken], {node.name})
    code = "unguarded-caller" if name == CALLER else issue.code
    return replace(issue, code=code, path=tuple(way) if len(way) > 1 else ())


def _check_unused(flow: Flow, issues: list[Issue]) -> None:
    read: set[str] = set()
    for node in flow.nodes.values():
        for expression in parts_of(node.options, Expression):
            read |= expression.names
    for issue in issues:  # it was meant to be read there
        if issue.code in ("literal-variable", "type-mismatch"):
            read |= set(re.findall(r"[={]([^\W\d]\w*)", issue.message))
    for name, variable in flow.variables.items():
        if name not in read:
            what = "input" if variable.is_input else "variable"
            message = f"{what} '{name}' is never read"
            issues.append(Issue(variable.place, "unused-variable", message, Severity.WARNING))
