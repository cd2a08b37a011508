"""What becomes of a variable: is it judged, only told, only asked for being there, or handed on as it is?

Values that nothing judges need not be tried in their variety, and need not be told apart once they have been said.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from cti.flow.expressions import Expression
from cti.flow.model import Computed, Flow, Node, Template, parts_of
from cti.flow.nodes.extra_kinds import NamedValue
from cti.flow.plan import Plan

Names = frozenset[str]
Place = tuple[str, str]  # (flow, variable)
TELLING = frozenset({"money", "number", "digits", "date", "time", "duration"})  # defined for every value of their type
SILENT = {"message": ("text",), "queue": ("whisper", "priority")}  # what takes none of the caller's time
SAMPLED = frozenset({"decimal", "int", "text", "phone", "date", "time", "datetime", "duration"})  # kinds without end


def values_of(node: Node) -> Iterator[tuple[str, Any]]:
    """(option, what it holds); of `with`, `set`, `returns` and `save` one by one."""
    for name, option in node.options.items():
        if name in ("with", "set", "returns", "save") and isinstance(option, Mapping):
            yield from option.items()
        else:
            yield name, option


def bare(value: Any) -> str | None:
    """The variable, where a value is nothing but one."""
    if isinstance(value, NamedValue):
        value = value.value
    return value.expression.bare_name if isinstance(value, Computed) else None


def read_in(expression: Expression) -> tuple[Names, Names]:
    """Variables of which the content is read, and those that are only asked for being there (`given`)."""
    presence = {
        part.args[0].id
        for part in ast.walk(expression.tree)
        if _calls(part, frozenset({"given"})) and isinstance(part.args[0], ast.Name)
    }
    asked = {id(part.args[0]) for part in ast.walk(expression.tree) if _calls(part, frozenset({"given"})) and part.args}
    called = {id(part.func) for part in ast.walk(expression.tree) if isinstance(part, ast.Call)}
    whole = {
        part.id
        for part in ast.walk(expression.tree)
        if isinstance(part, ast.Name) and id(part) not in asked and id(part) not in called
    }
    return frozenset(whole), frozenset(presence)


def told(expression: Expression) -> str | None:
    """The variable that is said as it is, or by a function that can say every value of its type."""
    tree: ast.AST = expression.tree
    if _calls(tree, TELLING) and len(tree.args) == 1 and not tree.keywords:
        tree = tree.args[0]
    return tree.id if isinstance(tree, ast.Name) else None


def _calls(part: ast.AST, names: Names) -> TypeGuard[ast.Call]:
    return isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in names and bool(part.args)


def handed_on(flow: Flow, node: Node, name: str, value: Any) -> str | None:
    """The variable that is handed to the outside as it is: what is answered does not depend on it here."""
    variable = bare(value)
    declared = flow.variables.get(variable) if variable else None
    if declared is None:
        return None
    match node.type:
        case "lookup" | "request":
            signature = flow.lookups.get(str(node.get("ask")))
            wanted = signature.inputs.get(name) if signature else None
            return variable if wanted and wanted.kind == declared.type.kind else None
        case "message" | "callback":
            return variable if name in ("recipient", "number") and declared.type.kind == "phone" else None
        case "notice":
            return variable if name == "number" and declared.type.kind == "phone" else None
    return None


def copied_to(plan: Plan, flow: Flow, node: Node, name: str, value: Any) -> Place | None:
    """Where the content of a bare variable goes unchanged, whatever it is: an input of a subflow, another variable."""
    variable = bare(value)
    source = flow.variables.get(variable) if variable else None
    if source is None:
        return None
    if node.type == "subflow" and name in (node.get("with") or {}):
        goal = plan.flows[str(node.get("flow"))]
        target = goal.variables.get(name)
        if target is None or not target.is_input:
            return None
    elif node.type == "set" and len(node.get("set")) == 1:
        goal, target = flow, flow.variables.get(name)
    else:
        return None
    if target is None or target.type.kind != source.type.kind or source.type.kind not in SAMPLED:
        return None
    return (goal.id, name) if target.type.line in ("", source.type.line) else None


def judged(plan: Plan) -> frozenset[Place]:
    """Variables whose content can decide something: all but those that are only told, handed on, or there."""
    found: set[Place] = set()
    copies: dict[Place, set[Place]] = {}
    for flow in plan.flows.values():
        for node in flow.nodes.values():
            dial = node.get("dial")
            if dial and dial[0] == "flow":  # its variables are handed over by name
                found |= {(flow.id, name) for name in flow.variables}
            for name, value in values_of(node):
                target = copied_to(plan, flow, node, name, value)
                if target is not None:
                    copies.setdefault(target, set()).add((flow.id, str(bare(value))))
                elif not handed_on(flow, node, name, value):
                    found |= {(flow.id, read) for read in _judged_in(value)}
    todo = list(found)
    while todo:
        for source in copies.get(todo.pop(), ()):
            if source not in found:
                found.add(source)
                todo.append(source)
    return frozenset(found)


def _judged_in(value: Any) -> Names:
    templates = list(parts_of(value, Template))
    said = {id(piece) for template in templates for piece in template.pieces if not isinstance(piece, str)}
    names: Names = frozenset()
    for expression in parts_of(value, Expression):
        if not (id(expression) in said and told(expression)):
            names |= read_in(expression)[0]
    return names


def unheard(node: Node, name: str, value: Any) -> Names | None:
    """Variables that are put into what only others hear or reckon with: of them it matters that they are there.

    None where an option is not of this kind, or what it says could fail for some of their values.
    """
    found: set[str] = set()
    if name not in SILENT.get(node.type, ()):
        return None
    for expression in parts_of(value, Expression):
        variable = told(expression)
        if variable:
            found.add(variable)
        elif _never_fails(expression.tree):
            found |= expression.names
        else:
            return None
    return frozenset(found)


def _never_fails(tree: ast.AST) -> bool:
    """One of several constants, chosen by comparing variables with constants: `10 if tier == 'vip' else 0`."""
    match tree:
        case ast.Constant():
            return True
        case ast.IfExp(ast.Compare(ast.Name(), [ast.Eq() | ast.NotEq()], [ast.Constant()]), body, orelse):
            return _never_fails(body) and _never_fails(orelse)
    return False
