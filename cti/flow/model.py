"""A loaded flow: immutable, picklable, every part with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, TypeVar

from cti.core.commands import AudioPart, Sound, Tone
from cti.core.issue import Place
from cti.flow import types as t
from cti.flow.catalog import LookupSignature
from cti.flow.expressions import Expression

Part = TypeVar("Part")
MEDIA = ("voice", "video", "sms", "chat", "fax", "timer")


@dataclass(frozen=True, slots=True)
class NodeRef:
    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any
    place: Place


@dataclass(frozen=True, slots=True)
class Computed:
    expression: Expression

    @property
    def place(self) -> Place:
        return self.expression.place


Value = Literal | Computed


@dataclass(frozen=True, slots=True)
class Template:
    """A text with ``${…}`` parts; ``pieces`` are texts and expressions in order."""

    pieces: tuple[str | Expression, ...]
    place: Place

    @property
    def fixed(self) -> bool:
        return all(isinstance(piece, str) for piece in self.pieces)

    @property
    def fixed_text(self) -> str:
        return "".join(piece for piece in self.pieces if isinstance(piece, str))

    def expressions(self) -> Iterator[Expression]:
        return (piece for piece in self.pieces if isinstance(piece, Expression))


@dataclass(frozen=True, slots=True)
class SayText:
    """One text in each language of the flow."""

    texts: Mapping[str, Template]
    place: Place


PromptItem = SayText | Sound | Tone


@dataclass(frozen=True, slots=True)
class Prompt:
    """``rendered``: what it comes to in a language, kept once it was said, where no value is in it."""

    items: tuple[PromptItem, ...]
    place: Place
    rendered: dict[str, tuple[AudioPart, ...]] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    type: t.Type
    place: Place
    default: Any = None
    is_input: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """``exits`` are the wired ones (``else`` included); ``below`` is the node written after this one."""

    name: str
    type: str
    place: Place
    options: Mapping[str, Any]
    exits: Mapping[str, NodeRef]
    below: str | None = None
    option_places: Mapping[str, Place] = field(default_factory=dict)

    def get(self, option: str) -> Any:
        return self.options.get(option)

    def at(self, option: str) -> Place:
        return self.option_places.get(option, self.place)


@dataclass(frozen=True, slots=True)
class ScriptStep:
    """``do`` is hear, not_hear, press, text, silence, wait, hangup; ``value`` text, keys, or seconds."""

    do: str
    value: Any
    place: Place


@dataclass(frozen=True, slots=True)
class FlowTest:
    """``given`` and ``expect`` as written, scalars as text; the simulator gives them their types."""

    name: str
    given: Mapping[str, Any]
    script: tuple[ScriptStep, ...]
    expect: Mapping[str, Any]
    place: Place
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Flow:
    """``digest`` is the sha256 of what the flow says (tests and comments left out)."""

    id: str
    title: str
    file: str
    start: str
    languages: tuple[str, ...]  # the default first
    variables: Mapping[str, Variable]
    handlers: Mapping[str, NodeRef]  # error, hangup, limit
    ivr_seconds: float
    human_within_keys: int | None
    nodes: Mapping[str, Node]
    tests: tuple[FlowTest, ...]
    digest: str
    place: Place
    answer: bool = True
    media: tuple[str, ...] = ("voice",)
    lookups: Mapping[str, LookupSignature] = field(default_factory=dict)  # of the sources it asks, as far as known

    @property
    def default_language(self) -> str:
        return self.languages[0]

    def scope(self) -> dict[str, t.Type]:
        """Types of every variable that expressions of this flow may read, the ever-present ones included."""
        return {**builtin_types(self.languages), **{name: variable.type for name, variable in self.variables.items()}}

    def outcomes(self) -> tuple[str, ...]:
        """Exits that a `subflow` node calling this flow has. An `end` without an outcome is called ``done``."""
        ends = (node.get("outcome") or "done" for node in self.nodes.values() if node.type == "end")
        return tuple(dict.fromkeys(ends))

    def returns(self) -> frozenset[str]:
        """Names that some `end` of this flow hands back."""
        return frozenset(name for node in self.nodes.values() for name in (node.get("returns") or {}))


def builtin_types(languages: tuple[str, ...]) -> dict[str, t.Type]:
    """Variables that exist in every flow."""
    return {
        "language": t.enum(*languages),
        "called": t.Type("phone", optional=True),
        "medium": t.enum(*MEDIA),
        "now": t.DATETIME,
    }


def parts_of(value: object, wanted: type[Part]) -> Iterator[Part]:
    """Every ``wanted`` inside parsed options, however deep, in the order written."""
    if isinstance(value, wanted):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from parts_of(item, wanted)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from parts_of(item, wanted)
    elif is_dataclass(value) and not isinstance(value, type | Expression):
        for part in fields(value):
            if not part.compare:
                continue  # derived, as what a prompt was rendered to
            yield from parts_of(getattr(value, part.name), wanted)
