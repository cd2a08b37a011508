"""Values of expressions."""

from __future__ import annotations

from typing import Any

from cti.flow.expressions.bounds import EvalError
from cti.flow.expressions.compiling import Variables
from cti.flow.expressions.functions import Moment
from cti.flow.expressions.syntax import Expression
from cti.flow.types import BadValue

__all__ = ["EvalError", "evaluate"]


def evaluate(expression: Expression, variables: Variables, moment: Moment) -> Any:
    """The value; None only for a bare variable or field that is absent. Raises `EvalError`.

    ``variables`` by name, None for an absent one; a name that is not among them is asked of ``moment``.
    """
    try:
        return expression.code(variables, moment)
    except EvalError:
        raise
    except BadValue as error:
        raise EvalError("bad-value", str(error)) from None
    except KeyError:
        raise EvalError("bad-value", "a name in the expression is not known") from None
    except ZeroDivisionError:
        raise EvalError("bad-value", "division by zero") from None
    except (ArithmeticError, TypeError, ValueError, AttributeError):
        # Values whose type was not known at load (look-up results without a signature) end here.
        raise EvalError("bad-value", "the values do not fit the calculation") from None
