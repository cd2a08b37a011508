"""Kinds of option values: each reads its YAML, checks the expressions inside, and describes itself.

The registry marks every option with one of these, so that validation, JSON Schema and reference tell the same story.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from cti.core.commands import Sound, Tone
from cti.core.issue import Issue, Place
from cti.flow import types as t
from cti.flow import yamlio
from cti.flow.expressions import Expression, Scope, infer, parse
from cti.flow.model import Computed, Literal, NodeRef, Prompt, PromptItem, SayText, Template
from cti.flow.reading import Reading
from cti.flow.suggest import did_you_mean
from cti.flow.templates import parse_template

KEYS = {"star": "*", "hash": "#", **{str(digit): str(digit) for digit in range(10)}}
KEY_NAMES = {sign: name for name, sign in KEYS.items()}


Schema = Mapping[str, Any]


def frozen(schema: dict[str, Any]) -> Schema:
    return MappingProxyType(schema)


class Kind:
    """``name`` for the reference; ``schema`` for editors."""

    name: str = "value"
    schema: Schema = frozen({})

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        raise NotImplementedError

    def check(self, value: Any, scope: Scope, issues: list[Issue]) -> None:
        """Static check of what was read; nothing to do for plain data."""

    def refs(self, value: Any) -> Iterator[NodeRef]:
        """Nodes that the value names."""
        return iter(())


class Text(Kind):
    name = "text"
    schema = frozen({"type": "string"})

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        return reading.text(node, what)


class Word(Kind):
    """An identifier of something outside the flow (a calendar, a queue, a look-up, a flow)."""

    name = "name"
    schema = frozen({"type": "string"})

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
    schema = frozen({"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d))+$"})

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        return reading.duration(node, what)


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
    schema = frozen({"type": "boolean"})

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        return reading.flag(node, what)


class Key(Kind):
    name = "key"
    schema = frozen({"enum": [*KEYS]})

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        return read_key(node, what, reading)


class Goto(Kind):
    name = "node"
    schema = frozen({"type": "string"})

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        name = reading.word(node, what)
        return NodeRef(name, node.place) if name is not None else None

    def refs(self, value: Any) -> Iterator[NodeRef]:
        yield value


class Condition(Kind):
    """Always an expression, with or without a leading ``=``."""

    name = "condition"
    schema = frozen({"type": "string"})

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

    def __post_init__(self) -> None:
        self.name = f"value ({self.expected.kind})" if self.expected.kind != "any" else "value"
        self.schema = {"type": ["string", "number", "boolean"]}

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        return read_value(node, what, reading)

    def check(self, value: Any, scope: Scope, issues: list[Issue]) -> None:
        check_value(value, self.expected, self.absent_ok, scope, issues)


class PromptKind(Kind):
    name = "prompt"
    schema = frozen({"type": ["string", "object", "array"]})

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

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        sequence = reading.sequence(node, what)
        if sequence is None:
            return None
        return tuple(PromptKind.read(self, item, what, reading) for item in sequence.items)

    def check(self, value: Any, scope: Scope, issues: list[Issue]) -> None:
        for prompt in value:
            super().check(prompt, scope, issues)


# ---- shared readers ------------------------------------------------------------------------------------------


def read_key(node: yamlio.Node, what: str, reading: Reading) -> str | None:
    """The sign of a key (``*`` for star)."""
    text = reading.word(node, what)
    if text is None or text in KEYS:
        return KEYS[text] if text else None
    hint = {"*": "; write star", "#": "; write hash"}.get(text) or did_you_mean(text, ("star", "hash"))
    reading.report(node.place, "unknown-key", f"'{text[:20]}' is no key; keys are 0 to 9, star, hash{hint}")
    return None


def read_expression(scalar: yamlio.Scalar, reading: Reading, optional_sign: bool) -> Expression | None:
    text, shift = scalar.text, 1 if scalar.style in ("'", '"') else 0
    if text.startswith("="):
        text, shift = text[1:], shift + 1
    elif not optional_sign:
        return None
    place = scalar.place
    if scalar.comment and scalar.gap == 1:
        message = f"YAML takes {scalar.comment!r} for a comment; put quotes around the whole expression"
        reading.report(place, "bad-yaml", message)
        return None
    parsed = parse(text, Place(place.file, place.line, place.col + shift))
    if isinstance(parsed, Issue):
        reading.issues.append(parsed)
        return None
    return parsed


def read_value(node: yamlio.Node, what: str, reading: Reading) -> Literal | Computed | None:
    if isinstance(node, yamlio.Sequence):
        texts = [reading.text(item, what) for item in node.items]
        return None if None in texts else Literal(tuple(texts), node.place)
    scalar = reading.scalar(node, what)
    if scalar is None:
        return None
    if scalar.text.startswith("="):
        expression = read_expression(scalar, reading, optional_sign=False)
        return Computed(expression) if expression else None
    text = reading.text(scalar, what)
    return Literal(text, scalar.place) if text is not None else None


def check_value(
    value: Literal | Computed, expected: t.Type, absent_ok: bool, scope: Scope, issues: list[Issue]
) -> None:
    if isinstance(value, Literal):
        try:
            t.convert(expected.given(), value.value)
        except t.BadValue:
            hint = did_you_mean(str(value.value), expected.values)
            if isinstance(value.value, str) and value.value in scope.variables:
                hint = f"; did you mean the variable: ={value.value}"
            shown = str(value.value)[:40]
            issues.append(Issue(value.place, "type-mismatch", f"'{shown}' is no {expected.given()}{hint}"))
        return
    kind = infer(value.expression, scope, issues)
    if kind.optional and not absent_ok and not expected.optional:
        name = value.expression.bare_name or value.expression.source
        message = f"'{name}' may be absent here; ask given({name}) before, or use default({name}, …)"
        issues.append(Issue(value.place, "absent-value", message))
    if not t.fits(expected, kind):
        issues.append(Issue(value.place, "type-mismatch", f"{expected.given()} is needed; this is {kind.given()}"))


def read_prompt_item(node: yamlio.Node, what: str, reading: Reading) -> PromptItem | None:
    """A text (one-language flows), ``{language: text}``, ``{file: …}`` or ``{tone: …}``."""
    if isinstance(node, yamlio.Mapping):
        keys = {key.text for key, _ in node}
        if keys == {"file"} or keys == {"tone"}:
            name = "file" if "file" in keys else "tone"
            return read_sound(name, node.get(name) or node, reading)
        return _read_languages(node, what, reading)
    text = reading.text(node, what, spoken=True)
    if text is None:
        return None
    template = _template(node, text, reading)
    if template is None:
        return None
    for language in reading.languages[1:]:
        _missing(node.place, what, language, reading)
    return SayText({reading.languages[0]: template}, node.place)


def read_sound(name: str, node: yamlio.Node, reading: Reading) -> Sound | Tone | None:
    text = reading.text(node, name)
    if text is None:
        return None
    if name == "tone":
        return Tone(text)
    parts = text.split("/")
    if text.startswith(("/", "~")) or ".." in parts or "\\" in text or ":" in text or "${" in text:
        reading.report(node.place, "bad-option", f"'{text[:60]}' leaves the prompts folder; write a name inside it")
        return None
    return Sound(text)


def _read_languages(node: yamlio.Mapping, what: str, reading: Reading) -> SayText | None:
    texts: dict[str, Template] = {}
    for key, value in node:
        if key.text not in reading.languages:
            reading.unknown_key(key, f"{what}: it is no language of this flow", reading.languages)
            continue
        text = reading.text(value, f"{what} in {key.text}", spoken=True)
        template = _template(value, text, reading) if text is not None else None
        if template is not None:
            texts[key.text] = template
    for language in reading.languages:
        if node.get(language) is None:
            _missing(node.place, what, language, reading)
    return SayText(texts, node.place) if len(texts) == len(reading.languages) else None


def _template(node: yamlio.Node, text: str, reading: Reading) -> Template | None:
    quoted = isinstance(node, yamlio.Scalar) and node.style in ("'", '"')
    template, issues = parse_template(text, node.place, quoted)
    reading.issues += issues
    return template


def _missing(place: Place, what: str, language: str, reading: Reading) -> None:
    reading.report(place, "missing-prompt", f"{what} has no text in {language}; a missing language would be silence")


def prompt_templates(prompt: Prompt) -> Iterator[Template]:
    for item in prompt.items:
        if isinstance(item, SayText):
            yield from item.texts.values()


def check_template(template: Template, scope: Scope, issues: list[Issue]) -> None:
    for expression in template.expressions():
        kind = infer(expression, scope, issues)
        if kind.optional:
            name = expression.bare_name or expression.source
            message = f"'{name}' may be absent when this is said; ask given({name}) before, or use default({name}, …)"
            issues.append(Issue(expression.place, "absent-value", message))
        if kind.kind in ("bool", "record"):
            issues.append(Issue(expression.place, "type-mismatch", f"{kind.given()} cannot be spoken"))
