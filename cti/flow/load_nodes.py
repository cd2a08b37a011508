"""The ``nodes:`` of a flow, by the registry."""

from __future__ import annotations

from typing import Any

from cti.core.issue import Place
from cti.flow import (
    nodes as _types,  # noqa: F401  (fills the registry)
)
from cti.flow import (
    types as t,
)
from cti.flow import (
    yamlio,
)
from cti.flow.model import Node, NodeRef
from cti.flow.reading import Reading
from cti.flow.registry import COMMON, REGISTRY, NodeType, Option
from cti.flow.suggest import did_you_mean


def read_nodes(node: yamlio.Node | None, reading: Reading) -> dict[str, Node]:
    mapping = reading.mapping(node, "nodes") if node is not None else None
    if mapping is None:
        return {}
    names = [key.text for key, _ in mapping]
    nodes: dict[str, Node] = {}
    for index, (key, value) in enumerate(mapping):
        below = names[index + 1] if index + 1 < len(names) else None
        if not t.is_name(key.text):
            reading.report(key.place, "bad-option", f"'{key.text[:40]}' is no name for a node: letters, digits, '_'")
            continue
        read = _read_node(key, value, below, reading)
        nodes[key.text] = read if read is not None else Node(key.text, "", key.place, {}, {}, below)
    return nodes


def _read_node(key: yamlio.Scalar, value: yamlio.Node, below: str | None, reading: Reading) -> Node | None:
    mapping = reading.mapping(value, f"node {key.text}")
    if mapping is None:
        return None
    kind_node = mapping.get("type")
    if kind_node is None:
        reading.report(key.place, "missing-option", f"node {key.text} needs 'type:'")
        return None
    name = reading.word(kind_node, "type")
    kind = REGISTRY.get(name or "")
    if kind is None:
        if name is not None:
            hint = did_you_mean(name, REGISTRY) or f"; types are {', '.join(sorted(REGISTRY))}"
            reading.report(kind_node.place, "unknown-type", f"'{name[:40]}' is no node type{hint}")
        return None
    options, places = _options(kind, key, mapping, reading)
    exits = _exits(kind, key.text, mapping, reading)
    return Node(key.text, kind.name, key.place, options, exits, below, places)


def _options(
    kind: NodeType, key: yamlio.Scalar, mapping: yamlio.Mapping, reading: Reading
) -> tuple[dict[str, Any], dict[str, Place]]:
    known: dict[str, Option] = {**kind.options, **COMMON}
    wiring = "next" if kind.single else "to"
    options: dict[str, Any] = {name: option.default for name, option in known.items()}
    places: dict[str, Place] = {}
    for name, value in mapping:
        if name.text == "type" or (name.text == wiring and (kind.single or kind.wired)):
            continue
        if name.text not in known:
            _unknown(kind, name, wiring, known, reading)
            continue
        read = known[name.text].kind.read(value, f"{kind.name}.{name.text}", reading)
        places[name.text] = value.place
        if read is not None:
            options[name.text] = read
    for name_text, option in known.items():
        if option.required and mapping.get(name_text) is None:
            reading.report(key.place, "missing-option", f"{kind.name} '{key.text}' needs '{name_text}'")
    return options, places


def _unknown(kind: NodeType, name: yamlio.Scalar, wiring: str, known: dict[str, Option], reading: Reading) -> None:
    if name.text in ("next", "to") and (kind.single or kind.wired):
        form = "next: node" if wiring == "next" else f"to: {{{', '.join(kind.exits)}, else: node}}"
        message = f"'{name.text}' is not an option of {kind.name}; its exits are wired with {form}"
        reading.report(name.place, "unknown-option", message)
    elif name.text in kind.exits:
        message = f"'{name.text}' is an exit of {kind.name}; write it under to: {{{name.text}: node}}"
        reading.report(name.place, "unknown-option", message)
    else:
        reading.unknown_key(name, kind.name, (*known, "type", wiring))


def _exits(kind: NodeType, node: str, mapping: yamlio.Mapping, reading: Reading) -> dict[str, NodeRef]:
    if kind.single:
        value = mapping.get("next")
        name = reading.word(value, f"{node}.next") if value is not None else None
        return {"next": NodeRef(name, value.place)} if name is not None and value is not None else {}
    value = mapping.get("to") if kind.wired else None
    wired = reading.mapping(value, f"{node}.to") if value is not None else None
    exits: dict[str, NodeRef] = {}
    for key, target in wired or ():
        name = reading.word(target, f"{node}.to.{key.text}")
        if name is not None:
            exits[key.text] = NodeRef(name, target.place)
    return exits
