"""Values of a run as JSON and back, without loss: decimals stay decimals, moments keep their offset."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

_TAG = "$"
_AS_IS = frozenset({type(None), str, bool})  # the exact types: asked first because nearly all values are of them
_BIG = 2**63  # not every reader of JSON takes more


def encode(value: Any) -> Any:
    """JSON-serialisable; what JSON has no word for becomes ``{"$": kind, "v": text}``."""
    if type(value) in _AS_IS or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if -_BIG < value < _BIG else {_TAG: "int", "v": str(value)}
    if isinstance(value, Decimal):
        return {_TAG: "decimal", "v": str(value)}
    if isinstance(value, datetime):
        return {_TAG: "datetime", "v": value.isoformat()}
    if isinstance(value, date):
        return {_TAG: "date", "v": value.isoformat()}
    if isinstance(value, time):
        return {_TAG: "time", "v": value.isoformat()}
    if isinstance(value, timedelta):
        return {_TAG: "duration", "v": [value.days, value.seconds, value.microseconds]}
    if isinstance(value, tuple | list):
        return {_TAG: "list", "v": [encode(item) for item in value]}
    return {_TAG: "record", "v": {name: encode(item) for name, item in value.items()}}


def decode(data: Any) -> Any:
    """The inverse of `encode`."""
    if not isinstance(data, dict):
        return data
    value = data["v"]
    match data[_TAG]:
        case "decimal":
            return Decimal(value)
        case "datetime":
            return datetime.fromisoformat(value)
        case "date":
            return date.fromisoformat(value)
        case "time":
            return time.fromisoformat(value)
        case "duration":
            return timedelta(*value)
        case "int":
            return int(value)
        case "list":
            return tuple(decode(item) for item in value)
    return {name: decode(item) for name, item in value.items()}


def encode_all(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if type(value) in _AS_IS else encode(value) for name, value in values.items()}


def decode_all(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: decode(value) if type(value) is dict else value for name, value in data.items()}
