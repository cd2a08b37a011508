"""Events as JSON and back, without loss: what a run was fed, for its journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, get_args

from cti.core import events as e
from cti.flow.values import decode, encode

_BY_NAME: Mapping[str, type[Any]] = {kind.__name__: kind for kind in get_args(e.Event)}
_NOTICE = "FoundNotice"


def event_name(event: e.Event) -> str:
    return type(event).__name__


def pack_event(event: e.Event) -> list[Any]:
    """``[class name, field, …]``, JSON-serialisable."""
    return [event_name(event), *(pack(getattr(event, field.name)) for field in fields(event))]


def unpack_event(data: list[Any]) -> e.Event:
    """The inverse of `pack_event`. Raises KeyError for an event that this release does not know."""
    made: e.Event = _BY_NAME[data[0]](*(unpack(value) for value in data[1:]))
    return made


def pack(value: Any) -> Any:
    """As `cti.flow.values.encode`, for anything that an adapter may hand over: what no flow could read becomes text."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Decimal | date | time | timedelta):
        return encode(value)
    if isinstance(value, e.FoundNotice):
        return {"$": _NOTICE, "v": [value.id, dict(value.texts), value.ends]}
    if isinstance(value, tuple | list):
        return {"$": "list", "v": [pack(item) for item in value]}
    if isinstance(value, Mapping):
        return {"$": "record", "v": {str(name): pack(item) for name, item in value.items()}}
    return repr(value)


def unpack(data: Any) -> Any:
    if not isinstance(data, dict):
        return data
    match data["$"]:
        case "FoundNotice":
            return e.FoundNotice(*data["v"])
        case "list":
            return tuple(unpack(item) for item in data["v"])
        case "record":
            return {name: unpack(item) for name, item in data["v"].items()}
    return decode(data)
