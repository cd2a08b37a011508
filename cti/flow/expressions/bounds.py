"""Within which bounds values are calculated: no number, no text grows without end, whatever the operands are."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from cti.flow.types import MAX_INT, MAX_TEXT

_NUMBERS: tuple[type[Any], ...] = (int, Decimal)
_MOMENTS = (date, timedelta)
_EXACTLY = frozenset(_NUMBERS)  # bool left out; asked first, because nearly all operands are of them


class EvalError(Exception):
    """An expression has no value. ``code``: absent-value, bad-value. The text never contains a variable's value."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def bounded(value: Any) -> Any:
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise EvalError("bad-value", f"a text grew beyond {MAX_TEXT} characters")
    elif isinstance(value, _NUMBERS) and abs(value) > MAX_INT:
        raise EvalError("bad-value", f"a number grew beyond {MAX_INT}")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def calculate(apply: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    """Operands are checked again here: a value of a type not known at load must not reach ``'x' * 10**9``."""
    if not (type(left) in _EXACTLY and type(right) in _EXACTLY):
        texts = isinstance(left, str) and isinstance(right, str) and apply is operator.add
        spans = isinstance(left, _MOMENTS) or isinstance(right, _MOMENTS)
        if not (texts or spans or (_is_number(left) and _is_number(right))):
            raise EvalError("bad-value", "these two values cannot be calculated with")
    return bounded(apply(left, right))


def divide(left: Any, right: Any) -> Any:
    """Decimals, also of two whole numbers: no float comes in."""
    return Decimal(left) / Decimal(right)
