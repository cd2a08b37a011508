"""JSON Schema (draft-07, what yaml-language-server knows best) of the files that authors write, for their editors.

Nodes come from the registry, option by option: each kind of value describes itself. An editor completes names, shows
what an option means and its default, and marks what is surely wrong; `cti flow check` says everything else. A schema
here never refuses what the checker takes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from cti.flow import nodes as _types  # noqa: F401  (fills the registry)
from cti.flow import types as t
from cti.flow.kinds import NODE_NAME, SCALAR, Flag
from cti.flow.load import DEFAULT_IVR_S, HANDLERS, TOP
from cti.flow.model import MEDIA
from cti.flow.registry import COMMON, REGISTRY, NodeType, Option
from cti.flow.schema_files import calendar_schema, entry_schema
from cti.flow.schema_parts import DRAFT, closed, described, listed, plain
from cti.flow.schema_tests import tests_schema

_TYPE_TEXT = (
    f"`name: type`, or `name: type = value`. Types are {', '.join(t.KINDS)}; `?` behind it: may be absent, `!`: "
    "sensitive, masked wherever it is shown"
)


def flow_schema() -> dict[str, Any]:
    """Of a flow file."""
    parts = _parts()
    return {
        "$schema": DRAFT,
        "title": "IVR flow",
        "description": "A conversation: nodes, and the ways between them.",
        **closed({name: parts.get(name, {}) for name in TOP}, required=("flow", "start", "nodes")),
    }


def _parts() -> dict[str, dict[str, Any]]:
    variables = {"type": "object", "propertyNames": NODE_NAME, "additionalProperties": {"type": "string"}}
    node_name = plain(NODE_NAME)
    return {
        "flow": described(SCALAR, "the id; the file has the same name"),
        "title": described(SCALAR, "a title for people"),
        "start": described(node_name, "the first node"),
        "languages": described(
            closed(
                {
                    "default": described(SCALAR, "the language that a call begins in, such as zh-CN"),
                    "also": described(
                        {"type": "array", "items": SCALAR}, "languages that it can change to, such as [en-US]"
                    ),
                },
                required=("default",),
            ),
            "every text must be there in each of them; zh-CN alone unless said",
        ),
        "media": described(listed({"enum": list(MEDIA)}), "what the flow is made for; voice unless said"),
        "answer": described(
            Flag.schema, "false: the call is answered only by the first node that needs the caller", default=True
        ),
        "inputs": described(
            variables,
            f"what the entry table or the calling flow hands over; caller and line come by themselves: {_TYPE_TEXT}",
        ),
        "vars": described(variables, "variables of the flow, written like inputs; without `?` they need a value"),
        "on": described(
            closed({name: described(node_name, f"the node for '{name}'") for name in HANDLERS}),
            "nodes for an error, for a caller who hangs up, and for a call that takes too long",
        ),
        "limits": described(
            closed(
                {
                    "ivr_seconds": described(
                        {"type": "integer", "minimum": 1, "maximum": 86400},
                        "the longest time with the machine; queues and talks are not counted",
                        default=int(DEFAULT_IVR_S),
                    ),
                    "human_within_keys": described(
                        {"type": "integer", "minimum": 0, "maximum": 99}, "how many keys may lie before a person"
                    ),
                }
            ),
            "bounds that are checked, and kept",
        ),
        "nodes": {
            "type": "object",
            "description": "the conversation",
            "minProperties": 1,
            "propertyNames": plain(NODE_NAME),
            "additionalProperties": _any_node(),
        },
        "tests": tests_schema(),
    }


def _any_node() -> dict[str, Any]:
    """By `type`: an editor then speaks of the options of that type only."""
    kinds = "\n\n".join(f"{name}: {_first_sentence(kind.doc)}" for name, kind in REGISTRY.items())
    return {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": list(REGISTRY), "description": f"what the node does\n\n{kinds}"}},
        "allOf": [
            {
                "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
                "then": _node(kind),  # not by $ref: editors would offer the name of the definition as an option
            }
            for name, kind in REGISTRY.items()
        ],
    }


def _node(kind: NodeType) -> dict[str, Any]:
    options: dict[str, Option] = {**kind.options, **COMMON}
    properties: dict[str, Any] = {"type": {"const": kind.name, "description": kind.doc}}
    for name, option in options.items():
        default = option.kind.written(option.default)
        told = "" if default is None else f"\n\nunless said: {json.dumps(default, ensure_ascii=False)}"
        properties[name] = described(option.kind.schema, option.doc + told, default=default)
    if kind.single:
        properties["next"] = described(NODE_NAME, "the node that follows; the one written below unless said")
    elif kind.wired:
        properties["to"] = _exits(kind)
    required = ("type", *(name for name, option in options.items() if option.required))
    form = closed(properties, required=required)
    del form["type"]  # said above; editors would offer it as a value here
    return {"description": kind.doc, **form}


def _exits(kind: NodeType) -> dict[str, Any]:
    ways = {name: described(NODE_NAME, f"the node after '{name}'") for name in kind.exits}
    ways["else"] = described(NODE_NAME, "the node after every exit that is not named here")
    own = type(kind).exits_of is not NodeType.exits_of  # some exits follow from options or from what is asked
    form = {"type": "object", "properties": ways, "additionalProperties": plain(NODE_NAME) if own else False}
    return described(form, f"the nodes that the exits lead to: {', '.join(kind.exits)}, else")


def _first_sentence(text: str) -> str:
    return text.split(". ", 1)[0].rstrip(".")


#: What `cti flow schema --kind` offers.
SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "flow": flow_schema,
    "entry": entry_schema,
    "calendar": calendar_schema,
}
