"""What is typed for each type of variable: how many keys, which besides digits, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any

from cti.flow import types as t


@dataclass(frozen=True, slots=True)
class Entry:
    """How a type is typed: fewest and most keys, and the keys it is made of besides digits."""

    least: int = 1
    most: int = 32
    extra_keys: str = ""
    fields: tuple[str, ...] = field(default=())


_ENTRIES = {
    "text": Entry(),
    "enum": Entry(),
    "phone": Entry(3, 20),
    "phone(mobile)": Entry(11, 11),
    "phone(fixed)": Entry(7, 12),
    "int": Entry(1, 12),
    "decimal": Entry(1, 15, "*"),
    "date": Entry(8, 8),
    "time": Entry(4, 4),
}


def parse_keys(kind: t.Type, typed: str) -> Any:
    """The value that ``typed`` means for ``kind``: dates as YYYYMMDD, times as HHMM, star as the decimal point.

    Raises `BadValue`.
    """
    try:
        match kind.kind:
            case "date":
                return date(int(typed[:4]), int(typed[4:6]), int(typed[6:]))
            case "time":
                return time(int(typed[:2]), int(typed[2:]))
            case "int":
                return t.convert(kind, typed.lstrip("0") or "0")
            case "decimal":
                whole, _, rest = typed.partition("*")
                return t.convert(kind, f"{whole.lstrip('0') or '0'}.{rest or '0'}")
    except ValueError:
        raise t.BadValue("these keys are no date or time") from None
    return t.convert(kind, typed)


def can_be_typed(kind: t.Type) -> bool:
    return kind.kind in _ENTRIES


def extra_keys(kind: t.Type) -> str:
    return _ENTRIES[kind.kind].extra_keys


def entry_bounds(kind: t.Type, digits: Mapping[str, Any]) -> tuple[int, int]:
    entry = _ENTRIES.get(f"phone({kind.line})" if kind.line else kind.kind, Entry())
    return digits.get("min", min(entry.least, digits.get("max", entry.least))), digits.get("max", entry.most)
