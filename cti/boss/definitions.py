"""Look-ups as configured: what goes in, what comes out, which statement answers. Read from located YAML.

lookups:
  subscriber.get:
    in: {msisdn: phone}
    out: {tier: "enum[standard, vip, senior]", balance: decimal}
    sql: SELECT tier, balance FROM subscriber WHERE msisdn = :msisdn
    deadline: 3s
"""

from __future__ import annotations

import re
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from pathlib import Path

from cti.core.errors import ConfigError
from cti.core.issue import Issue, Place
from cti.flow import types as t
from cti.flow.catalog import LookupSignature
from cti.flow.suggest import did_you_mean
from cti.flow.units import parse_duration
from cti.flow.yamlio import Mapping, Node, Scalar, read_yaml

OPTIONS = ("in", "out", "sql", "deadline")
NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
PARAMETER = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")
DEADLINE_S = 3.0


@dataclass(frozen=True, slots=True)
class LookupDefinition:
    """One question. ``sql`` is one SELECT whose ``:name`` parameters are inputs; ``deadline_s`` bounds any asking."""

    name: str
    signature: LookupSignature
    sql: str
    deadline_s: float
    place: Place


class LookupsRefused(ConfigError):
    """``issues``: every finding in the file of look-ups."""

    code = "lookups-refused"

    def __init__(self, issues: list[Issue]) -> None:
        super().__init__("\n".join(str(issue) for issue in issues))
        self.issues = issues


def load_lookups(file: Path) -> dict[str, LookupDefinition]:
    """Raises ConfigError with all findings."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"cannot read the look-ups: {error.strerror}",
            code="unreadable-file",
            remedy="set `boss: {lookups: …}` in the configuration",
            place=Place(str(file)),
        ) from error
    tree, issues = read_yaml(raw, str(file))
    table = _table(tree, str(file), issues)
    found = {}
    for key, value in table:
        definition = _definition(key, value, issues)
        if definition is not None:
            found[key.text] = definition
    if issues:
        raise LookupsRefused(issues)
    return found


def _table(tree: Node | None, file: str, issues: list[Issue]) -> Mapping:
    table = tree.get("lookups") if isinstance(tree, Mapping) else None
    if isinstance(table, Mapping):
        return table
    if not issues:
        issues.append(
            Issue(tree.place if tree else Place(file), "missing-option", "write `lookups:` and under it a mapping")
        )
    return Mapping((), Place(file))


def _definition(key: Scalar, value: Node, issues: list[Issue]) -> LookupDefinition | None:
    before = len(issues)
    if not NAME.fullmatch(key.text):
        issues.append(Issue(key.place, "bad-value", f"'{key.text}' is no look-up's name; write it like balance.get"))
    if not isinstance(value, Mapping):
        issues.append(Issue(value.place, "bad-value", "a look-up is a mapping with in, out and sql"))
        return None
    for option, _ in value:
        if option.text not in OPTIONS:
            message = f"'{option.text}' is not an option of a look-up{did_you_mean(option.text, OPTIONS)}"
            issues.append(Issue(option.place, "unknown-option", message))
    inputs = _types(value, "in", issues)
    outputs = _types(value, "out", issues)
    sql = _sql(value, inputs, issues)
    deadline_s = _deadline(value, issues)
    if len(issues) > before:
        return None
    return LookupDefinition(key.text, LookupSignature(inputs, outputs), sql, deadline_s, key.place)


def _types(value: Mapping, option: str, issues: list[Issue]) -> AnyMapping[str, t.Type]:
    found: dict[str, t.Type] = {}
    table = value.get(option)
    if not isinstance(table, Mapping):
        issues.append(Issue(value.key_place(option), "missing-option", f"write {option}: {{name: type, …}}"))
        return found
    for name, spelled in table:
        parsed = t.parse_type(spelled.text) if isinstance(spelled, Scalar) else "a type is one word, such as phone"
        if isinstance(parsed, str):
            issues.append(Issue(spelled.place, "bad-type", parsed))
        else:
            found[name.text] = parsed
    return found


def _sql(value: Mapping, inputs: AnyMapping[str, t.Type], issues: list[Issue]) -> str:
    node = value.get("sql")
    if not isinstance(node, Scalar) or node.missing:
        issues.append(Issue(value.key_place("sql"), "missing-option", "write sql: SELECT … WHERE … = :input"))
        return ""
    if not re.match(r"\s*(select|with)\b", node.text, re.IGNORECASE) or ";" in node.text.rstrip(" ;\n"):
        issues.append(Issue(node.place, "bad-sql", "a look-up is one SELECT; a write belongs to a request"))
    for name in PARAMETER.findall(node.text):
        if name not in inputs:
            message = f":{name} is no input of this look-up{did_you_mean(name, inputs)}"
            issues.append(Issue(node.place, "undefined-variable", message))
    return node.text.strip().rstrip(";")


def _deadline(value: Mapping, issues: list[Issue]) -> float:
    node = value.get("deadline")
    if node is None:
        return DEADLINE_S
    seconds = parse_duration(node.text) if isinstance(node, Scalar) else None
    if seconds is None or not 0 < seconds <= 60:
        issues.append(Issue(node.place, "bad-value", "a deadline is a duration of at most 60s, such as 800ms or 3s"))
        return DEADLINE_S
    return seconds
