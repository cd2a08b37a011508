"""YAML that remembers where everything stands, and pydantic findings turned into lines a person can act on."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from cti.core.errors import ConfigError
from cti.core.issue import Issue, Place
from cti.flow import yamlio

Path = tuple[str | int, ...]


class SettingsError(ConfigError):
    """A settings file with findings; all of them, in the order of the file."""

    code = "bad-settings"

    def __init__(self, issues: Sequence[Issue]) -> None:
        self.issues = tuple(sorted(issues, key=lambda issue: issue.place))
        super().__init__("\n".join(str(issue) for issue in self.issues))

    def __str__(self) -> str:
        return self.message


class Located:
    """A settings file as plain data with places. Raises SettingsError when it is no YAML, with every finding.

    ``data``: dicts, lists and texts (every scalar is a text or None: the schema decides its type, so that `012`, `no`
    or `+8610…` stay what was written).
    """

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.data: Any = {}
        self._tree: yamlio.Node | None = None
        if all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines()):
            return  # nothing written: all defaults
        self._tree, issues = yamlio.read_yaml(text, file)
        if self._tree is None or issues:
            raise SettingsError(issues)
        self.data = _plain(self._tree)

    def place(self, path: Path) -> Place:
        """The place of the value at ``path``, or of the nearest thing above it that exists."""
        node = self._tree
        place = node.place if node is not None else Place(self.file)
        for step in path:
            node = _child(node, step)
            if node is None:
                break
            place = node.place
        return place

    def key_place(self, path: Path) -> Place:
        """Where the last key of ``path`` itself stands."""
        node = self._tree
        for step in path[:-1]:
            node = _child(node, step)
        if isinstance(node, yamlio.Mapping):
            return node.key_place(str(path[-1]))
        return self.place(path)


def _plain(node: yamlio.Node) -> Any:
    if isinstance(node, yamlio.Mapping):
        return {key.text: _plain(value) for key, value in node}
    if isinstance(node, yamlio.Sequence):
        return [_plain(item) for item in node.items]
    return None if node.missing else node.text


def _child(node: yamlio.Node | None, step: str | int) -> yamlio.Node | None:
    if isinstance(node, yamlio.Mapping):
        return node.get(str(step))
    if isinstance(node, yamlio.Sequence) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


def issues_of(error: ValidationError, located: Located, model: type[BaseModel]) -> list[Issue]:
    """One issue per pydantic finding, at the place of what is wrong."""
    return [_issue(dict(finding), located, model) for finding in error.errors(include_url=False)]


def _issue(finding: Mapping[str, Any], located: Located, model: type[BaseModel]) -> Issue:
    path: Path = tuple(finding["loc"])
    if finding["type"] == "extra_forbidden":
        name, known = str(path[-1]), _options(model, path[:-1])
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"write one of: {', '.join(known)}"
        where = ".".join(str(part) for part in path[:-1] if not isinstance(part, int)) or "the settings"
        message = f"{name!r} is not an option of {where}; {hint}"
        return Issue(located.key_place(path), "unknown-option", message)
    if finding["type"] == "missing":
        name = str(path[-1])
        return Issue(located.place(path[:-1]), "missing-option", f"{name!r} is missing; write {_example(model, path)}")
    message = str(finding["msg"]).removeprefix("Value error, ")
    if finding["type"] != "value_error":
        shown = finding.get("input")
        what = f"{shown!r}: " if isinstance(shown, str) and "password" not in path else ""
        message = f"{what}{message}; write {_example(model, path)}"
    return Issue(located.place(path), "bad-value", message)


def _options(model: type[BaseModel], path: Path) -> list[str]:
    return list(_model_at(model, path).model_fields)


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel]:
    """The model that holds ``path``: follows field annotations through lists and optionals."""
    for part in path:
        if isinstance(part, int) or part not in model.model_fields:
            continue
        inner = _inner_model(model.model_fields[part].annotation)
        if inner is not None:
            model = inner
    return model


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _inner_model(argument)
        if found is not None:
            return found
    return None


def _example(model: type[BaseModel], path: Path) -> str:
    named = [part for part in path if isinstance(part, str)]
    if not named:
        return "what docs/freeswitch.md shows"
    field = _model_at(model, path[: path.index(named[-1])]).model_fields.get(named[-1])
    examples = field.examples if field is not None and field.examples else None
    return f"for example `{named[-1]}: {examples[0]}`" if examples else f"a proper `{named[-1]}:`"
