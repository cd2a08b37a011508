"""The reference of the flow language, made from the registry."""

from __future__ import annotations

from cti.flow import nodes as _types  # noqa: F401  (fills the registry)
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
