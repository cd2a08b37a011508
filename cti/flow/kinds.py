"""Kinds of option values: each reads its YAML, checks the expressions inside, and describes itself.

The registry marks every option with one of these, so that validation, JSON Schema and reference tell the same story.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from cti.core.issue import Issue
from cti.flow import types as t
from cti.flow import yamlio
from cti.flow.expressions import Scope, infer
from cti.flow.model import Literal, NodeRef, Prompt
from cti.flow.readers import (
    KEYS,
    check_template,
    check_value,
    prompt_templates,
    read_expression,
    read_key,
    read_prompt_item,
    read_value,
)
from cti.flow.reading import Reading
from cti.flow.units import format_duration

Schema = Mapping[str, Any]


def frozen(schema: dict[str, Any]) -> Schema:
    return MappingProxyType(schema)


#: One value of any kind: the loader reads what was written, whatever an editor's YAML takes it for.
SCALAR: Schema = frozen({"type": ["string", "number", "boolean"]})
#: Letters of any script, digits and '_' (`types.is_name`), in words that both ECMA and Python patterns understand.
NODE_NAME: Schema = frozen(
    {"type": "string", "maxLength": 64, "pattern": r"^[^\s\d!-/:-@\[-^`{-~][^\s!-/:-@\[-^`{-~]*$"}
)
VALUE: Schema = frozen({"anyOf": [SCALAR, {"type": "array", "items": SCALAR}]})
#: A text (flows in one language), a text for each language, or a file or tone; or a list of such.
PROMPT_ITEM: Schema = frozen(
    {
        "anyOf": [
            SCALAR,
            {"type": "object", "required": ["file"], "properties": {"file": SCALAR}, "additionalProperties": False},
            {"type": "object", "required": ["tone"], "properties": {"tone": SCALAR}, "additionalProperties": False},
            {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"},
                "additionalProperties": SCALAR,
            },
        ]
    }
)
PROMPT: Schema = frozen({"anyOf": [*PROMPT_ITEM["anyOf"], {"type": "array", "items": PROMPT_ITEM, "minItems": 1}]})


class Kind:
    """``name`` and ``doc`` (how it is written) for the reference; ``schema`` for editors."""

    name: str = "value"
    doc: str = ""
    schema: Schema = frozen({})

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        raise NotImplementedError

    def check(self, value: Any, scope: Scope, issues: list[Issue]) -> None:
        """Static check of what was read; nothing to do for plain data."""

    def written(self, value: Any) -> Any:
        """How an author writes ``value``, as plain JSON; None when it is not simply written. For defaults."""
        return value if isinstance(value, str | int | bool) else None

    def refs(self, value: Any) -> Iterator[NodeRef]:
        """Nodes that the value names."""
        return iter(())


class Text(Kind):
    name = "text"
    doc = "as it stands; in quotes when it has `: `, ` #`, or begins with a sign"
    schema = SCALAR

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        return reading.text(node, what)


class Word(Kind):
    """An identifier of something outside the flow (a calendar, a queue, a look-up, a flow)."""

    name = "name"
    doc = "the name of something outside the flow: a look-up, a queue, a calendar, another flow"
    schema = SCALAR

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        return reading.word(node, what)


@dataclass
class Choice(Kind):
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        self.name = " | ".join(self.values)
        self.schema = {"enum": list(self.values)}

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        return reading.choice(node, what, self.values)


class Duration(Kind):
    name = "duration"
    doc = "`800ms`, `5s`, `2m`, `1m30s`, `2h`, `1d`; never a bare number"
    schema = frozen({"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d))+$"})

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        return reading.duration(node, what)

    def written(self, value: Any) -> Any:
        return format_duration(value) if value is not None else None


@dataclass
class Integer(Kind):
    least: int = 0
    most: int = 10**9

    def __post_init__(self) -> None:
        self.name = f"number {self.least}–{self.most}"
        self.schema = {"type": "integer", "minimum": self.least, "maximum": self.most}

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        return reading.integer(node, what, self.least, self.most)


class Flag(Kind):
    name = "true | false"
    schema = frozen({"enum": [True, False, "yes", "no"]})

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        return reading.flag(node, what)


class Key(Kind):
    name = "key"
    doc = "`0` to `9`, `star`, `hash`"
    schema = frozen({"enum": [*(name for name in KEYS if not name.isdigit()), *range(10), *map(str, range(10))]})

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        return read_key(node, what, reading)


class Goto(Kind):
    name = "node"
    doc = "the name of a node of this flow"
    schema = NODE_NAME

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        name = reading.word(node, what)
        return NodeRef(name, node.place) if name is not None else None

    def refs(self, value: Any) -> Iterator[NodeRef]:
        yield value


class Condition(Kind):
    """Always an expression, with or without a leading ``=``."""

    name = "condition"
    doc = "an expression that is true or false: `given(balance) and balance > 0`"
    schema = SCALAR

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        scalar = reading.scalar(node, what)
        return read_expression(scalar, reading, optional_sign=True) if scalar else None

    def check(self, value: Any, scope: Scope, issues: list[Issue]) -> None:
        kind = infer(value, scope, issues)
        if kind.optional:
            name = value.bare_name
            issues.append(Issue(value.place, "absent-value", f"'{name}' may be absent; ask given({name}) before"))
        if not t.fits(t.BOOL, kind):
            issues.append(Issue(value.place, "type-mismatch", f"a condition is true or false; this is {kind.given()}"))


@dataclass
class Val(Kind):
    """A literal of type ``expected``, or ``=`` and an expression of that type. ``absent_ok``: a bare variable that
    may be absent is accepted, and the node type says what happens then."""

    expected: t.Type = t.ANY
    absent_ok: bool = False
    doc = "literal as it stands; computed when it begins with `=`: `=caller`, `\"= 10 if tier == 'vip' else 0\"`"

    def __post_init__(self) -> None:
        self.name = f"value ({self.expected.kind})" if self.expected.kind != "any" else "value"
        words = {"enum": list(self.expected.values)} if self.expected.values else None
        self.schema = {"anyOf": [words, {"type": "string", "pattern": "^="}]} if words else VALUE

    def written(self, value: Any) -> Any:
        return value.value if isinstance(value, Literal) else None

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        return read_value(node, what, reading)

    def check(self, value: Any, scope: Scope, issues: list[Issue]) -> None:
        check_value(value, self.expected, self.absent_ok, scope, issues)


class PromptKind(Kind):
    name = "prompt"
    doc = (
        "in a flow of one language a text: `say: Welcome.`; else one for each: "
        '`say: {zh-CN: "欢迎。", en-US: "Welcome."}`; or `{file: music.wav}`, `{tone: "%(200,0,440)"}`; '
        "or a list of such. `${…}` in it is computed: `${money(balance)}`"
    )
    schema = PROMPT

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        items = node.items if isinstance(node, yamlio.Sequence) else (node,)
        read = [read_prompt_item(item, what, reading) for item in items]
        return Prompt(tuple(item for item in read if item is not None), node.place)

    def check(self, value: Any, scope: Scope, issues: list[Issue]) -> None:
        for template in prompt_templates(value):
            check_template(template, scope, issues)


class PromptList(PromptKind):
    """Prompts to choose from by count (one for each reprompt)."""

    name = "list of prompts"
    schema = frozen({"type": "array", "items": PROMPT, "minItems": 1})

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        sequence = reading.sequence(node, what)
        if sequence is None:
            return None
        return tuple(PromptKind.read(self, item, what, reading) for item in sequence.items)

    def check(self, value: Any, scope: Scope, issues: list[Issue]) -> None:
        for prompt in value:
            super().check(prompt, scope, issues)
