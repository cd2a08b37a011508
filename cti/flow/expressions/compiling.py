"""An expression's tree as Python closures, made once: a node of the tree is a function of the variables and the moment.

They apply our operators, functions and bounds and nothing else; `cti.flow.expressions.syntax` lets no other tree
through. A closure raises `EvalError`, or what `evaluate` turns into one.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from cti.flow.expressions.bounds import EvalError, bounded, calculate, divide
from cti.flow.expressions.functions import FUNCTIONS, Moment
from cti.flow.types import python_types

Variables = Mapping[str, Any]  # None: absent
Code = Callable[[Variables, Moment], Any]

_RECORDS = (dict, Mapping)  # an abstract class is slow to ask


def compile_whole(tree: ast.expr) -> Code:
    """Of a whole expression: the closure gives None only for a bare variable or field that is absent."""
    if isinstance(tree, ast.Name):
        return _lenient_name(tree.id)
    if isinstance(tree, ast.Attribute):
        return _lenient_field(tree)
    code = _compile(tree)
    if isinstance(tree, ast.BinOp | ast.Call | ast.Compare | ast.Constant):
        return code  # within bounds as they are
    return lambda variables, moment: bounded(code(variables, moment))


def _compile(node: ast.expr) -> Code:
    return _COMPILERS[type(node)](node)


# ---- leaves ------------------------------------------------------------------------------------------------------


def _lenient_name(name: str) -> Code:
    def code(variables: Variables, moment: Moment) -> Any:
        try:
            return variables[name]
        except KeyError:
            return moment.ever_present(name)

    return code


def _name(node: ast.Name) -> Code:
    name = node.id

    def code(variables: Variables, moment: Moment) -> Any:
        try:
            value = variables[name]
        except KeyError:
            value = moment.ever_present(name)
        if value is None:
            raise EvalError("absent-value", f"'{name}' is absent")
        return value

    return code


def _lenient_field(node: ast.Attribute) -> Code:
    whole, field = _compile(node.value), node.attr

    def code(variables: Variables, moment: Moment) -> Any:
        record = whole(variables, moment)
        return record.get(field) if isinstance(record, _RECORDS) else None

    return code


def _field(node: ast.Attribute) -> Code:
    lenient, field = _lenient_field(node), node.attr

    def code(variables: Variables, moment: Moment) -> Any:
        value = lenient(variables, moment)
        if value is None:
            raise EvalError("absent-value", f"the field '{field}' is absent")
        return value

    return code


def _constant(node: ast.Constant) -> Code:
    value = node.value
    return lambda _variables, _moment: value


def _list(node: ast.List | ast.Tuple) -> Code:
    items = [_compile(item) for item in node.elts]
    return lambda variables, moment: tuple([item(variables, moment) for item in items])


# ---- operators ---------------------------------------------------------------------------------------------------


_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: divide,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARISON: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, container: item in container,
    ast.NotIn: lambda item, container: item not in container,
}


def _calculation(node: ast.BinOp) -> Code:
    apply, left, right = _ARITHMETIC[type(node.op)], _compile(node.left), _compile(node.right)
    return lambda variables, moment: calculate(apply, left(variables, moment), right(variables, moment))


def _unary(node: ast.UnaryOp) -> Code:
    operand = _compile(node.operand)
    if isinstance(node.op, ast.Not):
        return lambda variables, moment: not operand(variables, moment)
    return lambda variables, moment: -operand(variables, moment)


def _comparison(node: ast.Compare) -> Code:
    if len(node.ops) > 1:
        return _chain(node)
    apply, left = _COMPARISON[type(node.ops[0])], _compile(node.left)
    if isinstance(node.comparators[0], ast.Constant):
        value = node.comparators[0].value
        return lambda variables, moment: apply(left(variables, moment), value)
    right = _compile(node.comparators[0])
    return lambda variables, moment: apply(left(variables, moment), right(variables, moment))


def _chain(node: ast.Compare) -> Code:
    """``1 < n <= 7``: what stands in the middle is evaluated once, what stands behind a false part not at all."""
    first = _compile(node.left)
    pairs = [(_COMPARISON[type(op)], _compile(right)) for op, right in zip(node.ops, node.comparators, strict=True)]

    def code(variables: Variables, moment: Moment) -> Any:
        left, result = first(variables, moment), True
        for apply, operand in pairs:
            if not result:
                break
            right = operand(variables, moment)
            left, result = right, apply(left, right)
        return result

    return code


def _both_or_either(node: ast.BoolOp) -> Code:
    parts, wants = [_compile(value) for value in node.values], isinstance(node.op, ast.And)

    def code(variables: Variables, moment: Moment) -> Any:
        value: Any = None
        for part in parts:
            value = part(variables, moment)
            if bool(value) is not wants:
                break
        return value

    return code


def _choice(node: ast.IfExp) -> Code:
    test, body, orelse = _compile(node.test), _compile(node.body), _compile(node.orelse)
    return lambda variables, moment: (body if test(variables, moment) else orelse)(variables, moment)


# ---- functions ---------------------------------------------------------------------------------------------------


def _call(node: ast.Call) -> Code:
    assert isinstance(node.func, ast.Name), "`parse` lets only names be called"
    name = node.func.id
    if name not in FUNCTIONS:
        return _unknown(name)
    function, call = FUNCTIONS[name], FUNCTIONS[name].call
    codes = [_argument(name, index, argument) for index, argument in enumerate(node.args)]
    last = len(function.params) - 1
    accepted = [python_types(function.params[min(index, last)] if last >= 0 else ()) for index in range(len(codes))]

    def code(variables: Variables, moment: Moment) -> Any:
        values = [argument(variables, moment) for argument in codes]
        for value, kinds in zip(values, accepted, strict=True):
            # Python's bool is an int, ours is not: it is asked for by its own name.
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                raise EvalError("bad-value", f"{name}() cannot be asked about such a value")
        return bounded(call(moment, *values))

    return code


def _unknown(name: str) -> Code:
    def code(variables: Variables, moment: Moment) -> Any:
        raise KeyError(name)

    return code


def _argument(function: str, index: int, node: ast.expr) -> Code:
    if index == 0 and function in ("given", "default"):
        if isinstance(node, ast.Name):
            return _lenient_name(node.id)
        if isinstance(node, ast.Attribute):
            return _lenient_field(node)
    return _compile(node)


_COMPILERS: Mapping[type[ast.expr], Callable[[Any], Code]] = {
    ast.Name: _name,
    ast.Attribute: _field,
    ast.Constant: _constant,
    ast.List: _list,
    ast.Tuple: _list,
    ast.BinOp: _calculation,
    ast.UnaryOp: _unary,
    ast.Compare: _comparison,
    ast.BoolOp: _both_or_either,
    ast.IfExp: _choice,
    ast.Call: _call,
}
