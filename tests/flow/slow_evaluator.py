"""The meaning of expressions, written down once more the plain way: a walk over the tree, rule by rule.

What the interpreter runs is compiled (`cti.flow.expressions.compiling`); it must come to the same, errors included.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from cti.flow.expressions import FUNCTIONS, EvalContext, EvalError, Expression
from cti.flow.types import BadValue, Type

LIMIT, LONGEST = 10**18, 10_000
COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, container: item in container,
    ast.NotIn: lambda item, container: item not in container,
}
CALCULATIONS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda left, right: Decimal(left) / Decimal(right),
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
PYTHON: Mapping[str, Any] = {
    "text": str,
    "enum": str,
    "phone": str,
    "int": int,
    "decimal": int | Decimal,
    "bool": bool,
    "date": date,
    "time": time,
    "datetime": datetime,
    "duration": timedelta,
    "list": tuple,
    "record": dict,
    "any": object,
}


def slowly(expression: Expression, values: Mapping[str, Any], context: EvalContext) -> Any:
    tree = expression.tree
    try:
        if isinstance(tree, ast.Name | ast.Attribute):
            return lenient(tree, values, context)
        return bounded(walk(tree, values, context))
    except EvalError:
        raise
    except BadValue as error:
        raise EvalError("bad-value", str(error)) from None
    except KeyError:
        raise EvalError("bad-value", "a name in the expression is not known") from None
    except ZeroDivisionError:
        raise EvalError("bad-value", "division by zero") from None
    except (ArithmeticError, TypeError, ValueError, AttributeError):
        raise EvalError("bad-value", "the values do not fit the calculation") from None


def bounded(value: Any) -> Any:
    if number(value) and abs(value) > LIMIT:
        raise EvalError("bad-value", f"a number grew beyond {LIMIT}")
    if isinstance(value, str) and len(value) > LONGEST:
        raise EvalError("bad-value", f"a text grew beyond {LONGEST} characters")
    return value


def number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def lenient(node: ast.expr, values: Mapping[str, Any], context: EvalContext) -> Any:
    """A variable or a field that may be absent; anything else as ever."""
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.Attribute):
        record = walk(node.value, values, context)
        return record.get(node.attr) if isinstance(record, Mapping) else None
    return walk(node, values, context)


def walk(node: ast.expr, values: Mapping[str, Any], context: EvalContext) -> Any:
    def of(part: ast.expr) -> Any:
        return walk(part, values, context)

    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            if values[name] is None:
                raise EvalError("absent-value", f"'{name}' is absent")
            return values[name]
        case ast.Attribute(attr=name):
            found = lenient(node, values, context)
            if found is None:
                raise EvalError("absent-value", f"the field '{name}' is absent")
            return found
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return tuple(of(item) for item in items)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not of(operand)
        case ast.UnaryOp(operand=operand):
            return -of(operand)
        case ast.BinOp(left=left, op=op, right=right):
            return calculate(op, of(left), of(right))
        case ast.BoolOp(op=op, values=parts):
            return junction(isinstance(op, ast.And), parts, of)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return of(body) if of(test) else of(orelse)
        case ast.Compare(left=first_of, ops=ops, comparators=others):
            return compare(of(first_of), list(zip(ops, others, strict=True)), of)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return call(name, arguments, values, context)
    raise AssertionError(ast.dump(node))


def calculate(op: ast.operator, left: Any, right: Any) -> Any:
    texts = isinstance(left, str) and isinstance(right, str) and isinstance(op, ast.Add)
    spans = isinstance(left, date | timedelta) or isinstance(right, date | timedelta)
    if not (texts or spans or (number(left) and number(right))):
        raise EvalError("bad-value", "these two values cannot be calculated with")
    return bounded(CALCULATIONS[type(op)](left, right))


def junction(every: bool, parts: list[ast.expr], of: Callable[[ast.expr], Any]) -> Any:
    """The first part that decides it, or the last."""
    value = None
    for part in parts:
        value = of(part)
        if bool(value) != every:
            return value
    return value


def compare(left: Any, pairs: list[tuple[ast.cmpop, ast.expr]], of: Callable[[ast.expr], Any]) -> Any:
    (op, part), *rest = pairs
    right = of(part)
    result = COMPARISONS[type(op)](left, right)
    return compare(right, rest, of) if rest and result else result


def call(name: str, parts: list[ast.expr], values: Mapping[str, Any], context: EvalContext) -> Any:
    function = FUNCTIONS[name]
    first_may_be_absent = name in ("given", "default")
    arguments = [
        (lenient if first_may_be_absent and index == 0 else walk)(part, values, context)
        for index, part in enumerate(parts)
    ]
    for index, argument in enumerate(arguments):
        params = function.params[min(index, len(function.params) - 1)] if function.params else ()
        if not any(is_of(kind, argument) for kind in params):
            raise EvalError("bad-value", f"{name}() cannot be asked about such a value")
    return bounded(function.call(context, *arguments))


def is_of(kind: Type, value: Any) -> bool:
    if isinstance(value, bool):
        return kind.kind in ("bool", "any")
    return isinstance(value, PYTHON[kind.kind])
