"""A model of pydantic held against a located YAML tree: every finding at its line, in the words of YAML.

Scalars stay text until the model makes numbers and truth values of them, so that ``012``, ``no`` or ``+8610…`` are
what was written.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from collections.abc import Mapping as AnyMapping
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from cti.core.issue import Issue, Place
from cti.flow.yamlio import Mapping, Node, Scalar, Sequence

Model = TypeVar("Model", bound=BaseModel)


class Section(BaseModel):
    """A mapping of a settings file: nothing that is not an option, and nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@cache  # of the few kinds that there are; to make one takes longer than to read a whole file with it
def combined(name: str, *bases: type[Section]) -> type[Section]:
    """One section with the options of several."""
    return cast("type[Section]", create_model(name, __base__=bases))


def validate(
    model: type[Model], tree: Node, *, secret: Collection[str] = (), patterns: AnyMapping[str, str] | None = None
) -> tuple[Model | None, list[Issue]]:
    """The value, or what stands against it, in the order of the file.

    ``secret``: options whose value is not repeated on a screen or in a log. ``patterns``: what each regular expression
    of the model asks for, in words. What to write instead is the first of the ``examples`` of the model's field.
    """
    try:
        return model.model_validate(plain(tree)), []
    except ValidationError as error:
        finding = _Findings(model, tree, frozenset(secret), patterns or {})
        found = [finding.issue(item) for item in error.errors() if not _follows_from_others(item)]
        return None, sorted(found, key=lambda issue: issue.place)


def place_of(tree: Node, path: Iterable[str | int]) -> Place:
    """Of the value at ``path``, or of the nearest thing above it that exists."""
    place, node = tree.place, tree
    for step in path:
        node = _descend(node, step)
        if node is None:
            break
        place = node.place
    return place


def plain(node: Node) -> Any:
    """The tree as pydantic takes it: dicts, lists, texts and None."""
    match node:
        case Scalar():
            return None if node.missing else node.text
        case Sequence(items):
            return [plain(item) for item in items]
        case Mapping():
            return {key.text: plain(value) for key, value in node}


#: What pydantic calls by Python's names, in the words of YAML.
_KINDS = {
    "tuple_type": "must be a list, such as [a, b]",
    "dict_type": "must be a mapping, such as {name: value}",
    "model_type": "must be a mapping, such as {name: value}",
    "string_type": "must be one text or number",
    "path_type": "must be one text, a path",
    "too_short": "must not be empty",
}


class _Findings:
    def __init__(
        self, model: type[BaseModel], tree: Node, secret: frozenset[str], patterns: AnyMapping[str, str]
    ) -> None:
        self._model, self._tree, self._secret, self._patterns = model, tree, secret, patterns

    def issue(self, error: Any) -> Issue:
        place, parent, key = self._tree.place, self._tree, ""
        for step in error["loc"]:
            if step == "[key]":
                break  # it is the name before, not what it names
            parent = _descend(parent, step)
            key = f"number {step + 1} of {key}" if isinstance(step, int) else step
            if parent is None:
                break
            place = parent.place
        kind, message = error["type"], str(error["msg"]).removeprefix("Value error, ")
        if kind == "extra_forbidden":
            return self._unknown_option(error["loc"])
        if kind == "missing":
            return Issue(place, "missing-option", f"'{key}' must be given{self._example(error['loc'])}")
        if kind == "string_pattern_mismatch":
            message = self._patterns.get(error["ctx"]["pattern"], message)
        if kind in _KINDS:
            return Issue(place, "bad-value", f"{key or 'this file'}: {_KINDS[kind]}")
        # Only a plain value is shown again: a whole section may hold a password.
        value, hidden = error.get("input"), kind == "value_error" or key in self._secret
        shown = f", not {value!r}" if not hidden and isinstance(value, str) else ""
        instead = "" if kind == "value_error" else self._example(error["loc"])
        return Issue(place, "bad-value", f"{key or 'this file'}: {message[:1].lower()}{message[1:]}{shown}{instead}")

    def _example(self, loc: tuple[str | int, ...]) -> str:
        named = [step for step in loc if isinstance(step, str)]
        field = self._section(loc[: loc.index(named[-1])]).model_fields.get(named[-1]) if named else None
        examples = field.examples if field is not None else None
        return f"; write for example `{named[-1]}: {examples[0]}`" if examples else ""

    def _section(self, loc: Iterable[str | int]) -> type[BaseModel]:
        """The model of the options below ``loc``."""
        section: type[BaseModel] = self._model
        for step in loc:
            field = section.model_fields.get(str(step))
            section = (_inner_model(field.annotation) or section) if field is not None else section
        return section

    def _unknown_option(self, loc: tuple[str | int, ...]) -> Issue:
        section = self._section(loc[:-1])
        node: Any = self._tree
        for step in loc[:-1]:
            node = _descend(node, step)
        known, name = list(section.model_fields), str(loc[-1])
        near = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean '{near[0]}'?" if near else f"; known are {', '.join(known)}" if known else ""
        return Issue(node.key_place(name), "unknown-option", f"'{name}' is not an option here{hint}")


def _follows_from_others(error: Any) -> bool:
    """Pydantic counts only the good items of a list, so that a list of bad ones is "too short", too."""
    return bool(error["type"] == "too_short" and error["input"])


def _descend(node: Node | None, step: str | int) -> Any:
    if isinstance(node, Mapping):
        return node.get(str(step))
    if isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation such as ``tuple[X, ...]``, ``dict[Name, X]`` or ``X | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in getattr(annotation, "__args__", ()) if (found := _inner_model(part))), None)
