"""From the YAML file to an `OfficePlan`. Nothing is opened; a file with any finding is refused whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from pathlib import Path
from typing import TypeVar

from cti.boss.configuration.feeds import Known, read_feeds
from cti.boss.configuration.orders import read_orders
from cti.boss.configuration.places import place_of
from cti.boss.configuration.questions import QuestionReading
from cti.boss.configuration.reached import prove_targets
from cti.boss.configuration.sections import (
    PATTERNS,
    BackendCommon,
    KindSection,
    PrefixSection,
    SecuritySection,
    SubscriberSection,
)
from cti.boss.configuration.stores import prove_stores, read_keys
from cti.boss.configuration.targets import TargetReading
from cti.boss.plans import BackendPlan, FieldClass, OfficePlan, QuestionPlan
from cti.boss.policies import PolicySettings
from cti.boss.redis_options import RedisSection
from cti.boss.routing import Kind, Normalising, Subscribers
from cti.boss.way import WayKind
from cti.core.errors import ConfigError
from cti.core.issue import Issue, Place
from cti.core.targets import ANYWHERE, target_rules
from cti.files import read_file
from cti.flow.reading import Reading
from cti.flow.suggest import did_you_mean
from cti.flow.types import Type
from cti.flow.yamlio import Mapping, Node, Scalar, read_yaml
from cti.validating import Section, combined, validate

Model = TypeVar("Model", bound=Section)
SECTIONS = ("security", "redis", "subscriber", "policies", "backends", "lookups", "requests", "feeds", "orders")
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class OfficeRefused(ConfigError):
    """``issues``: every finding in the file, with its place."""

    code = "bad-interfaces"

    def __init__(self, issues: list[Issue]) -> None:
        self.issues = sorted(issues, key=lambda issue: issue.place)
        super().__init__("; ".join(map(str, self.issues)), remedy="see docs/interface-server.md")


def load_office(file: Path, ways: AnyMapping[str, WayKind]) -> OfficePlan:
    """``ways``: by name. Raises ConfigError (unreadable), OfficeRefused."""
    raw = read_file(file, what="the interfaces", remedy="name an existing file at boss.file")
    return parse_office(raw, str(file), ways)


def parse_office(raw: str | bytes, file: str, ways: AnyMapping[str, WayKind]) -> OfficePlan:
    """Raises OfficeRefused."""
    tree, issues = read_yaml(raw, file)
    if tree is None or issues:
        raise OfficeRefused(list(issues) or [Issue(Place(file), "empty-file", "there is nothing in this file")])
    reading = OfficeReading(ways)
    plan = reading.office(tree)
    if reading.issues or plan is None:
        raise OfficeRefused(reading.issues)
    return plan


class OfficeReading(Reading):
    def __init__(self, ways: AnyMapping[str, WayKind]) -> None:
        super().__init__()
        self._ways, self._targets = ways, ANYWHERE

    def office(self, tree: Node) -> OfficePlan | None:
        root = self.mapping(tree, "this file", SECTIONS)
        if root is None:
            return None
        for key, _ in root:
            if key.text not in SECTIONS:
                self.unknown_key(key, "this file", SECTIONS)
        security = self._section(root, "security", SecuritySection) or SecuritySection()
        self._targets = target_rules(security.targets)
        subscriber = self._section(root, "subscriber", SubscriberSection) or SubscriberSection()
        # What is there and was refused still counts as there: who names it is not blamed as well.
        policies = dict.fromkeys(self._declared(root, "policies"), PolicySettings())
        policies.update(self._each(root, "policies", PolicySettings))
        classes = {name: FieldClass(name, whole=True) for name in self._declared(root.get("security"), "classes")}
        classes.update(_classes(security))
        backends = {plan.name: plan for plan in self._backends(root)}
        targets = TargetReading(self.issues, backends, self._declared(root, "backends"))
        questions = QuestionReading(targets, policies, classes, _attributes(root))
        lookups = self._questions(root, "lookups", questions)
        requests = self._questions(root, "requests", questions)
        for name in sorted(lookups.keys() & requests.keys()):
            self.report(requests[name].place, "duplicate-key", f"'{name}' is a look-up already: name the request apart")
        self._known_lookups(root, lookups, requests, subscriber.attributes)
        known = Known(classes, backends, self._declared(root, "backends"), self._targets)
        if subscriber.segments is not None:
            self._prove_targets(root, ("subscriber", "segments"), subscriber.segments)
        return OfficePlan(
            backends,
            lookups,
            requests,
            _subscribers(subscriber),
            attributes_lookup=subscriber.attributes,
            segments=subscriber.segments,
            targets=self._targets,
            keys=read_keys(root, security),
            redis=self._redis(root, policies),
            feeds=read_feeds(root, self._named(root, "feeds"), known, self._valid, self.report),
            orders=read_orders(root, self._named(root, "orders"), self._targets, self._valid, self.report),
        )

    # ---- sections --------------------------------------------------------------------------------------------------

    def _section(self, root: Mapping, name: str, model: type[Model]) -> Model | None:
        node = root.get(name)
        return self._valid(model, node) if node is not None else None

    def _valid(self, model: type[Model], node: Node) -> Model | None:
        found, issues = validate(model, node, secret=_SECRET, patterns=PATTERNS)
        self.issues.extend(issues)
        return found

    def _named(self, root: Mapping, section: str) -> Iterator[tuple[str, Node, Place]]:
        node = root.get(section)
        for key, value in (self.mapping(node, section) or ()) if node is not None else ():
            if NAME.fullmatch(key.text):
                yield key.text, value, key.place
            else:
                self.report(key.place, "bad-name", f"'{key.text[:60]}' is no name here: write a-z, then a-z, 0-9, _")

    def _each(self, root: Mapping, section: str, model: type[Model]) -> Iterator[tuple[str, Model]]:
        for name, node, _ in self._named(root, section):
            found = self._valid(model, node)
            if found is not None:
                yield name, found

    def _declared(self, root: Node | None, section: str) -> frozenset[str]:
        """Names that are there, even if what stands under them is refused."""
        node = root.get(section) if isinstance(root, Mapping) else None
        return frozenset(key.text for key, _ in node) if isinstance(node, Mapping) else frozenset()

    def _backends(self, root: Mapping) -> Iterator[BackendPlan]:
        for name, node, place in self._named(root, "backends"):
            options = self.mapping(node, name)
            way = options.get("way") if options is not None else None
            if options is None:
                continue
            if way is None:
                self.report(place, "missing-option", f"{name}: 'way' must be given: {', '.join(sorted(self._ways))}")
                continue
            chosen = self.choice(way, "way", sorted(self._ways))
            plan = self._backend(name, self._ways[chosen], options, place) if chosen is not None else None
            if plan is not None:
                yield plan

    def _backend(self, name: str, kind: WayKind, options: Mapping, place: Place) -> BackendPlan | None:
        own = frozenset(kind.Backend.model_fields)
        model = combined("Backend", kind.Backend, BackendCommon)
        found = self._valid(model, options)
        if found is None:
            return None
        mine = kind.Backend.model_construct(**{field: getattr(found, field) for field in own})
        for finding in kind.prove_backend(mine):
            self.report(place_of(options, finding.path), finding.code, finding.message)
        self._prove_targets(options, (), mine)
        common = BackendCommon.model_construct(**{field: getattr(found, field) for field in BackendCommon.model_fields})
        rate = (common.rate.per_s, max(common.rate.burst, 1.0)) if common.rate is not None else None
        return BackendPlan(name, kind, mine, place, common.concurrency, common.breaker, rate, self._targets)

    def _redis(self, root: Mapping, policies: AnyMapping[str, PolicySettings]) -> RedisSection | None:
        section = self._section(root, "redis", RedisSection)
        for place, finding in prove_stores(root, section, policies):
            self.report(place, finding.code, finding.message)
        if section is not None:
            self._prove_targets(root, ("redis",), section)
        return section

    def _prove_targets(self, node: Node, where: tuple[str, ...], options: Section) -> None:
        for finding in prove_targets(options, self._targets):
            self.report(place_of(node, (*where, *finding.path)), finding.code, finding.message)

    def _questions(self, root: Mapping, section: str, questions: QuestionReading) -> dict[str, QuestionPlan]:
        node = root.get(section)
        found: dict[str, QuestionPlan] = {}
        for key, value in (self.mapping(node, section) or ()) if node is not None else ():
            plan = questions.question(key, value, write=section == "requests")
            if plan is not None:
                found[key.text] = plan
        return found

    def _known_lookups(
        self,
        root: Mapping,
        lookups: AnyMapping[str, QuestionPlan],
        requests: AnyMapping[str, QuestionPlan],
        attributes: str | None,
    ) -> None:
        """Look-ups that are named elsewhere in the file."""
        declared = self._declared(root, "lookups")
        if attributes is not None and attributes not in declared:
            place = place_of(root, ("subscriber", "attributes"))
            self.report(
                place, "unknown-source", f"there is no look-up '{attributes}'{did_you_mean(attributes, declared)}"
            )
        for plan in requests.values():
            status = plan.policy.unknown.status_lookup
            if status is None:
                continue
            if status not in declared:
                message = f"{plan.name}: there is no look-up '{status}' to tell how a write went"
                self.report(plan.place, "unknown-source", message + did_you_mean(status, declared))
            elif status in lookups and "key" not in lookups[status].signature.inputs:
                self.report(plan.place, "bad-option", f"{plan.name}: '{status}' takes no 'key', so that it cannot tell")


_SECRET = ("url", "password", "secret", "token")


def _classes(security: SecuritySection) -> dict[str, FieldClass]:
    found = {"sensitive": FieldClass("sensitive", whole=True)}
    for name, section in security.classes.items():
        head, _, tail = section.mask.partition("+")
        whole = section.mask == "all"
        found[name] = FieldClass(
            name, 0 if whole else int(head), 0 if whole else int(tail), whole, section.cache == "allowed"
        )
    return found


def _attributes(root: Mapping) -> dict[str, Type]:
    """What the look-up of attributes gives. What is wrong with it is told when it is read itself."""
    lookups, subscriber = root.get("lookups"), root.get("subscriber")
    named = subscriber.get("attributes") if isinstance(subscriber, Mapping) else None
    node = lookups.get(named.text) if isinstance(lookups, Mapping) and isinstance(named, Scalar) else None
    if not isinstance(node, Mapping):
        return {}
    return QuestionReading(TargetReading([], {}, frozenset()), {}, _classes(SecuritySection()), {}).outputs(node)


def _subscribers(section: SubscriberSection) -> Subscribers:
    prefixes = tuple(p for step in section.normalise if isinstance(step, PrefixSection) for p in step.strip_prefix)
    return Subscribers(Normalising("strip_spaces" in section.normalise, prefixes), tuple(map(_kind, section.kinds)))


def _kind(section: KindSection) -> Kind:
    return Kind(section.kind, re.compile(section.match))
