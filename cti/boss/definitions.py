"""The ``lookups:`` section: which questions flows may ask the back office, typed, and the SQL that answers them.

    lookups:
      subscriber.get:
        in: {msisdn: phone}
        out:
          tier: enum[standard, vip, senior]
          balance: decimal
        outcomes: [not_found, locked]      # business outcomes besides ok; not_found is always there
        deadline_ms: 2000
        sql: SELECT tier, balance FROM subscriber WHERE msisdn = :msisdn

A row is ``ok``, no row ``not_found``. A column named ``outcome`` (not among ``out``) names another declared outcome.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from cti.core.errors import ConfigError
from cti.core.issue import Issue, Place
from cti.files import read_file
from cti.flow.catalog import TECHNICAL_OUTCOMES, LookupSignature
from cti.flow.reading import Reading
from cti.flow.types import Type, is_name, parse_type
from cti.flow.yamlio import Mapping, Node, read_yaml

OPTIONS = ("in", "out", "outcomes", "deadline_ms", "sql")
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_READS = re.compile(r"\s*(select|with)\b", re.IGNORECASE)
_DEFAULT_MS, _MOST_MS = 2_000, 60_000


@dataclass(frozen=True, slots=True)
class LookupDefinition:
    """One question. ``sql`` has a bound parameter ``:name`` for each input."""

    name: str
    signature: LookupSignature
    sql: str
    deadline_s: float
    place: Place


class LookupsRefused(ConfigError):
    """``issues``: every finding in the file, with its place."""

    code = "bad-lookups"

    def __init__(self, issues: list[Issue]) -> None:
        super().__init__("; ".join(map(str, issues)), remedy="see docs/configuration.md", place=None)
        self.issues = issues


def load_lookups(file: Path) -> dict[str, LookupDefinition]:
    """Raises ConfigError (unreadable), LookupsRefused."""
    raw = read_file(file, what="the look-ups", remedy="name an existing file at boss.lookups")
    return parse_lookups(raw, str(file))


def parse_lookups(raw: str | bytes, file: str) -> dict[str, LookupDefinition]:
    """Definitions by name, from a file with a ``lookups:`` section. Raises LookupsRefused."""
    tree, issues = read_yaml(raw, file)
    reading = _Lookups(list(issues))
    found = reading.file(tree) if tree is not None else {}
    if reading.issues:
        raise LookupsRefused(reading.issues)
    return found


class _Lookups(Reading):
    def file(self, tree: Node) -> dict[str, LookupDefinition]:
        root = self.mapping(tree, "this file")
        if root is None:
            return {}
        for key, _ in root:
            if key.text != "lookups":
                self.unknown_key(key, "this file", ("lookups",))
        section = root.get("lookups")
        if section is None:
            self.report(root.place, "missing-option", "'lookups' must be given")
            return {}
        found: dict[str, LookupDefinition] = {}
        for key, node in self.mapping(section, "lookups") or ():
            if not _NAME.fullmatch(key.text) or len(key.text) > 80:
                self.report(key.place, "bad-name", f"'{key.text[:60]}' is no look-up's name: write noun.verb in a-z")
            definition = self.definition(key.text, node, key.place)
            if definition is not None:
                found[key.text] = definition
        return found

    def definition(self, name: str, node: Node, place: Place) -> LookupDefinition | None:
        options = self.mapping(node, name)
        if options is None:
            return None
        for key, _ in options:
            if key.text not in OPTIONS:
                self.unknown_key(key, "a look-up", OPTIONS)
        inputs, outputs = self.types(options, "in"), self.types(options, "out")
        outcomes = self.outcomes(options)
        deadline = options.get("deadline_ms")
        deadline_ms = self.integer(deadline, "deadline_ms", 1, _MOST_MS) if deadline else _DEFAULT_MS
        sql_node = options.get("sql")
        sql = self.sql(sql_node, inputs) if sql_node else None
        if sql_node is None:
            self.report(place, "missing-option", f"{name}: 'sql' must be given")
        if sql is None or deadline_ms is None:
            return None
        return LookupDefinition(name, LookupSignature(inputs, outputs, outcomes), sql, deadline_ms / 1000, place)

    def types(self, options: Mapping, name: str) -> dict[str, Type]:
        node = options.get(name)
        found: dict[str, Type] = {}
        for key, spelled in (self.mapping(node, name) or ()) if node is not None else ():
            word = self.word(spelled, key.text)
            if word is None:
                continue
            parsed = parse_type(word)
            if isinstance(parsed, str):
                self.report(spelled.place, "bad-type", parsed)
            elif not is_name(key.text) or not key.text.isascii():
                self.report(key.place, "bad-name", f"'{key.text[:60]}' is no field's name: write letters, digits, _")
            else:
                found[key.text] = parsed
        return found

    def outcomes(self, options: Mapping) -> tuple[str, ...]:
        node = options.get("outcomes")
        listed = self.sequence(node, "outcomes") if node is not None else None
        found = ["not_found"]
        for item in listed.items if listed else ():
            word = self.word(item, "an outcome")
            if word in ("ok", *TECHNICAL_OUTCOMES):
                self.report(item.place, "bad-option", f"'{word}' is an outcome of every look-up: leave it out")
            elif word is not None and not (is_name(word) and word.isascii()):
                self.report(item.place, "bad-name", f"'{word[:60]}' is no outcome's name: write letters, digits, _")
            elif word is not None and word not in found:
                found.append(word)
        return tuple(found)

    def sql(self, node: Node, inputs: AnyMapping[str, Type]) -> str | None:
        statement = self.text(node, "sql")
        if statement is None:
            return None
        statement = statement.strip().removesuffix(";").rstrip()
        if not _READS.match(statement):
            self.report(node.place, "bad-sql", "a look-up only reads: its SQL begins with SELECT or WITH")
            return None
        if ";" in _without_strings(statement):
            self.report(node.place, "bad-sql", "one statement only: there is a ';' inside")
            return None
        try:
            bound = set(text(statement).compile().params)
        except SQLAlchemyError as error:
            self.report(node.place, "bad-sql", f"this SQL cannot be read: {type(error).__name__}")
            return None
        for name in sorted(bound - set(inputs)):
            self.report(node.place, "bad-sql", f"the SQL asks for ':{name}', which is not among 'in'")
        for name in sorted(set(inputs) - bound):
            self.report(node.place, "bad-sql", f"'{name}' is among 'in', but the SQL has no ':{name}'")
        return statement


def _without_strings(statement: str) -> str:
    return re.sub(r"'(?:[^']|'')*'", "''", statement)
