"""In which media a call can come to a node, and whether the node can do its work there."""

from __future__ import annotations

import ast

from cti.core.issue import Issue
from cti.flow.graph import Graph
from cti.flow.model import MEDIA, Flow, Node
from cti.flow.nodes.extra_kinds import Case
from cti.flow.registry import REGISTRY

Media = frozenset[str]


def check_media(flow: Flow, graph: Graph, issues: list[Issue]) -> None:
    for name, media in media_at(flow, graph).items():
        node = flow.nodes[name]
        kind = REGISTRY.get(node.type)
        wrong = [medium for medium in MEDIA if medium in media and kind and not kind.works_in(node, medium)]
        if wrong:
            listed = ", ".join(wrong)
            where = "a flow that a timer begins" if wrong == ["timer"] else f"a conversation by {listed}"
            why = kind.hindrance(node, wrong[0]) if kind else ""
            message = f"{node.type} does not work in {where}; {why or 'branch on `medium` before it'}"
            way = graph.way([flow.start], {name})
            issues.append(Issue(node.place, "medium-mismatch", message, path=tuple(way) if len(way) > 1 else ()))
        elif kind is not None:
            for option, message in kind.without_effect(node, media):
                issues.append(Issue(node.at(option), "medium-mismatch", message))


def media_at(flow: Flow, graph: Graph) -> dict[str, Media]:
    """By node, as far as it is reached: the media in which a call can be there."""
    everything: Media = frozenset(flow.media)
    found: dict[str, Media] = {}
    todo: list[str] = []

    def meet(name: str, media: Media) -> None:
        present = found.get(name, frozenset())
        if media - present and name in flow.nodes:
            found[name] = present | media
            todo.append(name)

    meet(flow.start, everything)
    for ref in flow.handlers.values():
        meet(ref.name, everything)
    while todo:
        name = todo.pop()
        narrowed = _narrowed(flow.nodes[name])
        for edge in graph.edges[name]:
            meet(edge.target.name, found[name] & narrowed.get(edge.exit, everything))
    return found


def _narrowed(node: Node) -> dict[str, Media]:
    """By exit of a branch: the media in which it can be taken."""
    left: Media = frozenset(MEDIA)
    found: dict[str, Media] = {}
    for number, case in enumerate(node.get("cases") or (), 1):
        if not isinstance(case, Case):
            continue
        found[f"case {number}"] = left & _media(case.when.tree, True)
        left &= _media(case.when.tree, False)
    if found:
        found["default"] = left
    return found


def _media(node: ast.expr, outcome: bool) -> Media:
    """The media in which a condition can come out so."""
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _media(operand, not outcome)
        case ast.BoolOp(op=operator, values=values):
            parts = [_media(value, outcome) for value in values]
            if isinstance(operator, ast.And) == outcome:
                return frozenset.intersection(*parts)
            return frozenset.union(*parts)
        case ast.Compare(left=ast.Name(id="medium"), ops=[operator], comparators=[right]):
            inside = isinstance(operator, ast.In | ast.NotIn)
            named = _texts(right) if inside == isinstance(right, ast.List | ast.Tuple) else None
            if named is not None and isinstance(operator, ast.Eq | ast.In | ast.NotEq | ast.NotIn):
                positive = isinstance(operator, ast.Eq | ast.In) == outcome
                return named if positive else frozenset(MEDIA) - named
    return frozenset(MEDIA)


def _texts(node: ast.expr) -> Media | None:
    match node:
        case ast.Constant(value=str(text)):
            return frozenset({text})
        case ast.List(elts=items) | ast.Tuple(elts=items):
            parts = [_texts(item) for item in items]
            return None if None in parts else frozenset().union(*(part for part in parts if part))
    return None
