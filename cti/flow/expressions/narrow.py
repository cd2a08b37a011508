"""Which variables are certainly given once a condition has come out true, or false."""

from __future__ import annotations

import ast

from cti.flow.expressions.syntax import Expression

Names = frozenset[str]
_NONE: Names = frozenset()


def narrow(expression: Expression) -> tuple[Names, Names]:
    """(given if true, given if false)."""
    return narrow_tree(expression.tree)


def narrow_tree(node: ast.expr) -> tuple[Names, Names]:
    match node:
        case ast.Call(func=ast.Name(id="given"), args=[ast.Name(id=name)]):
            return frozenset({name}), _NONE
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            true, false = narrow_tree(operand)
            return false, true
        case ast.BoolOp(op=operator, values=values):
            parts = [narrow_tree(value) for value in values]
            trues, falses = [part[0] for part in parts], [part[1] for part in parts]
            if isinstance(operator, ast.And):
                return frozenset().union(*trues), frozenset.intersection(*falses)
            return frozenset.intersection(*trues), frozenset().union(*falses)
    return _NONE, _NONE
