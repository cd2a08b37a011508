"""A flow file to a `Flow`, with every finding in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from cti.core.issue import Issue, Place, Severity
from cti.flow import types as t
from cti.flow import yamlio
from cti.flow.catalog import UNKNOWN, Catalog
from cti.flow.checks import check_flow
from cti.flow.digest import digest_of
from cti.flow.load_nodes import read_nodes
from cti.flow.load_tests import read_tests
from cti.flow.model import MEDIA, Flow, NodeRef, Variable, builtin_types
from cti.flow.reading import Reading
from cti.flow.speech import find_locale
from cti.flow.suggest import did_you_mean

TOP = (
    "flow",
    "title",
    "start",
    "languages",
    "media",
    "answer",
    "inputs",
    "vars",
    "on",
    "limits",
    "nodes",
    "tests",
)
HANDLERS = ("error", "hangup", "limit")
#: Names that stand for something else where a flow is asked for by its name: ``/v1/flows/check`` and the like.
RESERVED = ("activate", "check", "drafts")
DEFAULT_IVR_S = 900.0


@dataclass(frozen=True)
class FlowLoad:
    """``flow`` is None when there is an error; warnings come beside a flow. Issues are in the order of the file.

    ``draft`` is the flow as far as it could be read, errors or not: for drawing, never for calls.
    """

    flow: Flow | None
    issues: list[Issue]
    draft: Flow | None = None

    @property
    def errors(self) -> list[Issue]:
        return [issue for issue in self.issues if issue.severity is Severity.ERROR]


def load_flow(text: str | bytes, file: str, *, catalog: Catalog | None = None) -> FlowLoad:
    """Read and check one flow. Never raises for a bad file: whatever is wrong is an issue with file, line, column."""
    root, issues = yamlio.read_yaml(text, file)
    reading = Reading(issues)
    if root is None or (top := reading.mapping(root, "a flow")) is None:
        return FlowLoad(None, reading.issues)
    flow = _read(top, file, reading)
    if flow is not None:
        catalog = catalog or UNKNOWN
        asked = {str(node.get("ask")) for node in flow.nodes.values() if node.type in ("lookup", "request")}
        sources = {**(catalog.requests or {}), **(catalog.lookups or {})}
        known = {name: found for name, found in sources.items() if name in asked}
        flow = replace(flow, lookups=known)
        check_flow(flow, catalog, reading.issues)
    found = list(dict.fromkeys(sorted(reading.issues, key=lambda issue: issue.place)))
    failed = any(issue.severity is Severity.ERROR for issue in found)
    return FlowLoad(None if failed else flow, found, flow)


def _read(top: yamlio.Mapping, file: str, reading: Reading) -> Flow | None:
    for key, _ in top:
        if key.text not in TOP:
            reading.unknown_key(key, "a flow", TOP)
    for name in ("flow", "start", "nodes"):
        if top.get(name) is None:
            reading.report(Place(file, 1, 1), "missing-option", f"a flow needs '{name}:'")
    reading.languages = _languages(top.get("languages"), reading)
    identity, start = _word(top, "flow", reading), _word(top, "start", reading)
    if identity is not None and not t.is_name(identity.replace("-", "_")):
        reading.report(top.key_place("flow"), "bad-option", f"'{identity[:40]}' is no id: letters, digits, '-' and '_'")
    _check_file_name(identity, file, top, reading)
    media = _media(top.get("media"), reading)
    variables = _variables(top, reading)
    nodes = read_nodes(top.get("nodes"), reading)
    if isinstance(written := top.get("nodes"), yamlio.Mapping) and not written.entries:
        reading.report(written.place, "missing-option", "a flow needs at least one node, such as z: {type: end}")
    ivr_s, keys = _limits(top.get("limits"), reading)
    tests = read_tests(top.get("tests"), reading)
    answer = top.get("answer")
    title = top.get("title")
    if identity is None or start is None or not nodes:
        return None
    return Flow(
        id=identity,
        title=(reading.text(title, "title") or "") if title is not None else "",
        file=file,
        start=start,
        languages=reading.languages,
        variables=variables,
        handlers=_handlers(top.get("on"), reading),
        ivr_seconds=ivr_s,
        human_within_keys=keys,
        nodes=nodes,
        tests=tests,
        digest=digest_of(top),
        place=top.get("start").place if top.get("start") else top.place,  # type: ignore[union-attr]
        answer=answer is None or reading.flag(answer, "answer") is not False,
        media=media,
    )


def _check_file_name(identity: str | None, file: str, top: yamlio.Mapping, reading: Reading) -> None:
    """Other files name a flow by its id and people look for it by its file name: they must be the same."""
    stem = file.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]
    if identity is not None and file.endswith((".yaml", ".yml")) and stem != identity:
        message = f"the flow '{identity[:40]}' stands in {stem}.yaml; id and file name must be the same"
        reading.report(top.key_place("flow"), "file-name", message)
    if identity in RESERVED:
        message = f"no flow can be called '{identity}': /v1/flows/{identity} of the API is something else"
        reading.report(top.key_place("flow"), "file-name", message)


def _word(top: yamlio.Mapping, name: str, reading: Reading) -> str | None:
    node = top.get(name)
    return reading.word(node, name) if node is not None else None


def _languages(node: yamlio.Node | None, reading: Reading) -> tuple[str, ...]:
    """``{default: zh-CN, also: [en-US]}``; zh-CN alone unless said."""
    mapping = reading.mapping(node, "languages", ("default", "also")) if node is not None else None
    if mapping is None:
        return ("zh-CN",)
    for key, _ in mapping:
        if key.text not in ("default", "also"):
            reading.unknown_key(key, "languages", ("default", "also"))
    default, also = mapping.get("default"), mapping.get("also")
    if default is None:
        reading.report(mapping.place, "missing-option", "languages needs 'default'")
        return ("zh-CN",)
    nodes = [default]
    if also is not None and (sequence := reading.sequence(also, "languages.also")) is not None:
        nodes += sequence.items
    found: list[str] = []
    for item in nodes:
        name = reading.word(item, "a language")
        if name is None:
            continue
        if find_locale(name) is None:
            reading.report(
                item.place, "bad-option", f"'{name[:20]}' is no language tag; write one such as zh-CN, en-US"
            )
        elif name not in found:
            found.append(name)
    return tuple(found) or ("zh-CN",)


def _media(node: yamlio.Node | None, reading: Reading) -> tuple[str, ...]:
    if node is None:
        return ("voice",)
    items = node.items if isinstance(node, yamlio.Sequence) else (node,)
    return tuple(name for item in items if (name := reading.choice(item, "medium", MEDIA)) is not None)


def _variables(top: yamlio.Mapping, reading: Reading) -> dict[str, Variable]:
    variables: dict[str, Variable] = {}
    for section in ("inputs", "vars"):
        node = top.get(section)
        mapping = reading.mapping(node, section) if node is not None else None
        for key, value in mapping or ():
            variable = _variable(key, value, section == "inputs", reading)
            if variable is None:
                continue
            if variable.name in variables:
                first = variables[variable.name].place.line
                reading.report(key.place, "duplicate-key", f"'{variable.name}' is an input already (line {first})")
                continue
            variables[variable.name] = variable
    return variables


def _variable(key: yamlio.Scalar, node: yamlio.Node, is_input: bool, reading: Reading) -> Variable | None:
    """``type``, or ``type = value``."""
    name = key.text
    if not t.is_name(name) or name in builtin_types(()) or name in ("result", "item", "value", "position", "ewt"):
        why = "every flow has it" if name in builtin_types(()) else "it is not free for variables"
        reading.report(key.place, "bad-option", f"'{name[:40]}' cannot be declared: {why}")
        return None
    text = reading.word(node, name)
    if text is None:
        return None
    spelled, equals, default = (part.strip() for part in text.partition("="))
    kind = t.parse_type(spelled)
    if isinstance(kind, str):
        word = spelled.split("[")[0].rstrip("?! ")
        reading.report(node.place, "bad-type", kind + ("" if word in t.KINDS else did_you_mean(word, t.KINDS)))
        return Variable(name, t.ANY, key.place, None, is_input)
    value: Any = None
    if equals:
        try:
            value = t.convert(kind.given(), default.strip("'\""))
        except t.BadValue:
            hint = did_you_mean(default, kind.values)
            reading.report(node.place, "type-mismatch", f"'{default[:40]}' is no {kind.given()}{hint}")
    elif not is_input and not kind.optional:
        message = f"'{name}' always exists, so it needs a value: {spelled} = …, or '{spelled}?' if it may be absent"
        reading.report(node.place, "missing-default", message)
    return Variable(name, kind, key.place, value, is_input)


def _handlers(node: yamlio.Node | None, reading: Reading) -> dict[str, NodeRef]:
    mapping = reading.mapping(node, "on", HANDLERS) if node is not None else None
    handlers: dict[str, NodeRef] = {}
    for key, value in mapping or ():
        if key.text not in HANDLERS:
            reading.unknown_key(key, "on", HANDLERS)
        elif (name := reading.word(value, f"on.{key.text}")) is not None:
            handlers[key.text] = NodeRef(name, value.place)
    return handlers


def _limits(node: yamlio.Node | None, reading: Reading) -> tuple[float, int | None]:
    mapping = reading.mapping(node, "limits", ("ivr_seconds", "human_within_keys")) if node is not None else None
    seconds, keys = DEFAULT_IVR_S, None
    for key, value in mapping or ():
        if key.text == "ivr_seconds":
            seconds = float(reading.integer(value, "ivr_seconds", 1, 86400) or DEFAULT_IVR_S)
        elif key.text == "human_within_keys":
            keys = reading.integer(value, "human_within_keys", 0, 99)
        else:
            reading.unknown_key(key, "limits", ("ivr_seconds", "human_within_keys"))
    return seconds, keys
