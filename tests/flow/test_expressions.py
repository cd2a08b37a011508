"""Expressions: what they give, what the checker says of them, and that nothing else gets in."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.core.issue import Issue, Place
from cti.flow import types as t
from cti.flow.expressions import FUNCTIONS, EvalContext, EvalError, Expression, Scope, evaluate, infer, narrow, parse
from tests.flow.flowkit import NOW

PLACE = Place("f.yaml", 3, 10)
TYPES = {
    "n": t.INT,
    "price": t.DECIMAL,
    "name": t.TEXT,
    "tier": t.enum("standard", "vip"),
    "number": t.Type("phone", sensitive=True),
    "maybe": t.Type("int", optional=True),
    "day": t.DATE,
    "since": t.DATETIME,
    "wait": t.DURATION,
    "yes": t.BOOL,
    "items": t.Type("list", item=t.TEXT),
    "result": t.Type("record", fields=(("balance", t.DECIMAL), ("due", t.Type("date", optional=True)))),
    "now": t.DATETIME,
}
VALUES: dict[str, Any] = {
    "n": 7,
    "price": Decimal("0.1"),
    "name": "王 ${system(id)}",
    "tier": "vip",
    "number": "+8613800001234",
    "maybe": None,
    "day": date(2026, 3, 2),
    "since": NOW - timedelta(minutes=5),
    "wait": timedelta(seconds=90),
    "yes": True,
    "items": ("a", "b"),
    "result": {"balance": Decimal("88.5"), "due": None},
    "now": NOW,
}


def value(source: str, language: str = "zh-CN") -> Any:
    expression = parse(source, PLACE)
    assert isinstance(expression, Expression), expression
    return evaluate(expression, VALUES, EvalContext(language, NOW))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("price * 3", Decimal("0.3")),
        ("0.1 + 0.2", Decimal("0.3")),
        ("7 / 2", Decimal("3.5")),
        ("n // 2 + n % 2", 4),
        ("-n + 10", 3),
        ("name + '!'", "王 ${system(id)}!"),
        ("10 if tier == 'vip' else 0", 10),
        ("1 < n <= 7 and not n == 6", True),
        ("tier in ['vip', 'standard']", True),
        ("'b' in items", True),
        ("given(maybe)", False),
        ("default(maybe, 3) + 1", 4),
        ("maybe", None),
        ("result.balance >= 88.50", True),
        ("given(result.due)", False),
        ("wait > seconds(60)", True),
        ("since + minutes(5) == now", True),
        ("now - since", timedelta(minutes=5)),
        ("day + days(1)", date(2026, 3, 3)),
        ("weekday(day)", 1),
        ("today()", date(2026, 3, 2)),
        ("now() == now", True),
        ("money(result.balance)", "88元5角"),
        ("digits(last4(number))", "1 2 3 4"),
        ("line_kind(number)", "mobile"),
        ("area_code('01088880000')", "010"),
        ("area_code('075588880000')", "0755"),
        ("len(name) + len(items)", 17),
        ("upper('a') + lower('B') + trim(' c ')", "Abc"),
        ("startswith(number, '+86') and endswith(number, '1234')", True),
        ("matches('12a', '[0-9]+')", False),
        ("matches('12', '[0-9]+')", True),
        ("min(n, 3) + max(1, 2)", 5),
        ("round(2.5)", 3),
        ("round(1.005, 2)", Decimal("1.01")),
        ("abs(-n)", 7),
        ("text(price)", "0.1"),
        ("duration(wait)", "1分钟30秒"),
    ],
)
def test_values(source: str, expected: Any) -> None:
    assert value(source) == expected
    assert isinstance(value(source), type(expected))
    issues: list[Issue] = []
    parsed = parse(source, PLACE)
    assert isinstance(parsed, Expression)
    infer(parsed, Scope(TYPES), issues)
    assert [str(issue) for issue in issues] == []


@pytest.mark.parametrize(
    ("source", "chinese", "english"),
    [
        ("money(88.5)", "88元5角", "88.50 Chinese yuan"),
        ("money(100)", "100元", "100.00 Chinese yuan"),
        ("money(3.05)", "3元零5分", "3.05 Chinese yuan"),
        ("money(0.5)", "5角", "0.50 Chinese yuan"),
        ("money(0)", "0元", "0.00 Chinese yuan"),
        ("money(-12.34)", "负12元3角4分", "-12.34 Chinese yuan"),
        ("money(1.5, 'USD')", "1.50美元", "1.50 US dollars"),
        ("number(12345.50)", "12345.5", "12345.5"),
        ("number(-3)", "负3", "-3"),
        ("digits('138 00')", "1 3 8 0 0", "1 3 8 0 0"),
        ("date(day)", "2026年3月2日", "March 2, 2026"),
        ("time(now)", "10点整", "10:00 AM"),
        ("duration(seconds(3661))", "1小时1分钟1秒", "1 hour 1 minute 1 second"),
        ("duration(seconds(0))", "0秒", "0 seconds"),
    ],
)
def test_spoken(source: str, chinese: str, english: str) -> None:
    assert (value(source), value(source, "en-US")) == (chinese, english)


@pytest.mark.parametrize(
    ("source", "col", "message"),
    [
        ("", 10, "the expression is empty"),
        ("system(", 16, "cannot be read: '(' was never closed"),
        ("n = 1", 12, "cannot be read: invalid syntax (compare with ==)"),
        ("yes && yes", 15, "cannot be read: invalid syntax (write and, or, not)"),
        ("n ** 9", 10, "'**' is not part of the language"),
        ("(lambda: 1)()", 10, "only the published functions can be called"),
        ("[x for x in items]", 10, "comprehensions are not part of the language"),
        ("f'{n}'", 10, "f-strings are not part of the language; a prompt takes ${…}"),
        ("name.__class__", 10, "'.__class__' is no field of a look-up's result"),
        ("name.__class__.__mro__", 10, "'.__mro__' is no field of a look-up's result"),
        ("name.upper()", 10, "only the published functions can be called"),
        ("items[0]", 10, "[…] is not part of the language"),
        ("n is 3", 10, "'is' is not part of the language; use ==, or given(x)"),
        ("None", 10, "None is not part of the language; ask given(x), or use default(x, v)"),
        ("1e9", 10, "'1e9' is no number here; write at most 18 digits and a point"),
        ("9" * 19, 10, f"'{'9' * 19}' is no number here; write at most 18 digits and a point"),
        ("b'x'", 10, "only texts, numbers, True and False are literals"),
        ("(y := 1)", 11, "':=' is not part of the language; use a `set` node"),
        ("money(amount=1)", 10, "money() takes plain arguments only"),
        ("{'a': 1}", 10, "Dict is not part of the language"),
        ("x" * 501, 10, "501 characters; an expression has at most 500"),
        ("n\n+1", 10, "an expression stands in one line"),
    ],
)
def test_refused_form(source: str, col: int, message: str) -> None:
    assert parse(source, PLACE) == Issue(Place("f.yaml", 3, col), "bad-expression", message)


@pytest.mark.parametrize(
    "source", ["(" * 400, "not " * 120 + "yes", "-" * 450 + "1", "1+" * 240 + "1", "[" * 200 + "]" * 200]
)
def test_deep_nesting_is_an_issue(source: str) -> None:
    parsed = parse(source, PLACE)
    assert isinstance(parsed, Issue)
    assert parsed.code == "bad-expression"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("system(1)", "10 [bad-expression] there is no function 'system'"),
        ("mony(1)", "10 [bad-expression] there is no function 'mony'; did you mean 'money'?"),
        ("tiers == 'vip'", "10 [undefined-variable] 'tiers' is no variable of this flow; did you mean 'tier'?"),
        (
            "tier == vip",
            "18 [undefined-variable] 'vip' is no variable of this flow; did you mean the text 'vip'? Texts stand in quotes",  # noqa: E501
        ),
        ("tier == 'vpi'", "18 [type-mismatch] 'vpi' is none of standard, vip; did you mean 'vip'?"),
        ("tier in ['vip', 'gold']", "18 [type-mismatch] 'gold' is none of standard, vip"),
        (
            "maybe + 1",
            "10 [absent-value] 'maybe' may be absent here; ask given(maybe) before, or use default(maybe, …)",
        ),
        (
            "maybe > 1 and given(maybe)",
            "10 [absent-value] 'maybe' may be absent here; ask given(maybe) before, or use default(maybe, …)",
        ),
        ("n + name", "10 [type-mismatch] int + text has no meaning"),
        ("name * 1000000000", "10 [type-mismatch] text * int has no meaning"),
        (
            "name < 'x'",
            "10 [type-mismatch] '<'/'>' takes decimal or date or time or datetime or duration, this is text",
        ),
        ("n == 'x'", "15 [type-mismatch] int is never equal to the text 'x'"),
        ("n and yes", "10 [type-mismatch] 'and'/'or' takes bool, this is int"),
        ("money(name)", "16 [type-mismatch] money() takes decimal or int, this is text"),
        ("money(1, 'CNY', 3)", "10 [bad-expression] money() takes 1 to 2 values, here are 3"),
        ("matches(name, name)", "24 [bad-expression] the pattern of matches() is written out as a text"),
        ("matches(name, '(a')", "24 [bad-expression] the pattern cannot be read: missing ): (a"),
        ("matches(name, '(?=a)')", "24 [bad-expression] the pattern cannot be read: invalid perl operator: (?="),
        ("result.balanc", "10 [undefined-variable] 'result' has no field 'balanc'; did you mean 'balance'?"),
        ("given(n + 1)", "16 [bad-expression] given() takes the name of a variable"),
        ("1 if yes else 'x'", "10 [type-mismatch] gives int or the text 'x'; both must be of one type"),
        ("wait * 'x'", "10 [type-mismatch] duration * the text 'x' has no meaning"),
    ],
)
def test_static_findings(source: str, expected: str) -> None:
    parsed = parse(source, PLACE)
    assert isinstance(parsed, Expression)
    issues: list[Issue] = []
    infer(parsed, Scope(TYPES), issues)
    assert [str(issue) for issue in issues] == [f"f.yaml:3:{expected}"]


@pytest.mark.parametrize(
    ("source", "true", "false"),
    [
        ("given(maybe)", {"maybe"}, set()),
        ("not given(maybe)", set(), {"maybe"}),
        ("given(maybe) and n > 1", {"maybe"}, set()),
        ("given(maybe) or n > 1", set(), set()),
        ("not given(maybe) or n > 1", set(), {"maybe"}),
        ("not (given(maybe) and given(name))", set(), {"maybe", "name"}),
    ],
)
def test_narrowing(source: str, true: set[str], false: set[str]) -> None:
    parsed = parse(source, PLACE)
    assert isinstance(parsed, Expression)
    assert narrow(parsed) == (true, false)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("'x' + number", {"number"}),
        ("last4(number)", {"number"}),
        ("line_kind(number)", set()),
        ("number == '1'", set()),
        ("name if given(number) else 'x'", {"name"}),
        ("'x' if yes else number", {"number"}),
        ("result.balance", {"result", "result.balance"}),
    ],
)
def test_what_flows_into_a_value(source: str, names: set[str]) -> None:
    parsed = parse(source, PLACE)
    assert isinstance(parsed, Expression)
    assert parsed.flowing == names


@pytest.mark.parametrize(
    ("source", "values", "code"),
    [
        ("a * b", {"a": "x" * 100, "b": 10**9}, "bad-value"),
        ("a + b", {"a": "x" * 9000, "b": "y" * 9000}, "bad-value"),
        ("a * b", {"a": 10**17, "b": 10**17}, "bad-value"),
        ("a * b // b", {"a": 10**17, "b": 10**17}, "bad-value"),
        ("a if b else b", {"a": 10**19, "b": 1}, "bad-value"),
        ("b and a", {"a": "x" * 10_001, "b": 1}, "bad-value"),
        ("-a", {"a": 10**19, "b": 1}, "bad-value"),
        ("default(b, a)", {"a": 10**19, "b": None}, "bad-value"),
        ("a / b", {"a": 1, "b": 0}, "bad-value"),
        ("a % b", {"a": 1, "b": 0}, "bad-value"),
        ("a + b", {"a": 1, "b": None}, "absent-value"),
        ("a < b", {"a": 1, "b": "x"}, "bad-value"),
        ("money(a)", {"a": "x", "b": 0}, "bad-value"),
        ("date(a)", {"a": 3, "b": 0}, "bad-value"),
        ("a.x + b", {"a": {}, "b": 1}, "absent-value"),
        ("a + days(b)", {"a": date(9999, 12, 31), "b": 1}, "bad-value"),
        ("days(b)", {"a": 0, "b": 10**17}, "bad-value"),
    ],
)
def test_run_time_failures_are_named(source: str, values: dict[str, Any], code: str) -> None:
    parsed = parse(source, PLACE)
    assert isinstance(parsed, Expression)
    with pytest.raises(EvalError) as caught:
        evaluate(parsed, values, EvalContext("zh-CN", NOW))
    assert caught.value.code == code


PIECES = st.sampled_from(
    ["n", "price", "name", "maybe", "result.balance", "yes", "items", "'x'", "0.5", "(", ")", "+", "*", "/", "//", "%"]
    + [
        " and ",
        " or ",
        " not ",
        " in ",
        " if ",
        " else ",
        "==",
        "<",
        ",",
        "[",
        "]",
        ".",
        "__class__",
        "lambda",
        "{",
        "}",
    ]
    + [f"{name}(" for name in FUNCTIONS]
)


@given(st.one_of(st.lists(PIECES, max_size=25).map("".join), st.text(max_size=60)))
def test_nothing_else_gets_out(source: str) -> None:
    """Whatever is written: an issue, or a tree that can be checked, and evaluated to a value or an EvalError."""
    parsed = parse(source, PLACE)
    if isinstance(parsed, Issue):
        assert parsed.code == "bad-expression"
        return
    issues: list[Issue] = []
    infer(parsed, Scope(TYPES), issues)
    if issues:
        return
    try:
        found = evaluate(parsed, VALUES, EvalContext("zh-CN", NOW))
    except EvalError:
        return
    assert found is None or isinstance(
        found, str | int | Decimal | date | time | datetime | timedelta | tuple | dict | bool
    )
