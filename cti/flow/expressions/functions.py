"""The published functions. One table: types for the checker, the implementation, and the line of the reference."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple, Protocol

import re2

from cti.core.numbers import normalise_number
from cti.flow import speech
from cti.flow import types as t
from cti.flow.spoken.currencies import CURRENCY

MAX_PATTERN = 200


class Moment(Protocol):
    """What surrounds an evaluation: the spoken language, the run's own clock (with offset), the ever-present names."""

    @property
    def language(self) -> str: ...

    @property
    def now(self) -> datetime: ...

    def ever_present(self, name: str) -> Any:
        """A variable that exists in every flow. Raises KeyError when none is called so."""


class EvalContext(NamedTuple):
    """A moment outside a run: whoever evaluates gives all the variables."""

    language: str
    now: datetime

    def ever_present(self, name: str) -> Any:
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Function:
    """``params``: accepted types per argument, the last ``optional`` of which may be left out; ``many``: the last
    one repeats. ``result`` may depend on the arguments' types. ``clean``: the result of a sensitive argument is
    not sensitive itself."""

    name: str
    params: tuple[tuple[t.Type, ...], ...]
    result: t.Type | Callable[[list[t.Type]], t.Type]
    call: Callable[..., Any]
    doc: str
    optional: int = 0
    many: bool = False
    clean: bool = False


NUMBER = (t.DECIMAL, t.INT)
WORDS = (t.TEXT,)


def _money(ctx: Moment, amount: Decimal, currency: str = CURRENCY) -> str:
    return speech.say_money(amount, ctx.language, currency)


def _number(ctx: Moment, value: Decimal) -> str:
    return speech.say_number(value, ctx.language)


def _digits(ctx: Moment, value: Any) -> str:
    return speech.say_digits(str(value), ctx.language)


def _date(ctx: Moment, value: date) -> str:
    return speech.say_date(value.date() if isinstance(value, datetime) else value, ctx.language)


def _time(ctx: Moment, value: time | datetime) -> str:
    return speech.say_time(value, ctx.language)


def _duration(ctx: Moment, value: timedelta) -> str:
    return speech.say_duration(value, ctx.language)


def _span(unit_s: float) -> Callable[[Moment, Any], timedelta]:
    return lambda _ctx, count: timedelta(seconds=float(count) * unit_s)


def line_kind(number: str) -> str:
    """``mobile`` or ``fixed`` by the Chinese numbering plan: a mobile number has 11 digits, the first 1, the second
    3 to 9; everything else (0 + area code, or a local number) is a fixed line."""
    return "mobile" if re.fullmatch("1[3-9][0-9]{9}", normalise_number(number)) else "fixed"


def area_code(number: str) -> str:
    """The area code of a fixed line: three digits for 010 and 02x, else four; '' for a mobile or a local number."""
    national = normalise_number(number)
    if not re.fullmatch("0[1-9][0-9]{8,10}", national):
        return ""
    return national[:3] if national[1] in "12" else national[:4]


def _round(_ctx: Moment, value: Decimal | int, places: int = 0) -> Decimal | int:
    if not -12 <= places <= 12:
        raise t.BadValue("round() takes -12 to 12 places")
    rounded = Decimal(value).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return int(rounded) if places <= 0 else rounded


def pattern_fault(pattern: str) -> str | None:
    """Why ``pattern`` cannot be used, or None."""
    if len(pattern) > MAX_PATTERN:
        return f"the pattern is longer than {MAX_PATTERN} characters"
    try:
        compile_pattern(pattern)
    except re2.error as error:
        detail = error.args[0] if error.args else error
        return f"the pattern cannot be read: {detail.decode() if isinstance(detail, bytes) else detail}"
    return None


