"""``lookups:`` and ``requests:`` of the interface server's file: signatures, policies, routes and targets."""

from __future__ import annotations

import re
from collections.abc import Mapping as AnyMapping
from dataclasses import replace
from zlib import crc32

from cti.boss.configuration.shadows import read_shadow
from cti.boss.configuration.targets import TargetReading
from cti.boss.mapping import KEY
from cti.boss.plans import FieldClass, QuestionPlan, TargetPlan
from cti.boss.policies import PolicySettings
from cti.boss.routing import Route
from cti.flow import types as t
from cti.flow.catalog import TECHNICAL_OUTCOMES, LookupSignature
from cti.flow.expressions import Expression, Scope, infer
from cti.flow.readers import read_expression
from cti.flow.reading import Reading
from cti.flow.suggest import did_you_mean
from cti.flow.types import Type, is_name, parse_type
from cti.flow.yamlio import Mapping, Node, Scalar

OPTIONS = ("in", "out", "outcomes", "policy", "deadline_ms", "to", "shadow", "routes")
FIELD_OPTIONS = ("type", "class", "required")
ROUTE_OPTIONS = ("when", "default", "to", "split", "shadow")
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_DEFAULT_MS, _DEFAULT_REQUEST_MS, _MOST_MS = 2_000, 10_000, 60_000
#: What every condition may read besides the inputs.
_ROUTING = {"kind": t.TEXT, "home": t.Type("text", optional=True)}


