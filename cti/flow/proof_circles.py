"""Proof that a call cannot go round for ever by itself.

A way is *bound* when it takes an actual key, a real wait or a counter (`registry.Taking.bounds`), or is a handler's,
which runs once. Every circle must have one. Counters that authors keep themselves are recognised: a variable that is
only ever raised in a circle (``set: {n: =n + 1}``), and a case that lets the circle go on only below a limit
(``n < 3``). An endless walk stays, from some moment on, in one strongly connected part; in it a bound way is taken
finitely often, so it then stays in a part of what is left without those. When nothing is left, there is none.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from cti.core.issue import Issue
from cti.flow.expressions import Expression
from cti.flow.graph import Graph
from cti.flow.model import Computed, Flow, Node
from cti.flow.nodes.extra_kinds import Case, NamedValue, SetMap
from cti.flow.nodes.extra_kinds import Variable as VariableKind
from cti.flow.registry import REGISTRY, Edge

Bound = Callable[[str, Edge], bool]


@dataclass(frozen=True, slots=True)
class Limit:
    """``name`` is below (``up``) or above a number."""

    name: str
    up: bool


def bound_by_itself(flow: Flow) -> Bound:
    def bound(name: str, edge: Edge) -> bool:
        node = flow.nodes[name]
        return edge.by_handler or REGISTRY[node.type].taking(node, edge.exit, flow).bounds

    return bound


def check_circles(flow: Flow, graph: Graph, bound: Bound, issues: list[Issue]) -> None:
    for circle in unbound_circles(flow, graph, bound):
        node = flow.nodes[circle[0]]
        message = (
            f"a call can go round here for ever: no exit on the way takes a key, a real wait or a counter "
            f"(silence is no input); use a `repeat` node, or lead the way out of '{circle[-1]}' to an end"
        )
        issues.append(Issue(node.place, "unbounded-loop", message, path=(*circle, circle[0])))


def unbound_circles(flow: Flow, graph: Graph, bound: Bound) -> list[list[str]]:
    """One shortest circle for each part of the flow in which a call can stay for ever."""
    free = graph.only(lambda name, edge: not bound(name, edge))
    todo = [free.within(part) for part in free.circles()]
    found: list[list[str]] = []
    while todo:
        part = todo.pop(0)
        counted = _counted(flow, part)
        if not counted:
            found.append(_circle(part))
            continue
        rest = part.only(lambda name, edge, counted=counted: (name, edge.exit) not in counted)  # type: ignore[misc]
        todo += [rest.within(smaller) for smaller in rest.circles()]
    return found


def _circle(part: Graph) -> list[str]:
    first = next(iter(part.edges))
    goals = {name for name, edges in part.edges.items() if any(edge.target.name == first for edge in edges)}
    return part.way([first], goals)


# ---- counters that authors keep ------------------------------------------------------------------------------


def _counted(flow: Flow, part: Graph) -> set[tuple[str, str]]:
    """(node, exit) of the cases in ``part`` that can be taken only so often: every circle through them counts."""
    found: set[tuple[str, str]] = set()
    steps: dict[str, dict[str, Decimal | None]] = {}
    for name in part.edges:
        for variable, by in _changes(flow.nodes[name]).items():
            steps.setdefault(variable, {})[name] = by
    for name in part.edges:
        for exit, limits in _limits(flow.nodes[name]).items():
            for limit in limits:
                changes = steps.get(limit.name, {})
                counts = {at for at, by in changes.items() if by is not None and by != 0 and (by > 0) == limit.up}
                if len(counts) != len(changes) or not counts:
                    continue
                passed = part.within([at for at in part.edges if at not in counts])
                targets = [edge.target.name for edge in part.edges[name] if edge.exit == exit]
                if targets and name not in passed.reachable(targets):
                    found.add((name, exit))
    return found


def _changes(node: Node) -> dict[str, Decimal | None]:
    """Variables that the node writes to, and by how much it raises them; None: in another way."""
    found: dict[str, Decimal | None] = {}
    for name, option in REGISTRY[node.type].options.items():
        value = node.get(name)
        if isinstance(option.kind, VariableKind) and value is not None:
            found[value.name] = None
        elif isinstance(value, Mapping):
            for key, named in value.items():
                if isinstance(named, NamedValue) and name in ("set", "save"):
                    single = isinstance(option.kind, SetMap) and key not in found
                    found[key] = _raise(key, named) if single else None
    return found


def _raise(name: str, named: NamedValue) -> Decimal | None:
    """By how much ``name + 1`` or ``name - 1`` changes the variable."""
    if not isinstance(named.value, Computed):
        return None
    match named.value.expression.tree:
        case ast.BinOp(left=ast.Name(id=left), op=ast.Add(), right=ast.Constant(value=step)) if left == name:
            return _number(step)
        case ast.BinOp(left=ast.Constant(value=step), op=ast.Add(), right=ast.Name(id=right)) if right == name:
            return _number(step)
        case ast.BinOp(left=ast.Name(id=left), op=ast.Sub(), right=ast.Constant(value=step)) if left == name:
            number = _number(step)
            return -number if number is not None else None
    return None


def _number(value: object) -> Decimal | None:
    return Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def _limits(node: Node) -> dict[str, list[Limit]]:
    """By exit of a branch: what must hold of numbers when it is taken."""
    cases = [case for case in node.get("cases") or () if isinstance(case, Case)]
    if not cases:
        return {}
    found: dict[str, list[Limit]] = {}
    untrue: list[Limit] = []
    for number, case in enumerate(cases, 1):
        found[f"case {number}"] = [*untrue, *_limits_of(case.when, True)]
        untrue += _limits_of(case.when, False)
    found["default"] = untrue
    return found


def _limits_of(expression: Expression, outcome: bool) -> list[Limit]:
    return list(_read_limits(expression.tree, outcome))


def _read_limits(node: ast.expr, outcome: bool) -> Iterator[Limit]:
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from _read_limits(operand, not outcome)
        case ast.BoolOp(op=operator, values=values) if isinstance(operator, ast.And) == outcome:
            for value in values:
                yield from _read_limits(value, outcome)
        case ast.Compare(left=ast.Name(id=name), ops=[operator], comparators=[ast.Constant(value=limit)]):
            if _number(limit) is not None and isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE):
                yield Limit(name, isinstance(operator, ast.Lt | ast.LtE) == outcome)
        case ast.Compare(left=ast.Constant(value=limit), ops=[operator], comparators=[ast.Name(id=name)]):
            if _number(limit) is not None and isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE):
                yield Limit(name, isinstance(operator, ast.Gt | ast.GtE) == outcome)
