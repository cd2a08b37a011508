"""Checks across files: the flows, calendars and inputs that a flow names."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from cti.core.issue import Issue
from cti.flow.expressions import Scope
from cti.flow.model import Flow, Node
from cti.flow.proof_calls import Calls
from cti.flow.readers import check_value
from cti.flow.suggest import did_you_mean


def called_flows(flow: Flow) -> list[tuple[Node, str]]:
    """(node, flow it calls or goes to)."""
    found = [(node, str(node.get("flow"))) for node in flow.nodes.values() if node.type == "subflow"]
    for node in flow.nodes.values():
        dial = node.get("dial") if node.type == "transfer" else None
        if dial and dial[0] == "flow":
            found.append((node, str(getattr(dial[1], "value", ""))))
    return found


def closure_of(flows: Mapping[str, Flow], root: str) -> list[str]:
    """Names of ``root`` and every flow it reaches, as far as they exist; ``root`` first."""
    found = [root] if root in flows else []
    for name in found:
        for _, called in called_flows(flows[name]):
            if called in flows and called not in found:
                found.append(called)
    return found


def check_closure(flows: Mapping[str, Flow], calendars: Mapping[str, object], root: str) -> list[Issue]:
    issues: list[Issue] = []
    for name in closure_of(flows, root):
        flow = flows[name]
        for node, called in called_flows(flow):
            if called not in flows:
                message = f"there is no flow '{called}'{did_you_mean(called, flows)}"
                place = node.at("flow" if node.type == "subflow" else "dial")
                issues.append(Issue(place, "unknown-flow", message))
            elif node.type == "subflow":
                _check_call(flow, node, flows[called], issues)
        for node in flow.nodes.values():
            calendar = node.get("calendar") if node.type == "hours" else None
            if calendar is not None and calendar not in calendars:
                message = f"there is no calendar '{calendar}'{did_you_mean(calendar, calendars)}"
                issues.append(Issue(node.at("calendar"), "unknown-calendar", message))
    issues += _recursion(flows, root)
    closed = {name: flows[name] for name in closure_of(flows, root)}
    if root in closed and all(flow.start in flow.nodes for flow in closed.values()):
        issues += Calls(closed).check(root)
    return list(dict.fromkeys(issues))


def _check_call(flow: Flow, node: Node, called: Flow, issues: list[Issue]) -> None:
    given = node.get("with") or {}
    inputs = {name: variable for name, variable in called.variables.items() if variable.is_input}
    for name, value in given.items():
        if name not in inputs:
            message = f"flow {called.id} has no input '{name}'{did_you_mean(name, inputs)}"
            issues.append(Issue(value.place, "unknown-option", message))
        else:
            scope = Scope(flow.scope(), frozenset(flow.scope()))  # absence was judged where the flow was checked
            check_value(value.value, inputs[name].type, inputs[name].type.optional, scope, issues)
    for name, variable in inputs.items():
        if name not in given and not variable.type.optional and variable.default is None:
            issues.append(
                Issue(node.place, "missing-option", f"flow {called.id} needs the input '{name}': with: {{{name}: …}}")
            )
    for exit in called.outcomes():
        if exit not in node.exits and "else" not in node.exits:
            issues.append(
                Issue(node.place, "missing-exit", f"flow {called.id} can end with '{exit}', which leads nowhere here")
            )
    for exit, ref in node.exits.items():
        if exit != "else" and exit not in called.outcomes():
            message = f"flow {called.id} never ends with '{exit}'{did_you_mean(exit, called.outcomes())}"
            issues.append(Issue(ref.place, "unknown-exit", message))
    for name, value in (node.get("save") or {}).items():
        for field in _result_fields(value):
            if field not in called.returns():
                message = f"flow {called.id} returns no '{field}'{did_you_mean(field, called.returns())}"
                issues.append(Issue(node.at("save"), "undefined-variable", f"{name}: {message}"))


def _result_fields(value: object) -> list[str]:
    expression = getattr(value, "expression", None)
    if expression is None:
        return []
    return [node.attr for node in ast.walk(expression.tree) if isinstance(node, ast.Attribute)]


def _recursion(flows: Mapping[str, Flow], root: str) -> list[Issue]:
    """A `transfer` to a flow leaves the present one, so only calls that come back can nest without end."""
    issues: list[Issue] = []
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        for node, called in called_flows(flows[name]):
            if node.type != "subflow" or called not in flows:
                continue
            if called in (*path, name):
                circle = " -> ".join((*(*path, name)[(*path, name).index(called) :], called))
                issues.append(Issue(node.at("flow"), "recursive-subflow", f"a flow would call itself: {circle}"))
            elif called not in done:
                visit(called, (*path, name))
        done.add(name)

    for name in closure_of(flows, root):
        if name not in done:
            visit(name, ())
    return issues


__all__ = ["called_flows", "check_closure", "closure_of"]
