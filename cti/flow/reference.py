"""The reference page and the editors' JSON Schema, made from the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cti.flow import nodes as _types  # noqa: F401  (fills the registry)
from cti.flow import types as t
from cti.flow.expressions import FUNCTIONS
from cti.flow.model import Literal
from cti.flow.nodes.key_kinds import Reprompt
from cti.flow.registry import COMMON, REGISTRY, NodeType, Option
from cti.flow.units import format_duration

GROUPS = ("Saying", "Asking", "Deciding", "Data", "People", "Media", "Structure")


def reference() -> str:
    """Markdown: every node type by group, then the functions."""
    parts: list[str] = []
    for group in GROUPS:
        kinds = [kind for kind in REGISTRY.values() if kind.group == group]
        if kinds:
            parts.append(f"### {group}\n")
            parts += [describe(kind) for kind in kinds]
    parts.append("### Functions\n\n| Function | Gives |\n|---|---|")
    parts += [f"| `{_signature(name)}` | {FUNCTIONS[name].doc} |" for name in sorted(FUNCTIONS)]
    return "\n".join(parts) + "\n"


def describe(kind: NodeType) -> str:
    rows = [
        f"| `{name}` | {_cell(option.kind.name)} "
        f"| {'required' if option.required else _default(option)} | {_cell(option.doc)} |"
        for name, option in {**kind.options, **COMMON}.items()
    ]
    exits = ", ".join(f"`{name}`" for name in kind.exits) or "none of its own: its options name the nodes"
    table = "\n".join(["| Option | Kind | Default | Meaning |", "|---|---|---|---|", *rows])
    extra = " Also runs after the caller has hung up." if kind.after_hangup else ""
    head = f"#### `{kind.name}`\n\n{kind.doc}{extra}\n\nExits: {exits}"
    return f"{head}\n\n{table}\n\n```yaml\n{kind.example.strip()}\n```\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _default(option: Option) -> str:
    value = option.default
    if value is None or value in ({}, ()):
        return ""
    if isinstance(value, Reprompt):
        return "1 each"
    if isinstance(value, Literal):
        return f"`{value.value}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{format_duration(value) if isinstance(value, float) else value}`"


def _signature(name: str) -> str:
    function = FUNCTIONS[name]
    shown = [" or ".join(kind.kind for kind in kinds) for kinds in function.params]
    for index in range(len(shown) - function.optional, len(shown)):
        shown[index] += "?"
    return f"{name}({', '.join(shown)}{', …' if function.many else ''})"


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a flow file, for editors; the checker says more than a schema can."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "IVR flow",
        "type": "object",
        "required": ["flow", "start", "nodes"],
        "additionalProperties": False,
        "properties": {
            "flow": {"type": "string"},
            "title": {"type": "string"},
            "start": {"type": "string"},
            "languages": {
                "type": "object",
                "required": ["default"],
                "properties": {"default": {"type": "string"}, "also": {"type": "array", "items": {"type": "string"}}},
                "additionalProperties": False,
            },
            "media": {"type": ["string", "array"]},
            "answer": {"type": "boolean"},
            "inputs": {"type": "object", "additionalProperties": {"type": "string", "description": _kinds()}},
            "vars": {"type": "object", "additionalProperties": {"type": "string", "description": _kinds()}},
            "on": _object({name: {"type": "string"} for name in ("error", "hangup", "limit")}),
            "limits": _object({name: {"type": "integer"} for name in ("ivr_seconds", "human_within_keys")}),
            "nodes": {"type": "object", "additionalProperties": {"oneOf": [_node(kind) for kind in REGISTRY.values()]}},
            "tests": {"type": "array", "items": {"type": "object"}},
        },
    }


def _kinds() -> str:
    return f"one of {', '.join(t.KINDS)}, with ? (may be absent) and ! (sensitive)"


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _node(kind: NodeType) -> dict[str, Any]:
    options = {**kind.options, **COMMON}
    properties: dict[str, Any] = {"type": {"const": kind.name, "description": kind.doc}}
    for name, option in options.items():
        properties[name] = {**_plain(option.kind.schema), "description": option.doc}
    if kind.single:
        properties["next"] = {"type": "string", "description": "the node that follows; the one below unless said"}
    elif kind.wired:
        properties["to"] = {"type": "object", "additionalProperties": {"type": "string"}}
    required = ["type", *(name for name, option in options.items() if option.required)]
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
