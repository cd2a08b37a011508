"""Small pieces that the schemas are put together from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

DRAFT = "http://json-schema.org/draft-07/schema#"


def described(schema: Mapping[str, Any], text: str, default: Any = None) -> dict[str, Any]:
    """``schema`` with a description, and the default when there is one."""
    given = {} if default is None else {"default": default}
    return {**plain(schema), "description": text, **given}


def closed(properties: Mapping[str, Any], required: Iterable[str] = ()) -> dict[str, Any]:
    """An object with these parts and no others."""
    needed = list(required)
    form: dict[str, Any] = {"type": "object", "properties": plain(properties), "additionalProperties": False}
    return {**form, "required": needed} if needed else form


def listed(item: Mapping[str, Any]) -> dict[str, Any]:
    """One of ``item``, or a list of them."""
    return {"anyOf": [plain(item), {"type": "array", "items": plain(item)}]}


def plain(value: Any) -> Any:
    """The same in plain dicts and lists, as JSON writes it."""
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value