class QuestionReading(Reading):
    """``attributes``: what the look-up of ``subscriber.attributes`` tells, for conditions."""

    def __init__(
        self,
        targets: TargetReading,
        policies: AnyMapping[str, PolicySettings],
        classes: AnyMapping[str, FieldClass],
        attributes: AnyMapping[str, Type],
    ) -> None:
        super().__init__(targets.issues)
        self._targets, self._policies, self._classes, self._attributes = targets, policies, classes, attributes

    def question(self, key: Scalar, node: Node, *, write: bool) -> QuestionPlan | None:
        name, what = key.text, "a request" if write else "a look-up"
        if not _NAME.fullmatch(name) or len(name) > 80:
            self.report(key.place, "bad-name", f"'{name[:60]}' is no name of {what}: write noun.verb in a-z")
            return None
        options = self.mapping(node, name, OPTIONS)
        if options is None:
            return None
        for option, _ in options:
            if option.text not in OPTIONS:
                self.unknown_key(option, what, OPTIONS)
        before = len(self.issues)
        fields = _Fields()
        inputs, outputs = self._fields(options, "in", fields), self._fields(options, "out", fields)
        if write and KEY in inputs:
            self.report(key.place, "bad-name", f"{name}: 'key' names the request itself; name the input apart")
        outcomes = self._outcomes(options, write=write)
        signature = LookupSignature(inputs, outputs, outcomes)
        policy, deadline_ms = self._policy(options), self._deadline(options, write=write)
        routes = self._routes(key, options, signature, write=write)
        if len(self.issues) > before or deadline_ms is None:
            return None
        plan = QuestionPlan(
            name, signature, routes, policy, deadline_ms / 1000, key.place, write, fields.subscriber, fields.classes
        )
        shared = policy.cache is not None and policy.cache.store != "memory"
        return replace(plan, version=_version(signature)) if shared else plan

    def outputs(self, options: Mapping) -> dict[str, Type]:
        return self._fields(options, "out", _Fields())

    # ---- signature -------------------------------------------------------------------------------------------------

    def _fields(self, options: Mapping, section: str, found: _Fields) -> dict[str, Type]:
        node, types = options.get(section), {}
        for key, spelled in (self.mapping(node, section) or ()) if node is not None else ():
            if not is_name(key.text) or not key.text.isascii():
                self.report(key.place, "bad-name", f"'{key.text[:60]}' is no field's name: write letters, digits, _")
                continue
            kind = self._field(key, spelled, section, found)
            if kind is not None:
                types[key.text] = kind
        return types

    def _field(self, key: Scalar, node: Node, section: str, found: _Fields) -> Type | None:
        """``phone!`` for short, or ``{type: phone, class: msisdn, required: true}``."""
        if not isinstance(node, Mapping):
            kind = self._type(node, key.text)
            if section == "in" and isinstance(node, Scalar) and node.text == "subscriber":
                found.subscriber = key.text
            if kind is not None and kind.sensitive:
                found.classes[key.text] = self._classes["sensitive"]
            return kind
        for option, _ in node:
            if option.text not in FIELD_OPTIONS:
                self.unknown_key(option, f"the field '{key.text}'", FIELD_OPTIONS)
        spelled, named, required = node.get("type"), node.get("class"), node.get("required")
        kind = self._type(spelled, key.text) if spelled is not None else t.TEXT
        subscriber = isinstance(spelled, Scalar) and spelled.text == "subscriber"
        if subscriber and section == "in":
            found.subscriber = key.text
        class_name = self.word(named, "class") if named is not None else None
        if class_name is not None and class_name not in self._classes:
            hint = did_you_mean(class_name, self._classes)
            self.report(named.place, "bad-option", f"there is no class '{class_name}' under security.classes{hint}")  # type: ignore[union-attr]
        elif class_name is not None:
            found.classes[key.text] = self._classes[class_name]
        wanted = self.flag(required, "required") if required is not None else section == "in"
        if kind is None or wanted is None:
            return None
        optional = kind.optional or (section == "in" and not wanted)
        return replace(kind, optional=optional, sensitive=kind.sensitive or class_name is not None)

    def _type(self, node: Node, name: str) -> Type | None:
        word = self.word(node, name)
        if word is None:
            return None
        parsed = parse_type("phone" if word == "subscriber" else word)
        if isinstance(parsed, str):
            self.report(node.place, "bad-type", parsed)
            return None
        return parsed

    def _outcomes(self, options: Mapping, *, write: bool) -> tuple[str, ...]:
        node = options.get("outcomes")
        listed = self.sequence(node, "outcomes") if node is not None else None
        found = ["rejected"] if write else ["not_found"]
        for item in listed.items if listed else ():
            word = self.word(item, "an outcome")
            if word in ("ok", *TECHNICAL_OUTCOMES):
                self.report(item.place, "bad-option", f"'{word}' is an outcome of every question: leave it out")
            elif word is not None and not (is_name(word) and word.isascii()):
                self.report(item.place, "bad-name", f"'{word[:60]}' is no outcome's name: write letters, digits, _")
            elif word is not None and word not in found:
                found.append(word)
        return tuple(found)

    def _policy(self, options: Mapping) -> PolicySettings:
        node = options.get("policy")
        name = self.choice(node, "policy", self._policies) if node is not None else None
        return self._policies[name] if name is not None else PolicySettings()

    def _deadline(self, options: Mapping, *, write: bool) -> int | None:
        node = options.get("deadline_ms")
        if node is None:
            return _DEFAULT_REQUEST_MS if write else _DEFAULT_MS
        return self.integer(node, "deadline_ms", 1, _MOST_MS)

    # ---- routes ----------------------------------------------------------------------------------------------------

    def _routes(
        self, key: Scalar, options: Mapping, signature: LookupSignature, *, write: bool
    ) -> tuple[Route[TargetPlan], ...]:
        to, routes = options.get("to"), options.get("routes")
        if (to is None) == (routes is None):
            self.report(key.place, "missing-option", f"{key.text}: write exactly one of 'to' and 'routes'")
            return ()
        if to is not None:
            shadow = read_shadow(options, self._targets, signature, write=write)
            return (Route(None, self._targets.read(to, signature, write=write), shadow=shadow),)
        if (stray := options.get("shadow")) is not None:
            self.report(stray.place, "bad-option", "'shadow' stands beside 'to': write it into the route it is for")
        listed = self.sequence(routes, "routes") if routes is not None else None
        found = []
        for item in listed.items if listed else ():
            route = self._route(item, signature, write=write)
            if route is not None:
                found.append(route)
        if listed is not None and not self.issues and all(route.when is not None for route in found):
            self.report(
                listed.place,
                "missing-option",
                "the last route must be {default: true, to: …}: else some subscribers have none",
            )
        return tuple(found)

    def _route(self, node: Node, signature: LookupSignature, *, write: bool) -> Route[TargetPlan] | None:
        options = self.mapping(node, "a route", ROUTE_OPTIONS)
        if options is None:
            return None
        for option, _ in options:
            if option.text not in ROUTE_OPTIONS:
                self.unknown_key(option, "a route", ROUTE_OPTIONS)
        when, to = options.get("when"), options.get("to")
        default, split = options.get("default"), options.get("split")
        condition = self._condition(when, signature) if when is not None else None
        if default is not None and self.flag(default, "default") is False:
            self.report(default.place, "bad-option", "'default' is true or left out")
        if when is None and default is None and split is None:
            self.report(options.place, "missing-option", "a route has 'when', or is the last one with default: true")
        if to is None:
            self.report(options.place, "missing-option", "a route has 'to', the targets in the order of trial")
            return None
        percent = self._percent(split) if split is not None else None
        shadow = read_shadow(options, self._targets, signature, write=write)
        return Route(condition, self._targets.read(to, signature, write=write), percent, shadow)

    def _percent(self, node: Node) -> float | None:
        options = self.mapping(node, "split", ("percent",))
        percent = options.get("percent") if options is not None else None
        if options is not None and percent is None:
            self.report(node.place, "missing-option", "split: {percent: 10} names the share of subscribers")
        number = self.integer(percent, "percent", 0, 100) if percent is not None else None
        return float(number) if number is not None else None

    def _condition(self, node: Node, signature: LookupSignature) -> Expression | None:
        scalar = self.scalar(node, "when")
        expression = read_expression(scalar, self, optional_sign=True) if scalar is not None else None
        if expression is None:
            return None
        readable = {**self._attributes, **signature.inputs, **_ROUTING}
        scope = Scope(readable, frozenset(readable))  # what is absent does not match, so all counts as given
        infer(expression, scope, self.issues)
        return expression


def _version(signature: LookupSignature) -> str:
    """The same in every process, as long as the signature is."""
    return f"{crc32(repr(signature).encode()):08x}/"


class _Fields:
    """What the fields of one question say besides their types."""

    def __init__(self) -> None:
        self.subscriber: str | None = None
        self.classes: dict[str, FieldClass] = {}