def compile_pattern(pattern: str) -> Any:
    """RE2 works in time linear to the text: no pattern can hang a call. Its module keeps compiled patterns."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    return re2.compile(pattern, options)


def _matches(_ctx: Moment, text: str, pattern: str) -> bool:
    return compile_pattern(pattern).fullmatch(text) is not None


def _widest(kinds: list[t.Type]) -> t.Type:
    joined: t.Type | None = kinds[0]
    for kind in kinds[1:]:
        joined = t.join(joined, kind) if joined else None
    return joined or t.ANY


def _round_type(kinds: list[t.Type]) -> t.Type:
    return t.INT if len(kinds) == 1 else t.DECIMAL


ORDERED = (t.DECIMAL, t.INT, t.DATE, t.TIME, t.DATETIME, t.DURATION)
_ALL = (
    Function("money", (NUMBER, WORDS), t.TEXT, _money, "an amount as it is said: 88元5角", optional=1),
    Function("number", (NUMBER,), t.TEXT, _number, "a number as it is said"),
    Function("digits", ((t.TEXT, t.PHONE_TYPE, t.INT),), t.TEXT, _digits, "digit by digit: 1 3 8"),
    Function("date", ((t.DATE, t.DATETIME),), t.TEXT, _date, "a date as it is said"),
    Function("time", ((t.TIME, t.DATETIME),), t.TEXT, _time, "a time of day as it is said"),
    Function("duration", ((t.DURATION,),), t.TEXT, _duration, "a duration as it is said"),
    Function("seconds", (NUMBER,), t.DURATION, _span(1), "a duration of so many seconds"),
    Function("minutes", (NUMBER,), t.DURATION, _span(60), "a duration of so many minutes"),
    Function("hours", (NUMBER,), t.DURATION, _span(3600), "a duration of so many hours"),
    Function("days", (NUMBER,), t.DURATION, _span(86400), "a duration of so many days"),
    Function(
        "area_code", ((t.PHONE_TYPE,),), t.TEXT, lambda _c, n: area_code(n), "a fixed line's area code", clean=True
    ),
    Function(
        "line_kind",
        ((t.PHONE_TYPE,),),
        t.enum("mobile", "fixed"),
        lambda _c, n: line_kind(n),
        "mobile or fixed, by the number",
        clean=True,
    ),
    Function("last4", ((t.TEXT, t.PHONE_TYPE),), t.TEXT, lambda _c, s: s[-4:], "the last four characters"),
    Function("given", ((t.ANY,),), t.BOOL, lambda _c, v: v is not None, "is the variable there?", clean=True),
    Function(
        "default",
        ((t.ANY,), (t.ANY,)),
        _widest,
        lambda _c, v, other: other if v is None else v,
        "the variable, or the second value when it is absent",
    ),
    Function("len", ((t.TEXT, t.PHONE_TYPE, t.Type("list")),), t.INT, lambda _c, v: len(v), "how long", clean=True),
    Function("lower", (WORDS,), t.TEXT, lambda _c, s: s.lower(), "in small letters"),
    Function("upper", (WORDS,), t.TEXT, lambda _c, s: s.upper(), "in capital letters"),
    Function("trim", (WORDS,), t.TEXT, lambda _c, s: s.strip(), "without blanks around it"),
    Function("text", ((t.ANY,),), t.TEXT, lambda _c, v: t.convert(t.TEXT, v), "a value as text"),
    Function("startswith", (WORDS, WORDS), t.BOOL, lambda _c, s, p: s.startswith(p), "begins the text so?", clean=True),
    Function("endswith", (WORDS, WORDS), t.BOOL, lambda _c, s, p: s.endswith(p), "ends the text so?", clean=True),
    Function("matches", (WORDS, WORDS), t.BOOL, _matches, "is the whole text of this pattern (RE2)?", clean=True),
    Function("min", (ORDERED,), _widest, lambda _c, *v: min(v), "the smallest", many=True),
    Function("max", (ORDERED,), _widest, lambda _c, *v: max(v), "the largest", many=True),
    Function("round", (NUMBER, (t.INT,)), _round_type, _round, "rounded, halves up; places as second", optional=1),
    Function("abs", (NUMBER,), lambda kinds: kinds[0], lambda _c, v: abs(v), "without its sign"),
    Function("now", (), t.DATETIME, lambda ctx: ctx.now, "this moment"),
    Function("today", (), t.DATE, lambda ctx: ctx.now.date(), "today's date"),
    Function("weekday", ((t.DATE, t.DATETIME),), t.INT, lambda _c, d: d.isoweekday(), "1 for Monday to 7 for Sunday"),
)
FUNCTIONS: dict[str, Function] = {function.name: function for function in _ALL}
