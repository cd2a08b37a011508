"""Which variables' contents flow into a value. Conditions steer, they do not flow; nor do arguments of functions
whose result tells (next to) nothing of them."""

from __future__ import annotations

import ast

from cti.flow.expressions.functions import FUNCTIONS


def flowing_names(node: ast.expr) -> frozenset[str]:
    match node:
        case ast.Name(id=name):
            return frozenset({name})
        case ast.Attribute(value=ast.Name(id=name), attr=field):
            return frozenset({name, f"{name}.{field}"})
        case ast.Compare() | ast.BoolOp():
            return frozenset()
        case ast.IfExp(body=body, orelse=orelse):
            return flowing_names(body) | flowing_names(orelse)
        case ast.Call(func=ast.Name(id=name)) if name in FUNCTIONS and FUNCTIONS[name].clean:
            return frozenset()
    children = (child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr))
    if isinstance(node, ast.Call):
        children = (argument for argument in node.args)
    return frozenset().union(*(flowing_names(child) for child in children))
