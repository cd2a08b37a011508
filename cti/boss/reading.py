"""The file of look-ups and requests, read with every finding in it (`cti.boss.definitions`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from collections.abc import Mapping as AnyMapping
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from cti.boss.model import Definitions, LookupDefinition, RequestDefinition
from cti.core.issue import Place
from cti.flow.catalog import TECHNICAL_OUTCOMES, LookupSignature
from cti.flow.reading import Reading
from cti.flow.types import TEXT, Type, is_name, parse_type
from cti.flow.yamlio import Mapping, Node, Sequence

Definition = TypeVar("Definition")
SECTIONS = ("lookups", "requests")
OPTIONS = ("in", "out", "outcomes", "deadline_ms", "sql")
REQUEST_OPTIONS = ("in", "out", "deadline_ms", "write", "read")
KEY = "key"
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_READS = re.compile(r"\s*(select|with)\b", re.IGNORECASE)
_WRITES = re.compile(r"\s*(insert|update|delete|with)\b", re.IGNORECASE)
_DEFAULT_MS, _MOST_MS = 2_000, 60_000
_DEFAULT_REQUEST_MS = 10_000


class DefinitionReading(Reading):
    def file(self, tree: Node) -> Definitions:
        root = self.mapping(tree, "this file")
        if root is None:
            return Definitions({}, {})
        for key, _ in root:
            if key.text not in SECTIONS:
                self.unknown_key(key, "this file", SECTIONS)
        if not any(root.get(name) for name in SECTIONS):
            self.report(root.place, "missing-option", "'lookups' or 'requests' must be given")
        lookups = dict(self.section(root, "lookups", "look-up", self.definition))
        requests = dict(self.section(root, "requests", "request", self.request))
        for name in sorted(lookups.keys() & requests.keys()):
            self.report(requests[name].place, "duplicate-key", f"'{name}' is a look-up already: name the request apart")
        return Definitions(lookups, requests)

    def section(
        self, root: Mapping, name: str, what: str, read: Callable[[str, Node, Place], Definition | None]
    ) -> Iterator[tuple[str, Definition]]:
        node = root.get(name)
        for key, value in (self.mapping(node, name) or ()) if node is not None else ():
            if not _NAME.fullmatch(key.text) or len(key.text) > 80:
                self.report(key.place, "bad-name", f"'{key.text[:60]}' is no {what}'s name: write noun.verb in a-z")
            definition = read(key.text, value, key.place)
            if definition is not None:
                yield key.text, definition

    def definition(self, name: str, node: Node, place: Place) -> LookupDefinition | None:
        options = self.mapping(node, name)
        if options is None:
            return None
        for key, _ in options:
            if key.text not in OPTIONS:
                self.unknown_key(key, "a look-up", OPTIONS)
        inputs, outputs = self.types(options, "in"), self.types(options, "out")
        outcomes = self.outcomes(options)
        deadline_ms = self.deadline(options, _DEFAULT_MS)
        sql_node = options.get("sql")
        sql = self.statement(sql_node, "a look-up only reads: its SQL", _READS) if sql_node else None
        if sql is not None and sql_node is not None and not self.bound(sql_node, (sql,), inputs):
            sql = None
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

    def deadline(self, options: Mapping, otherwise: int) -> int | None:
        node = options.get("deadline_ms")
        return self.integer(node, "deadline_ms", 1, _MOST_MS) if node else otherwise

    def request(self, name: str, node: Node, place: Place) -> RequestDefinition | None:
        options = self.mapping(node, name)
        if options is None:
            return None
        for key, _ in options:
            if key.text not in REQUEST_OPTIONS:
                self.unknown_key(key, "a request", REQUEST_OPTIONS)
        inputs, outputs = self.types(options, "in"), self.types(options, "out")
        if KEY in inputs:
            self.report(place, "bad-name", f"{name}: ':key' names the request itself; name the input apart")
        deadline_ms = self.deadline(options, _DEFAULT_REQUEST_MS)
        write, read = options.get("write"), options.get("read")
        for option, given in (("write", write), ("read", read)):
            if given is None:
                self.report(place, "missing-option", f"{name}: '{option}' must be given")
        if write is None or read is None or deadline_ms is None:
            return None
        items = write.items if isinstance(write, Sequence) else (write,)
        writes = [self.statement(item, "'write' writes: each statement", _WRITES) for item in items]
        answer = self.statement(read, "'read' gives the answer: its SQL", _READS)
        if answer is None or not writes or any(statement is None for statement in writes):
            return None
        made = tuple(statement for statement in writes if statement is not None)
        if not self.bound(write, (*made, answer), {**inputs, KEY: TEXT}):
            return None
        if KEY not in _parameters(answer):
            self.report(read.place, "bad-sql", "'read' finds the request again: its SQL needs ':key'")
        return RequestDefinition(name, LookupSignature(inputs, outputs, ()), made, answer, deadline_ms / 1000, place)

    def statement(self, node: Node, what: str, form: re.Pattern[str]) -> str | None:
        statement = self.text(node, "sql")
        if statement is None:
            return None
        statement = statement.strip().removesuffix(";").rstrip()
        if not form.match(statement):
            words = "SELECT or WITH" if form is _READS else "INSERT, UPDATE, DELETE or WITH"
            self.report(node.place, "bad-sql", f"{what} begins with {words}")
            return None
        if ";" in _without_strings(statement):
            self.report(node.place, "bad-sql", "one statement only: there is a ';' inside")
            return None
        try:
            _parameters(statement)
        except SQLAlchemyError as error:
            self.report(node.place, "bad-sql", f"this SQL cannot be read: {type(error).__name__}")
            return None
        return statement

    def bound(self, node: Node, statements: tuple[str, ...], inputs: AnyMapping[str, Type]) -> bool:
        """Every parameter is an input, and every input a parameter?"""
        bound = set().union(*(_parameters(statement) for statement in statements))
        for name in sorted(bound - set(inputs)):
            self.report(node.place, "bad-sql", f"the SQL asks for ':{name}', which is not among 'in'")
        for name in sorted(set(inputs) - bound):
            self.report(node.place, "bad-sql", f"'{name}' is among 'in', but the SQL has no ':{name}'")
        return not bound - set(inputs)


def _parameters(statement: str) -> set[str]:
    """Raises SQLAlchemyError."""
    return set(text(statement).compile().params)


def _without_strings(statement: str) -> str:
    return re.sub(r"'(?:[^']|'')*'", "''", statement)
