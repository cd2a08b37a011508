"""Kinds of the nodes that take keys: which key leads where, and how often it is asked again."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cti.core.issue import Issue
from cti.flow import types as t
from cti.flow import yamlio
from cti.flow.expressions import Scope
from cti.flow.kinds import NODE_NAME, SCALAR, VALUE, Kind, PromptList, frozen
from cti.flow.model import NodeRef, Prompt, Value
from cti.flow.readers import check_value, read_key, read_value
from cti.flow.reading import Reading


@dataclass(frozen=True, slots=True)
class KeyTarget:
    ref: NodeRef
    value: Value | None = None


@dataclass
class Keys(Kind):
    """``{1: node, star: {to: node, value: text}}``; gives sign -> `KeyTarget`."""

    with_values: bool = False
    name = "{key: node, …}"
    doc = "`{1: balance, star: main}`; with `save`, also `{1: {to: thanks, value: 3}}`"

    def __post_init__(self) -> None:
        target: dict[str, Any] = {**NODE_NAME, "description": "the node that follows"}
        if self.with_values:
            parts = {"to": target, "value": {**VALUE, "description": "what is put into the variable of `save`"}}
            full = {"type": "object", "required": ["to"], "properties": parts, "additionalProperties": False}
            target = {"anyOf": [target, full]}
        names = {"pattern": r"^([0-9]|star|hash)$"}
        self.schema = {"type": "object", "propertyNames": names, "additionalProperties": target, "minProperties": 1}

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        mapping = reading.mapping(node, what)
        if mapping is None:
            return None
        keys: dict[str, KeyTarget] = {}
        for key, value in mapping:
            sign = read_key(key, f"a key of {what}", reading)
            target = self._target(value, f"{what}.{key.text}", reading)
            if sign is not None and target is not None:
                keys[sign] = target
        return keys if keys or not mapping.entries else None  # what was wrong with each is told

    def _target(self, node: yamlio.Node, what: str, reading: Reading) -> KeyTarget | None:
        if not (self.with_values and isinstance(node, yamlio.Mapping)):
            name = reading.word(node, what)
            return KeyTarget(NodeRef(name, node.place)) if name is not None else None
        for key, _ in node:
            if key.text not in ("to", "value"):
                reading.unknown_key(key, what, ("to", "value"))
        to, value = node.get("to"), node.get("value")
        if to is None:
            reading.report(node.place, "missing-option", f"{what} needs 'to'")
            return None
        name = reading.word(to, f"{what}.to")
        read = read_value(value, f"{what}.value", reading) if value is not None else None
        return KeyTarget(NodeRef(name, to.place), read) if name is not None else None

    def refs(self, value: Any) -> Iterator[NodeRef]:
        for target in value.values():
            yield target.ref

    def check(self, value: Any, scope: Scope, issues: list[Issue]) -> None:
        for target in value.values():
            if target.value is not None:
                check_value(target.value, t.ANY, False, scope, issues)


def plain_word(text: str) -> str:
    """Words that people take for the same: small and capital, wide and narrow letters, blanks and a full stop."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).strip(".!。！ ")


class Words(Kind):
    """``{1: [CXYE, 话费], star: language}``; gives sign -> words."""

    name = "{key: [text, …], …}"
    schema = frozen(
        {
            "type": "object",
            "propertyNames": {"pattern": r"^([0-9]|star|hash)$"},
            "additionalProperties": {"anyOf": [SCALAR, {"type": "array", "items": SCALAR, "minItems": 1}]},
        }
    )

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        words: dict[str, tuple[str, ...]] = {}
        for key, value in reading.mapping(node, what) or ():
            sign = read_key(key, f"a key of {what}", reading)
            items = value.items if isinstance(value, yamlio.Sequence) else (value,)
            read = [reading.text(item, f"{what}.{key.text}") for item in items]
            if sign is not None:
                words[sign] = tuple(word for word in read if word is not None)
        return words


@dataclass(frozen=True, slots=True)
class Reprompt:
    """How often it is asked again, and with which words (the last prompt serves for the rest)."""

    no_input: int = 1
    no_match: int = 1
    no_input_says: tuple[Prompt, ...] = ()
    no_match_says: tuple[Prompt, ...] = ()


_AGAIN = {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 9}, PromptList.schema]}


class RepromptKind(Kind):
    """``{no_input: 2, no_match: 2}``; a list of prompts instead of a number gives each reprompt its own."""

    name = "{no_input: n, no_match: n}"
    doc = "`{no_input: 2, no_match: 1}`; a list of prompts instead of a number gives each repetition its own words"
    schema = frozen(
        {
            "type": "object",
            "properties": {"no_input": _AGAIN, "no_match": _AGAIN},
            "additionalProperties": False,
        }
    )

    def written(self, value: Any) -> Any:
        return {"no_input": value.no_input, "no_match": value.no_match}

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        mapping = reading.mapping(node, what)
        if mapping is None:
            return None
        counts: dict[str, Any] = {}
        for key, value in mapping:
            if key.text not in ("no_input", "no_match"):
                reading.unknown_key(key, what, ("no_input", "no_match"))
            elif isinstance(value, yamlio.Sequence):
                prompts = PromptList().read(value, f"{what}.{key.text}", reading) or ()
                counts[f"{key.text}_says"] = prompts
                counts[key.text] = len(prompts)
            else:
                count = reading.integer(value, f"{what}.{key.text}", 0, 9)
                if count is not None:
                    counts[key.text] = count
        return Reprompt(**counts)

    def check(self, value: Any, scope: Scope, issues: list[Issue]) -> None:
        PromptList().check((*value.no_input_says, *value.no_match_says), scope, issues)
