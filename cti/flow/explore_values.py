"""Values worth trying: the ends of every type, and what lies around the constants that a plan's expressions name."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

from cti.flow import types as t
from cti.flow.expressions import Expression
from cti.flow.expressions.functions import compile_pattern
from cti.flow.model import Flow, parts_of
from cti.flow.nodes.collect import parse_keys
from cti.flow.plan import Plan

MOBILE, FIXED = "13800000000", "01088880001"
MOST_VALUES = 6  # of one variable: constants beyond that are many ways to say the same
MOST_STARTS = 64
MOST_ENTRIES = 3
ASK_NUMBERS = {"line_kind", "area_code", "matches", "startswith", "endswith"}


class Samples:
    """Plain values as a flow test would write them: texts, tuples and dicts."""

    def __init__(self, plan: Plan, now: datetime) -> None:
        self.plan, self.now = plan, now
        expressions = [e for flow in plan.flows.values() for e in parts_of(flow.nodes, Expression)]
        constants = [n.value for e in expressions for n in ast.walk(e.tree) if isinstance(n, ast.Constant)]
        called = {n.func.id for e in expressions for n in ast.walk(e.tree) if _is_call(n)}  # type: ignore[attr-defined]
        self.asks_numbers = bool(called & ASK_NUMBERS)
        self.numbers = tuple(dict.fromkeys(Decimal(str(v)) for v in constants if _is_number(v)))
        self.texts = tuple(dict.fromkeys(v for v in constants if isinstance(v, str)))
        scripts = [step for flow in plan.flows.values() for test in flow.tests for step in test.script]
        self.pressed = tuple(dict.fromkeys(str(step.value) for step in scripts if step.do == "press"))

    def of(self, kind: t.Type) -> tuple[Any, ...]:
        """Values of ``kind`` as written, the plainest first; None (absent) last where that may be."""
        found = tuple({repr(value): value for value in self._given(kind)}.values())[:MOST_VALUES]
        return (*found, None) if kind.optional else found

    def _given(self, kind: t.Type) -> Iterator[Any]:
        match kind.kind:
            case "enum":
                yield from kind.values
            case "bool":
                yield from ("true", "false")
            case "int":
                yield from _around(self.numbers, 3, Decimal(1))
            case "decimal":
                yield from _around(self.numbers, Decimal("128.50"), Decimal("0.01"))
            case "phone":
                if kind.line:
                    yield FIXED if kind.line == "fixed" else MOBILE
                else:
                    yield from (MOBILE, FIXED) if self.asks_numbers else (MOBILE,)
            case "date":
                yield from ((self.now + timedelta(days=days)).date().isoformat() for days in (5, -5))
            case "time":
                yield "10:00"
            case "datetime":
                yield from ((self.now + timedelta(days=days)).isoformat() for days in (5, -5))
            case "duration":
                yield from ("5m", "0s")
            case "list":
                item = self.of((kind.item or t.TEXT).given())
                yield from ((item[0],), ())
            case "record":
                yield {name: self.of(field.given())[0] for name, field in kind.fields}
            case "text":
                yield from ("text", *self.texts)
            case _:  # nothing is known of it
                yield "1"

    # ---- where a call begins ---------------------------------------------------------------------------------

    def starts(self, flow: Flow) -> list[dict[str, Any]]:
        """Sets of inputs to begin with; all combinations when they are few, else one change at a time."""
        inputs = {name: variable for name, variable in flow.variables.items() if variable.is_input}
        read = frozenset().union(*(e.names for f in self.plan.flows.values() for e in parts_of(f.nodes, Expression)))
        tried = {name: self.of(v.type) if name in read else self.of(v.type)[:1] for name, v in inputs.items()}
        if len(flow.languages) > 1:
            tried["language"] = flow.languages
        if len(flow.media) > 1:
            tried["medium"] = flow.media
        return [{name: value for name, value in one.items() if value is not None} for one in combine(tried)]

    # ---- what is typed ---------------------------------------------------------------------------------------

    def entries(self, kind: t.Type, least: int, most: int, pattern: str | None) -> list[str]:
        """Keys that a `collect` takes as a value of ``kind``, without the key that ends the entry."""

        def accepted(typed: str) -> bool:
            if not least <= len(typed) <= most or (pattern and not compile_pattern(pattern).fullmatch(typed)):
                return False
            try:
                parse_keys(kind, typed)
            except t.BadValue:
                return False
            return True

        found = [typed for typed in dict.fromkeys(self._typed(kind, least, most, pattern)) if accepted(typed)]
        return found[:MOST_ENTRIES]

    def _typed(self, kind: t.Type, least: int, most: int, pattern: str | None) -> Iterator[str]:
        """Guesses: constants compared with, keys of the flows' own tests, and plain ones of every length."""
        yield from (typed for text in (*self.texts, *map(str, self.numbers)) if (typed := text.replace(".", "*")))
        yield from (keys.strip("#*") for keys in self.pressed)
        if kind.kind == "date":
            yield self.now.strftime("%Y%m%d")
        if kind.kind == "enum":
            yield from kind.values
        yield from (MOBILE, FIXED, "1000")
        begins = [""]
        if pattern:
            low, high = compile_pattern(pattern).possiblematchrange(most)
            begins += ["".join(char for char in _text(end) if char.isdigit()) for end in (low, high)]
        for begin, fill in product(begins, "1035792468"):
            for length in (least, min(most, max(least, 11)), most):
                yield (begin + fill * length)[:length]
        for length in range(least, min(most, 20) + 1):
            yield "1" * length


def combine(tried: dict[str, tuple[Any, ...]]) -> list[dict[str, Any]]:
    count = 1
    for values in tried.values():
        count *= max(1, len(values))
    if count <= MOST_STARTS:
        return [dict(zip(tried, values, strict=True)) for values in product(*tried.values())]
    first = {name: values[0] for name, values in tried.items()}
    changed = [{**first, name: value} for name, values in tried.items() for value in values[1:]]
    return [first, *changed]


def _around(numbers: Iterable[Decimal], plain: Decimal | int, step: Decimal) -> Iterator[str]:
    yield str(plain)
    for number in numbers:
        near = (number, number - step, number + step)
        yield from (str(n) for n in near if step < 1 or n == int(n))
    yield "0"


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _is_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


def _text(value: Any) -> str:
    return value.decode("utf-8", "ignore") if isinstance(value, bytes) else str(value)
