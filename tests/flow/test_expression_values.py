"""What expressions give when they are compiled: as a table says that was filled before they were, and as the plain
walk over the tree says of whatever else can be written."""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cti.core.issue import Issue
from cti.flow.expressions import FUNCTIONS, EvalContext, EvalError, Expression, evaluate, parse
from tests.flow.flowkit import NOW
from tests.flow.slow_evaluator import slowly
from tests.flow.test_expressions import PLACE, VALUES

#: Each line is a source, ``=`` or ``!``, and the value as Python writes it, or the code and the message. The sources
#: are random, fitting and not; the values were found by an interpreter of the tree (simpleeval).
TABLE = Path(__file__).with_name("expression_values.tsv")
NAMES: dict[str, Any] = {
    **VALUES,
    "big": 10**18,
    "long": "x" * 9000,
    "empty": {},
    "at": time(9, 30),
    "gone": None,
}
CONTEXT = EvalContext("zh-CN", NOW)


def found(way: Any, expression: Expression, values: dict[str, Any]) -> tuple[str, str]:
    try:
        return "=", repr(way(expression, values, CONTEXT))
    except EvalError as error:
        return "!", f"{error.code}: {error}"


def test_the_table() -> None:
    lines = TABLE.read_text("utf-8").splitlines()
    assert len(lines) == 900
    different = []
    for line in lines:
        source, mark, expected = line.split("\t")
        expression = parse(source, PLACE)
        assert isinstance(expression, Expression)
        for way in (evaluate, slowly):
            if (got := found(way, expression, NAMES)) != (mark, expected):
                different.append((source, expected, got))
    assert different == []


ATOMS = st.sampled_from([*NAMES, "1", "0", "2.5", "'x'", "''", "True", "result.balance", "result.due", "n.x", "nobody"])


def _larger(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signs = st.sampled_from(
        ["+", "-", "*", "/", "//", "%", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
    )
    joined = st.tuples(parts, signs, parts).map(" ".join)
    return st.one_of(
        joined,
        joined.map(lambda text: f"({text})"),
        st.tuples(parts, parts, parts).map(lambda three: "({} if {} else {})".format(*three)),
        parts.map(lambda text: f"not ({text})"),
        parts.map(lambda text: f"-({text})"),
        st.lists(parts, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.tuples(st.sampled_from([*FUNCTIONS, "nothing"]), st.lists(parts, max_size=3)).map(
            lambda call: f"{call[0]}({', '.join(call[1])})"
        ),
    )


SOURCES = st.recursive(ATOMS, _larger, max_leaves=8)
ANY_VALUE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.decimals(allow_nan=True, allow_infinity=True),
    st.text(max_size=5),
    st.datetimes(),
    st.dates(),
    st.timedeltas(),
    st.just(()),
    st.just({"x": Decimal(1)}),
)


@settings(max_examples=400, deadline=None)
@given(SOURCES, ANY_VALUE, ANY_VALUE)
def test_compiled_as_walked(source: str, n: Any, gone: Any) -> None:
    expression = parse(source, PLACE)
    if isinstance(expression, Issue):
        return
    values = {**NAMES, "n": n, "gone": gone}
    assert found(evaluate, expression, values) == found(slowly, expression, values)
