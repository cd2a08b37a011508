"""Types of the flow language: how they are written, what fits into what, and how foreign values become values.

Values in Python: text and enum str · int · decimal Decimal · bool · phone str (digits, may begin with '+') ·
date, time, datetime · duration timedelta · list tuple · record dict. An absent value is None.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from cti.core.numbers import normalise_number
from cti.flow.units import parse_duration

KINDS = ("text", "int", "decimal", "bool", "phone", "date", "time", "datetime", "duration", "enum", "list", "record")
MAX_TEXT = 10_000
MAX_INT = 10**18
PHONE = re.compile(r"\+?[0-9]{2,20}")
# By the Chinese numbering plan: a fixed line with its area code, or dialled locally.
_LINES = {"mobile": re.compile("1[3-9][0-9]{9}"), "fixed": re.compile("0[1-9][0-9]{8,10}|[2-8][0-9]{6,7}")}
_INT = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,12})?")
_NAME = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Type:
    """``values`` of an enum; ``item`` of a list; ``fields`` of a record. ``any`` is a value not known at load."""

    kind: str
    values: tuple[str, ...] = ()
    item: Type | None = None
    fields: tuple[tuple[str, Type], ...] = ()
    optional: bool = False
    sensitive: bool = False
    line: str = ""  # of a phone: mobile or fixed, '' for any

    def __str__(self) -> str:
        inner = ""
        if self.kind == "enum":
            inner = f"[{', '.join(self.values)}]"
        elif self.kind == "list" and self.item:
            inner = f"[{self.item}]"
        elif self.kind == "record" and self.fields:
            inner = f"[{', '.join(f'{name}: {kind}' for name, kind in self.fields)}]"
        elif self.line:
            inner = f"({self.line})"
        return f"{self.kind}{inner}{'?' if self.optional else ''}{'!' if self.sensitive else ''}"

    def field(self, name: str) -> Type | None:
        return dict(self.fields).get(name)

    def given(self) -> Type:
        """The same type without '?'."""
        return replace(self, optional=False) if self.optional else self


ANY = Type("any")
TEXT, INT, DECIMAL, BOOL = Type("text"), Type("int"), Type("decimal"), Type("bool")
PHONE_TYPE, DATE, TIME, DATETIME = Type("phone"), Type("date"), Type("time"), Type("datetime")
DURATION = Type("duration")


def enum(*values: str) -> Type:
    return Type("enum", values=values)


def parse_type(text: str) -> Type | str:
    """The type, or a sentence that says what is wrong.

    >>> str(parse_type("enum[mobile, fixed]?"))
    'enum[mobile, fixed]?'
    """
    if len(text) > 1000:
        return "this type is too long"
    return _parse(text.strip(), 0)


def _parse(text: str, depth: int) -> Type | str:
    body = text.rstrip("?! ")
    marks = text[len(body) :]
    optional, sensitive = "?" in marks, "!" in marks
    if (line := re.fullmatch(r"phone *[(\[] *(mobile|fixed) *[)\]]", body)) is not None:
        return Type("phone", optional=optional, sensitive=sensitive, line=line.group(1))
    match = re.fullmatch(r"([a-z]+)(?:\[(.*)\])?", body, re.DOTALL)
    if not match or match.group(1) not in KINDS or depth > 4:
        return f"'{text}' is no type; types are {', '.join(KINDS)}, with '?' (may be absent) and '!' (sensitive)"
    kind, inner = match.groups()
    if kind == "enum":
        values = tuple(part.strip() for part in (inner or "").split(","))
        if not inner or not all(values) or len(set(values)) != len(values):
            return "an enum lists its different values: enum[mobile, fixed]"
        return Type("enum", values=values, optional=optional, sensitive=sensitive)
    if kind == "list":
        item = _parse(inner.strip(), depth + 1) if inner else TEXT
        return item if isinstance(item, str) else Type("list", item=item, optional=optional, sensitive=sensitive)
    if kind == "record":
        return _parse_record(inner, depth, optional, sensitive)
    if inner is not None:
        return f"{kind} takes no [{inner}]"
    return Type(kind, optional=optional, sensitive=sensitive)


def _parse_record(inner: str | None, depth: int, optional: bool, sensitive: bool) -> Type | str:
    fields: list[tuple[str, Type]] = []
    for part in _split(inner or ""):
        name, colon, spelled = part.partition(":")
        parsed = _parse(spelled.strip(), depth + 1) if colon else "a record lists its fields: record[name: text]"
        if isinstance(parsed, str):
            return parsed
        fields.append((name.strip(), parsed))
    return Type("record", fields=tuple(fields), optional=optional, sensitive=sensitive)


def _split(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for index, char in enumerate(text):
        depth += (char == "[") - (char == "]")
        if char == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    parts.append(text[start:])
    return [part for part in parts if part.strip()]


def is_name(text: str) -> bool:
    return len(text) <= 64 and bool(_NAME.fullmatch(text))


def fits(expected: Type, actual: Type) -> bool:
    """May a value of type ``actual`` stand where ``expected`` is asked for? Absence is judged elsewhere."""
    if "any" in (expected.kind, actual.kind):
        return True
    if expected.kind == "text":
        return actual.kind in ("text", "enum", "phone")
    if expected.kind == "decimal":
        return actual.kind in ("decimal", "int")
    if expected.kind == "phone" and expected.line:
        return actual.kind == "phone" and actual.line == expected.line
    if expected.kind == "phone":
        return actual.kind in ("phone", "text") or (
            actual.kind == "enum" and all(PHONE.fullmatch(value) for value in actual.values)
        )
    if expected.kind == "enum":
        return actual.kind == "enum" and set(actual.values) <= set(expected.values)
    if expected.kind == "list" and actual.kind == "list":
        return fits(expected.item or ANY, actual.item or ANY)
    return expected.kind == actual.kind


def join(one: Type, other: Type) -> Type | None:
    """The type of ``a if c else b``; None when the two have nothing in common."""
    if one.kind == "enum" and other.kind == "enum":
        return Type("enum", values=tuple(dict.fromkeys((*one.values, *other.values))))
    if "any" in (one.kind, other.kind):
        return ANY
    if fits(one, other):
        return one
    return other if fits(other, one) else None


class BadValue(Exception):
    """A value does not fit its type. The text says so in the author's words and never contains the value."""


