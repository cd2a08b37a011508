"""Values of expressions: `simpleeval` with our names, functions and bounds."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import simpleeval

from cti.flow.expressions.functions import FUNCTIONS, EvalContext
from cti.flow.expressions.syntax import Expression
from cti.flow.types import MAX_INT, MAX_TEXT, BadValue, is_value

__all__ = ["EvalContext", "EvalError", "Evaluator"]


class EvalError(Exception):
    """An expression has no value. ``code``: absent-value, bad-value. The text never contains a variable's value."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _bounded(value: Any) -> Any:
    if _number(value) and abs(value) > MAX_INT:
        raise EvalError("bad-value", f"a number grew beyond {MAX_INT}")
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise EvalError("bad-value", f"a text grew beyond {MAX_TEXT} characters")
    return value


_NUMBERS = (int, Decimal)
_MOMENTS = (date, timedelta)


def _number(value: Any) -> bool:
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def _arithmetic(apply: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    """Operands are checked again here: a value of a type not known at load must not reach ``'x' * 10**9``."""
    texts = isinstance(left, str) and isinstance(right, str) and apply is operator.add
    spans = isinstance(left, _MOMENTS) or isinstance(right, _MOMENTS)
    if not (texts or spans or (_number(left) and _number(right))):
        raise EvalError("bad-value", "these two values cannot be calculated with")
    return _bounded(apply(left, right))


def _divide(left: Any, right: Any) -> Any:
    return Decimal(left) / Decimal(right)


_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: partial(_arithmetic, operator.add),
    ast.Sub: partial(_arithmetic, operator.sub),
    ast.Mult: partial(_arithmetic, operator.mul),
    ast.Div: partial(_arithmetic, _divide),
    ast.FloorDiv: partial(_arithmetic, operator.floordiv),
    ast.Mod: partial(_arithmetic, operator.mod),
    ast.USub: operator.neg,
    ast.Not: operator.not_,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, container: item in container,
    ast.NotIn: lambda item, container: item not in container,
}


class Evaluator(simpleeval.SimpleEval):  # type: ignore[misc]
    """Evaluates checked expressions. Not re-entrant, so each run has its own."""

    def __init__(self) -> None:
        super().__init__(operators=dict(_OPERATORS), functions={}, names={})
        self.nodes[ast.List] = self.nodes[ast.Tuple] = self._eval_list
        self._lookup: Callable[[str], Any] = lambda _name: None
        self._context: EvalContext | None = None

    def value(self, expression: Expression, lookup: Callable[[str], Any], context: EvalContext) -> Any:
        """The value; None only for a bare variable that is absent. Raises `EvalError`.

        ``lookup`` gives a variable's value (None: absent) and raises KeyError for an unknown one.
        """
        self._lookup, self._context = lookup, context
        try:
            if expression.bare_name is not None:
                return lookup(expression.bare_name)
            if isinstance(expression.tree, ast.Attribute):
                return self._field(expression.tree)
            return _bounded(self._eval(expression.tree))
        except EvalError:
            raise
        except BadValue as error:
            raise EvalError("bad-value", str(error)) from None
        except (KeyError, simpleeval.InvalidExpression):
            raise EvalError("bad-value", "a name in the expression is not known") from None
        except ZeroDivisionError:
            raise EvalError("bad-value", "division by zero") from None
        except (ArithmeticError, TypeError, ValueError, AttributeError):
            # Values whose type was not known at load (look-up results without a signature) end here.
            raise EvalError("bad-value", "the values do not fit the calculation") from None

    def _eval(self, node: ast.AST) -> Any:
        """Without the library's search of every result for Python objects that lead out: `parse` lets no such
        expression through, and what names and functions give has been converted to the values of `cti.flow.types`."""
        return self.nodes[type(node)](node)

    @staticmethod
    def _eval_constant(node: ast.Constant) -> Any:
        return node.value

    def _eval_compare(self, node: ast.Compare) -> Any:
        if len(node.ops) > 1:
            return super()._eval_compare(node)
        return self.operators[type(node.ops[0])](self._eval(node.left), self._eval(node.comparators[0]))

    def _eval_name(self, node: ast.Name) -> Any:
        value = self._lookup(node.id)
        if value is None:
            raise EvalError("absent-value", f"'{node.id}' is absent")
        return value

    def _field(self, node: ast.Attribute) -> Any:
        record = self._eval(node.value)
        return record.get(node.attr) if isinstance(record, Mapping) else None

    def _eval_attribute(self, node: ast.Attribute) -> Any:
        value = self._field(node)
        if value is None:
            raise EvalError("absent-value", f"the field '{node.attr}' is absent")
        return value

    def _eval_call(self, node: ast.Call) -> Any:
        name = node.func.id  # type: ignore[attr-defined]  # `parse` lets only names be called
        function = FUNCTIONS[name]
        arguments = [self._argument(name, index, argument) for index, argument in enumerate(node.args)]
        for index, argument in enumerate(arguments):
            accepted = function.params[min(index, len(function.params) - 1)]
            if not any(is_value(kind, argument) for kind in accepted):
                raise EvalError("bad-value", f"{name}() cannot be asked about such a value")
        return _bounded(function.call(self._context, *arguments))

    def _argument(self, function: str, index: int, node: ast.expr) -> Any:
        if index == 0 and function in ("given", "default"):
            if isinstance(node, ast.Name):
                return self._lookup(node.id)
            if isinstance(node, ast.Attribute):
                return self._field(node)
        return self._eval(node)

    def _eval_list(self, node: ast.List) -> Any:
        return tuple(self._eval(item) for item in node.elts)
