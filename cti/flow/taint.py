"""Where sensitive values flow, and where they must not.

Two classes. *Personal*: a number (``phone!``), and a sensitive field that a look-up returned: it may be delivered to
the subscriber. *Secret*: any other sensitive value that the caller typed or the flow was given (a PIN, a card number):
it may go to the back office, and nowhere else. Taint follows explicit data flow, as at run time
(`expressions.flowing`): what a branch decides is clean, and so is the result of functions that tell nothing.
A forward may-analysis over the graph; a variable has the worst class that it can have on some way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from cti.flow import types as t
from cti.flow.expressions import Expression
from cti.flow.graph import Graph
from cti.flow.model import Computed, Flow, Node, NodeRef, Value
from cti.flow.nodes.extra_kinds import NamedValue, SaveMap, SetMap
from cti.flow.nodes.extra_kinds import Variable as VariableKind
from cti.flow.nodes.key_kinds import KeyTarget
from cti.flow.registry import REGISTRY


class Class(IntEnum):
    """How sensitive; the larger one wins where two flow together."""

    CLEAN = 0
    PERSONAL = 1
    SECRET = 2


@dataclass(frozen=True, slots=True)
class Mark:
    """A class, and where the value comes from, in words."""

    level: Class = Class.CLEAN
    source: str = ""


CLEAN = Mark()
State = dict[str, Mark]


@dataclass(frozen=True)
class Around:
    """What flows into a flow from others: marks of its inputs, and of what its subflows return, by node and name."""

    inputs: Mapping[str, Mark] = field(default_factory=dict)
    returned: Mapping[tuple[str, str], Mark] = field(default_factory=dict)


ALONE = Around()


def worst(marks: Iterator[Mark] | list[Mark]) -> Mark:
    return max(marks, key=lambda mark: mark.level, default=CLEAN)


def mark_of(value: Value | Expression | None, state: Mapping[str, Mark]) -> Mark:
    """The mark of what flows into a value."""
    expression = value.expression if isinstance(value, Computed) else value
    if not isinstance(expression, Expression):
        return CLEAN
    return worst([state.get(name, CLEAN) for name in expression.flowing])


def declared(kind: t.Type, where: str, typed: bool) -> Mark:
    """Of a value of a declared type; ``typed``: by the caller, or given to the flow from outside."""
    if not kind.sensitive:
        return CLEAN
    return Mark(Class.SECRET if typed and kind.kind != "phone" else Class.PERSONAL, where)


def marks_at(flow: Flow, graph: Graph, around: Around = ALONE) -> dict[str, State]:
    """The marks of the variables where each node is entered."""
    initial: State = {}
    for name, variable in flow.variables.items():
        own = declared(variable.type, f"'{name}'", typed=variable.is_input)
        initial[name] = worst([own, around.inputs.get(name, CLEAN)])
    found: dict[str, State] = {}
    todo: list[str] = []

    def meet(name: str, state: State) -> None:
        present = found.get(name)
        if present is None:
            found[name] = dict(state)
            todo.append(name)
            return
        grown = False
        for variable, mark in state.items():
            if mark.level > present.get(variable, CLEAN).level:
                present[variable] = mark
                grown = True
        if grown:
            todo.append(name)

    handlers = [ref.name for ref in flow.handlers.values() if ref.name in flow.nodes]
    for start in (flow.start, *handlers):
        if start in flow.nodes:
            meet(start, initial)
    while todo:
        name = todo.pop()
        before = found[name]
        for edge in graph.edges[name]:
            after = _after(flow, flow.nodes[name], edge.exit, before, around)
            meet(edge.target.name, after)
            for handler in handlers:
                meet(handler, after)
    return found


def _after(flow: Flow, node: Node, exit: str, before: State, around: Around) -> State:
    """The marks when ``node`` is left by ``exit``."""
    state = dict(before)
    result = result_marks(flow, node, around)
    for name, value, saved in _writes(node):
        if name not in flow.variables:
            continue
        kind = flow.variables[name].type
        if value is None:
            state[name] = declared(kind, f"'{name}', which the caller types at '{node.name}'", typed=True)
            continue
        flows = mark_of(value, {**state, **result} if saved else state)
        own = declared(kind, f"'{name}'", typed=False)
        state[name] = flows if flows.level >= own.level else own
    return state


def _writes(node: Node) -> Iterator[tuple[str, Value | None, bool]]:
    """(variable, its new value, is `result` known in it); None: what the caller types."""
    options = REGISTRY[node.type].options
    for name, option in options.items():
        value = node.get(name)
        if isinstance(option.kind, SaveMap | SetMap) and isinstance(value, Mapping):
            for variable, named in value.items():
                if isinstance(named, NamedValue):
                    yield variable, named.value, isinstance(option.kind, SaveMap)
        elif isinstance(option.kind, VariableKind) and isinstance(value, NodeRef):
            targets = [target for target in (node.get("keys") or {}).values() if isinstance(target, KeyTarget)]
            written = [target.value for target in targets if target.value is not None]
            if not written:
                yield value.name, None, False
            for one in written:
                yield value.name, one, False


def result_marks(flow: Flow, node: Node, around: Around = ALONE) -> State:
    """``result`` and its fields carry the class that the source, or the flow that was called, gives them."""
    found: State = {}
    signature = flow.lookups.get(str(node.get("ask")))
    for name, kind in (signature.outputs if signature else {}).items():
        if kind.sensitive:
            found[f"result.{name}"] = Mark(Class.PERSONAL, f"the field '{name}' of {node.get('ask')}")
    for (at, name), mark in around.returned.items():
        if at == node.name:
            found[f"result.{name}"] = mark
    return found


def returns_of(flow: Flow, marks: Mapping[str, State]) -> State:
    """The marks of what the flow hands back, over all of its ends."""
    found: State = {}
    for node in flow.nodes.values():
        for name, named in (node.get("returns") or {}).items():
            if node.name in marks and isinstance(named, NamedValue):
                found[name] = worst([found.get(name, CLEAN), mark_of(named.value, marks[node.name])])
    return found
