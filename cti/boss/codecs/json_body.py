"""A JSON object. Pure. Numbers with a point are decimals; what JSON does not know (NaN, twice the same key) is refused.

Decimals are written as texts, with every digit; a decimal with a ``scale`` is a whole number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from cti.boss.codecs import charset as cs
from cti.boss.codecs.errors import CodecError
from cti.boss.codecs.fields import FieldOptions, from_text, plain_text, to_text

#: Deeper than any answer of a back office, and far from Python's own limit.
MOST_DEEP = 40


class JsonBody:
    """``fields`` empty: whatever comes. A field's name may be a path of names, such as ``account.balance``."""

    def __init__(self, fields: Sequence[FieldOptions], charset: str) -> None:
        self._fields, self._charset = tuple(fields), charset

    def encode(self, fields: Mapping[str, Any]) -> bytes:
        """Raises CodecError."""
        tree: dict[str, Any] = {}
        declared = {field.name: field for field in self._fields}
        for name in declared if declared else fields:
            if declared and (fields.get(name) is None and not declared[name].required):
                continue
            put(tree, name, _json_value(declared.get(name), name, fields.get(name)))
        if declared and (unknown := next((name for name in fields if name not in declared), None)) is not None:
            raise CodecError("unknown-field", unknown)
        return cs.to_bytes(json.dumps(tree, ensure_ascii=False, separators=(",", ":")), self._charset)

    def decode(self, body: bytes) -> dict[str, Any]:
        """Raises CodecError."""
        tree = read_json(cs.to_text(body, self._charset))
        for field in self._fields:
            found, last = tree, field.name.split(".")
            for step in last[:-1]:
                inner = found.get(step)
                found = inner if isinstance(inner, dict) else {}
            value = found.get(last[-1])
            if value is None:
                if field.required:
                    raise CodecError("missing-field", field.name)
                continue
            found[last[-1]] = _typed(field, value)
        return tree


def read_json(text: str) -> dict[str, Any]:
    """An object. Raises CodecError ``bad-body``, ``duplicate-field``."""
    depth = deepest = 0
    for sign in text if text.count("[") + text.count("{") > MOST_DEEP else "":
        depth += (sign in "[{") - (sign in "]}")
        deepest = max(deepest, depth)
    if deepest > MOST_DEEP:
        raise CodecError("bad-body")
    try:
        tree = json.loads(text, object_pairs_hook=_object, parse_float=_number, parse_constant=_refuse)
    except CodecError:
        raise
    except (ValueError, RecursionError):
        raise CodecError("bad-body") from None
    if not isinstance(tree, dict):
        raise CodecError("bad-body")
    return tree


def put(tree: dict[str, Any], name: str, value: Any) -> None:
    """At a path of names. Raises CodecError ``bad-value`` where a plain value stands in its way."""
    *outer, last = name.split(".")
    for step in outer:
        tree = tree.setdefault(step, {})
        if not isinstance(tree, dict):
            raise CodecError("bad-value", name)
    tree[last] = value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise CodecError("duplicate-field")
    return found


def _number(text: str) -> Decimal:
    found = Decimal(text)
    if not -400 < found.adjusted() < 400:
        raise CodecError("bad-body")
    return found


def _refuse(_constant: str) -> Any:
    raise CodecError("bad-body")


def _json_value(field: FieldOptions | None, name: str, value: Any) -> Any:
    if field is not None:
        text = to_text(field, value)  # proves the type
        if field.type == "bool" and (field.yes, field.no) == ("1", "0"):
            return value
        return int(text) if field.type == "int" or field.scale is not None else text
    if value is None or isinstance(value, bool | int | str):
        return value
    try:
        return plain_text(value)
    except ValueError:
        raise CodecError("bad-value", name) from None


def _typed(field: FieldOptions, value: Any) -> Any:
    if isinstance(value, bool):
        if field.type == "bool":
            return value
        raise CodecError("bad-field", field.name)
    if isinstance(value, dict | list) or (field.type == "text" and not isinstance(value, str)):
        raise CodecError("bad-field", field.name)
    if field.numeric and isinstance(value, int | Decimal) and field.scale is None:
        if field.type == "int" and value != int(value):
            raise CodecError("bad-field", field.name)
        return int(value) if field.type == "int" else Decimal(value)
    return from_text(field, value if isinstance(value, str) else str(value))
