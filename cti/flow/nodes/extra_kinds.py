"""Kinds of options that only some node types have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cti.core.issue import Issue, Place
from cti.flow import yamlio
from cti.flow.expressions import Expression, Scope
from cti.flow.kinds import NODE_NAME, SCALAR, VALUE, Condition, Kind, frozen
from cti.flow.model import Computed, NodeRef, Prompt, Value
from cti.flow.readers import read_prompt_item, read_value
from cti.flow.reading import Reading


@dataclass
class SoundKind(Kind):
    """A file or tone written as an option of its own."""

    what: str

    def __post_init__(self) -> None:
        self.name = self.what
        self.schema = SCALAR

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        wrapped = yamlio.Mapping(((yamlio.Scalar(self.what, node.place), node),), node.place)
        item = read_prompt_item(wrapped, what, reading)
        return Prompt((item,), node.place) if item is not None else None


@dataclass
class Fields(Kind):
    """A mapping with named parts, each of its own kind; gives a dict of those that were written."""

    parts: Mapping[str, Kind]
    required: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.name = "{" + ", ".join(f"{name}: {kind.name}" for name, kind in self.parts.items()) + "}"
        self.schema = {
            "type": "object",
            "properties": {name: dict(kind.schema) for name, kind in self.parts.items()},
            "required": list(self.required),
            "additionalProperties": False,
        }

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        mapping = reading.mapping(node, what, self.parts)
        if mapping is None:
            return None
        values: dict[str, Any] = {}
        for key, value in mapping:
            if key.text not in self.parts:
                reading.unknown_key(key, what, self.parts)
                continue
            read = self.parts[key.text].read(value, f"{what}.{key.text}", reading)
            if read is not None:
                values[key.text] = read
        for name in self.required:
            if mapping.get(name) is None:
                reading.report(node.place, "missing-option", f"{what} needs '{name}'")
        return values

    def check(self, value: Any, scope: Scope, issues: list[Issue]) -> None:
        for name, part in value.items():
            self.parts[name].check(part, scope, issues)


@dataclass
class ListOf(Kind):
    item: Kind

    def __post_init__(self) -> None:
        self.name = f"[{self.item.name}, …]"
        self.schema = {"type": "array", "items": dict(self.item.schema)}

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        sequence = reading.sequence(node, what)
        if sequence is None:
            return None
        items = [self.item.read(item, f"{what}[{index}]", reading) for index, item in enumerate(sequence.items, 1)]
        return tuple(item for item in items if item is not None)

    def check(self, value: Any, scope: Scope, issues: list[Issue]) -> None:
        for item in value:
            self.item.check(item, scope, issues)

    def refs(self, value: Any) -> Iterator[NodeRef]:
        for item in value:
            yield from self.item.refs(item)


@dataclass
class ValueMap(Kind):
    """``{name: value, …}``. The names are judged by the node type."""

    absent_ok: bool = False
    name = "{name: value, …}"
    doc = "`{msisdn: =caller}`: on the left a name that the other side knows, on the right what it is given"
    schema = frozen({"type": "object", "additionalProperties": VALUE})

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        mapping = reading.mapping(node, what)
        if mapping is None:
            return None
        values = ((key, read_value(value, f"{what}.{key.text}", reading)) for key, value in mapping)
        return {key.text: NamedValue(key.place, value) for key, value in values if value is not None}

    def check(self, value: Any, scope: Scope, issues: list[Issue]) -> None:
        """Types are the node type's matter (it knows the targets), and so is everything else."""


@dataclass(frozen=True, slots=True)
class NamedValue:
    """A value with the place of its name."""

    name_place: Place
    value: Value

    @property
    def place(self) -> Place:
        return self.value.place

    @property
    def expression(self) -> Expression | None:
        return self.value.expression if isinstance(self.value, Computed) else None


class SaveMap(ValueMap):
    """``{variable: =result.field}``."""

    name = "{variable: value, …}"
    doc = "`{balance: =result.balance}`: on the left a variable of the flow, on the right what goes into it"


class SetMap(ValueMap):
    name = SaveMap.name
    doc = SaveMap.doc


class Variable(Kind):
    """The name of a declared variable to write to."""

    name = "variable"
    doc = "the name of a variable that stands under `inputs` or `vars`; without `=`"
    schema = NODE_NAME

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        name = reading.word(node, what)
        return NodeRef(name, node.place) if name is not None else None


@dataclass
class SkillMap(Kind):
    """``{skill: level}``."""

    name = "{skill: level, …}"
    schema = frozen({"type": "object", "additionalProperties": {"type": "integer", "minimum": 1, "maximum": 10}})

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        mapping = reading.mapping(node, what)
        if mapping is None:
            return None
        levels = {key.text: reading.integer(value, f"{what}.{key.text}", 1, 10) for key, value in mapping}
        return {name: level for name, level in levels.items() if level is not None}


@dataclass(frozen=True, slots=True)
class Case:
    when: Expression
    to: NodeRef


class Cases(Kind):
    """``[{when: condition, to: node}, …]``, tried in order."""

    name = "[{when: condition, to: node}, …]"
    schema = frozen(
        {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["when", "to"],
                "additionalProperties": False,
                "properties": {
                    "when": {**SCALAR, "description": "a condition"},
                    "to": {**NODE_NAME, "description": "the node when it is true"},
                },
            },
        }
    )

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        sequence = reading.sequence(node, what)
        cases: list[Case] = []
        for index, item in enumerate(sequence.items if sequence else (), 1):
            mapping = reading.mapping(item, f"case {index}")
            if mapping is None:
                continue
            for key, _ in mapping:
                if key.text not in ("when", "to"):
                    reading.unknown_key(key, f"case {index}", ("when", "to"))
            when, to = mapping.get("when"), mapping.get("to")
            if when is None or to is None:
                reading.report(item.place, "missing-option", f"case {index} needs 'when' and 'to'")
                continue
            condition = Condition().read(when, f"case {index}.when", reading)
            name = reading.word(to, f"case {index}.to")
            if condition is not None and name is not None:
                cases.append(Case(condition, NodeRef(name, to.place)))
        return tuple(cases)

    def refs(self, value: Any) -> Iterator[NodeRef]:
        for case in value:
            yield case.to
