"""Readers and checks of the values that node options are made of: keys, expressions, values, prompts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cti.core.commands import Sound, Tone
from cti.core.issue import Issue, Place
from cti.flow import types as t
from cti.flow import yamlio
from cti.flow.expressions import Expression, Scope, infer, parse
from cti.flow.model import Computed, Literal, Prompt, PromptItem, SayText, Template, builtin_types
from cti.flow.reading import Reading
from cti.flow.suggest import did_you_mean
from cti.flow.templates import parse_template

KEYS = {"star": "*", "hash": "#", **{str(digit): str(digit) for digit in range(10)}}
KEY_NAMES = {sign: name for name, sign in KEYS.items()}


#: Words that are names in every flow, and may well be meant as words.
EVERYWHERE = frozenset(builtin_types(()))
TYPED = "value"  # what `collect` reads back, before it stands in the variable
_FIELD = re.compile(r"(result|item)\.[a-z_]\w*")
_BRACES = re.compile(r"(?<!\$)\{\s*(\w+(?:\.\w+)?)\s*\}")


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
        _check_literal(value, expected, scope, issues)
        return
    kind = infer(value.expression, scope, issues)
    if kind.optional and not absent_ok and not expected.optional:
        name = value.expression.bare_name or value.expression.source
        message = f"'{name}' may be absent here; ask given({name}) before, or use default({name}, …)"
        issues.append(Issue(value.place, "absent-value", message))
    if not t.fits(expected, kind):
        issues.append(Issue(value.place, "type-mismatch", f"{expected.given()} is needed; this is {kind.given()}"))


def _check_literal(value: Literal, expected: t.Type, scope: Scope, issues: list[Issue]) -> None:
    text = value.value if isinstance(value.value, str) else None
    meant = text is not None and (text in scope.variables or _FIELD.fullmatch(text) is not None)
    try:
        t.convert(expected.given(), value.value)
    except t.BadValue:
        hint = f"; did you mean the variable: ={text}" if meant else did_you_mean(str(value.value), expected.values)
        shown = str(value.value)[:40]
        issues.append(Issue(value.place, "type-mismatch", f"'{shown}' is no {expected.given()}{hint}"))
        return
    if meant and expected.kind in ("text", "any") and text not in EVERYWHERE:
        message = f"'{text}' is a text here, not the variable; write ={text}, or \"= '{text}'\" for the text"
        issues.append(Issue(value.place, "literal-variable", message))


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
    for piece in template.pieces:
        for found in _BRACES.finditer(piece) if isinstance(piece, str) else ():
            if found.group(1).partition(".")[0] in scope.variables:
                message = f"'{found.group()}' is said as it stands; write ${{{found.group(1)}}} for what the name holds"
                issues.append(Issue(template.place, "literal-variable", message))
    for expression in template.expressions():
        kind = infer(expression, scope, issues)
        if kind.optional:
            name = expression.bare_name or expression.source
            message = f"'{name}' may be absent when this is said; ask given({name}) before, or use default({name}, …)"
            if TYPED in scope.variables:
                message = f"'{name}' may be absent when this is said; what was typed is ${{{TYPED}}} here"
            issues.append(Issue(expression.place, "absent-value", message))
        if kind.kind in ("bool", "record"):
            issues.append(Issue(expression.place, "type-mismatch", f"{kind.given()} cannot be spoken"))
