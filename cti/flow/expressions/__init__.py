"""The expression language: `parse` checks the form, `infer` the types and absences, `evaluate` gives the value."""

from cti.flow.expressions.evaluate import EvalError, evaluate
from cti.flow.expressions.functions import FUNCTIONS, EvalContext, Function, Moment
from cti.flow.expressions.infer import Scope, infer
from cti.flow.expressions.narrow import narrow
from cti.flow.expressions.syntax import Expression, parse

__all__ = [
    "FUNCTIONS",
    "EvalContext",
    "EvalError",
    "Expression",
    "Function",
    "Moment",
    "Scope",
    "evaluate",
    "infer",
    "narrow",
    "parse",
]
