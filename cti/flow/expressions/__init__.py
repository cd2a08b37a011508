"""The expression language: `parse` checks the form, `infer` the types and absences, `Evaluator` gives the value."""

from cti.flow.expressions.evaluate import EvalContext, EvalError, Evaluator
from cti.flow.expressions.functions import FUNCTIONS, Function
from cti.flow.expressions.infer import Scope, infer
from cti.flow.expressions.narrow import narrow
from cti.flow.expressions.syntax import Expression, parse

__all__ = [
    "FUNCTIONS",
    "EvalContext",
    "EvalError",
    "Evaluator",
    "Expression",
    "Function",
    "Scope",
    "infer",
    "narrow",
    "parse",
]