def convert(kind: Type, value: Any) -> Any:
    """A foreign value (from a look-up, a digit string, YAML text) as a value of ``kind``; raises `BadValue`."""
    if value is None:
        if kind.optional or kind.kind == "any":
            return None
        raise BadValue(f"a value is absent where {kind} is needed")
    return _CONVERTERS[kind.kind](kind, value)


_PYTHON: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
    "enum": (str,),
    "phone": (str,),
    "int": (int,),
    "decimal": (int, Decimal),
    "bool": (bool,),
    "date": (date,),
    "time": (time,),
    "datetime": (datetime,),
    "duration": (timedelta,),
    "list": (tuple,),
    "record": (dict,),
    "any": (object,),
}


def python_types(kinds: tuple[Type, ...]) -> tuple[type, ...]:
    """The Python types of values of any of ``kinds``; a bool counts as one only where ``bool`` is among them."""
    found = tuple(python for kind in kinds for python in _PYTHON[kind.kind])
    return (*found, bool) if object in found else found


def _bad(kind: Type) -> BadValue:
    return BadValue(f"the value is no {kind.given()}")


_AS_TEXT = (str, int, Decimal, date, time)


def _text(kind: Type, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, _AS_TEXT):
        raise _bad(kind)
    text: str = value.isoformat() if isinstance(value, date | time) else str(value)
    if len(text) > MAX_TEXT:
        raise BadValue(f"the text is longer than {MAX_TEXT} characters")
    return text


def _int(kind: Type, value: Any) -> int:
    if isinstance(value, str) and _INT.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, Decimal | float) and -MAX_INT < value < MAX_INT and value == int(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _bad(kind)
    number: int = value
    if abs(number) > MAX_INT:
        raise _bad(kind)
    return number


def _decimal(kind: Type, value: Any) -> Decimal:
    if isinstance(value, float):
        value = repr(value)  # the shortest text that gives this float, not its binary expansion
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise _bad(kind)
    try:
        number = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation:
        raise _bad(kind) from None
    if not number.is_finite() or abs(number) > MAX_INT or abs(number.adjusted()) > 30:
        raise _bad(kind)
    return number


def _bool(kind: Type, value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "yes", "false", "no"):
        return value.lower() in ("true", "yes")
    if isinstance(value, bool) or value in (0, 1):
        return bool(value)
    raise _bad(kind)


def _phone(kind: Type, value: Any) -> str:
    text = re.sub(r"[\s\-()]", "", str(value)) if isinstance(value, str | int) and len(str(value)) < 40 else ""
    if isinstance(value, bool) or not PHONE.fullmatch(text):
        raise _bad(kind)
    if kind.line and not _LINES[kind.line].fullmatch(normalise_number(text)):
        raise _bad(kind)
    return text


def _enum(kind: Type, value: Any) -> str:
    if not isinstance(value, str) or value not in kind.values:
        raise _bad(kind)
    return value


def _moment(kind: Type, value: Any) -> Any:
    wanted: type[date] | type[time] = {"date": date, "time": time, "datetime": datetime}[kind.kind]
    if isinstance(value, str) and len(value) < 40:
        try:
            value = wanted.fromisoformat(value.strip())
        except ValueError:
            raise _bad(kind) from None
    if kind.kind == "date" and isinstance(value, datetime):
        return value.date()
    if not isinstance(value, wanted):
        raise _bad(kind)
    return value


def _duration(kind: Type, value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    seconds = parse_duration(value) if isinstance(value, str) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or abs(seconds) > 1e9:
        raise _bad(kind)
    return timedelta(seconds=seconds)


def _list(kind: Type, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple) or len(value) > 1000:
        raise _bad(kind)
    return tuple(convert(kind.item or ANY, item) for item in value)


def _record(kind: Type, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or len(value) > 200:
        raise _bad(kind)
    if not kind.fields:
        return {str(name): convert(ANY, item) for name, item in value.items()}
    return {name: convert(field, value.get(name)) for name, field in kind.fields}


_SIMPLE = (bool, int, Decimal, date, time, timedelta)


def _any(kind: Type, value: Any) -> Any:
    if isinstance(value, str):
        return _text(TEXT, value)
    if value is None or isinstance(value, _SIMPLE):
        return value
    if isinstance(value, float):
        return _decimal(DECIMAL, value)
    if isinstance(value, Mapping):
        return _record(Type("record"), value)
    if isinstance(value, list | tuple):
        return _list(Type("list"), value)
    raise BadValue("a value of a kind that flows do not know")


_CONVERTERS: Mapping[str, Any] = {
    "text": _text,
    "int": _int,
    "decimal": _decimal,
    "bool": _bool,
    "phone": _phone,
    "enum": _enum,
    "date": _moment,
    "time": _moment,
    "datetime": _moment,
    "duration": _duration,
    "list": _list,
    "record": _record,
    "any": _any,
}
