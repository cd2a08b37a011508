"""The reference of the flow language, made from the registry, and from what editors are told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import Field, fields, is_dataclass
from typing import Any

from cti.flow import nodes as _types  # noqa: F401  (fills the registry)
from cti.flow import types as t
from cti.flow.catalog import Catalog
from cti.flow.expressions import FUNCTIONS
from cti.flow.kinds import Kind
from cti.flow.registry import COMMON, REGISTRY, NodeType, Option
from cti.flow.schema import flow_schema

#: The order of the page; groups that are not named here follow.
GROUPS = ("Saying", "Asking", "Deciding", "Data", "People", "Media", "Structure")


def reference(catalog: Catalog | None = None) -> str:
    """Markdown: the parts of a file, kinds of values, every node type by group, functions, and the catalogue's
    look-ups."""
    parts = [_file(), _every_node(), _kinds()]
    for group in dict.fromkeys((*GROUPS, *(kind.group for kind in REGISTRY.values()))):
        kinds = [kind for kind in REGISTRY.values() if kind.group == group]
        if kinds:
            parts.append(f"### {group}\n")
            parts += [describe(kind) for kind in kinds]
    rows = [(f"`{_signature(name)}`", FUNCTIONS[name].doc) for name in sorted(FUNCTIONS)]
    parts.append("### Functions\n\n" + _table(("Function", "Gives"), rows))
    if catalog is not None and catalog.lookups:
        parts.append(_lookups(catalog))
    return "\n".join(parts)


def describe(kind: NodeType) -> str:
    """One node type."""
    extra = " Also runs after the caller has hung up." if kind.after_hangup else ""
    head = f"#### `{kind.name}`\n\n{kind.doc}{extra}\n\nExits: {_exits(kind)}\n"
    return f"{head}\n{_options(kind.options)}\n```yaml\n{kind.example.strip()}\n```\n"


# ---- parts -----------------------------------------------------------------------------------------------------------


def _file() -> str:
    schema = flow_schema()
    rows = []
    for name, part in schema["properties"].items():
        rows.append((f"`{name}`", "required" if name in schema["required"] else "", part["description"]))
        inner = part.get("properties", {}) if name in ("languages", "on", "limits") else {}
        for own, of in inner.items():
            default = f"`{of['default']}` unless said" if "default" in of else ""
            rows.append((f"`{name}: {{{own}: …}}`", default, of["description"]))
    return "### A flow file\n\n" + _table(("Part", "", "Meaning"), rows)


def _every_node() -> str:
    text = """\
### Every node

`nodes:` maps a name to a node; the name is the author's. `type` says what the node does and which options it has. The
ways out are its exits: a type with the one exit `next` takes `next: node`, or goes on with the node written below; the
others take `to: {exit: node, else: node}`, where `else` stands for all exits that are not named.
"""
    return f"{text}\n{_options(COMMON)}"


def _kinds() -> str:
    """How the values of the tables are written; kinds that say it in their name are left out."""
    found: dict[str, str] = {}
    for kind in REGISTRY.values():
        for option in kind.options.values():
            for part in _within(option.kind):
                if part.doc:
                    found.setdefault(part.name.split(" (")[0], part.doc)
    rows = [(f"{name}", doc) for name, doc in sorted(found.items(), key=lambda row: (not row[0][0].isalpha(), row[0]))]
    return "### Kinds of values\n\n" + _table(("Kind", "How it is written"), rows)


def _within(value: object) -> Iterator[Kind]:
    """A kind and those it is made of."""
    if isinstance(value, Kind):
        yield value
        parts: tuple[Field[Any], ...] = fields(value) if is_dataclass(value) else ()
        for part in parts:
            yield from _within(getattr(value, part.name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _within(item)


def _exits(kind: NodeType) -> str:
    if kind.single:
        return "`next` (`next: node`; the node below unless said)"
    named = type(kind).ways is not NodeType.ways  # its options name nodes: keys, cases
    if not kind.wired:
        return "its options name the nodes" if named else "none: the flow ends here"
    more = "; its options name nodes, too" if named else ""
    more += "; and what follows from its options" if type(kind).exits_of is not NodeType.exits_of else ""
    return ", ".join(f"`{name}`" for name in kind.exits) + f" (`to: {{{kind.exits[0]}: node, else: node}}`){more}"


def _options(options: Mapping[str, Option]) -> str:
    rows = [
        (f"`{name}`", option.kind.name, "required" if option.required else _default(option), option.doc)
        for name, option in options.items()
    ]
    return _table(("Option", "Kind", "Default", "Meaning"), rows)


def _default(option: Option) -> str:
    value = option.kind.written(option.default)
    return "" if value is None else f"`{_yaml(value)}`"


def _yaml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_yaml(item)}" for name, item in value.items()) + "}"
    return str(value)


def _lookups(catalog: Catalog) -> str:
    head = ("`ask`", "`with`", "`result`", "Exits")
    rows = [
        (f"`{name}`", _fields(found.inputs), _fields(found.outputs), ", ".join(f"`{exit}`" for exit in found.exits))
        for name, found in sorted((catalog.lookups or {}).items())
    ]
    text = "What the demo's back office answers; an installation names its own (see interface-server.md).\n\n"
    asked = f"### Look-ups of the demo\n\n{text}" + _table(head, rows)
    exits = ", ".join(f"`{exit}`" for exit in REGISTRY["request"].exits)
    rows = [
        (f"`{name}`", _fields(found.inputs), _fields(found.outputs), exits)
        for name, found in sorted((catalog.requests or {}).items())
    ]
    text = "What a `request` can have written in the demo.\n\n"
    return f"{asked}\n### Requests of the demo\n\n{text}" + _table(head, rows)


def _fields(types: Mapping[str, t.Type]) -> str:
    return ", ".join(f"`{name}` {kind}" for name, kind in types.items())


def _signature(name: str) -> str:
    function = FUNCTIONS[name]
    shown = [" or ".join(kind.kind for kind in kinds) for kinds in function.params]
    for index in range(len(shown) - function.optional, len(shown)):
        shown[index] += "?"
    return f"{name}({', '.join(shown)}{', …' if function.many else ''})"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
