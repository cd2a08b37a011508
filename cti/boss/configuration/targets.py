"""Targets of routes: which back end, by which of its messages, and how our words become theirs."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as AnyMapping
from collections.abc import Set as AbstractSet

from cti.boss.configuration.places import place_of
from cti.boss.mapping import KEY, Mapped, Sent
from cti.boss.paths import FieldPath, parse_path
from cti.boss.plans import BackendPlan, TargetPlan
from cti.boss.way import Carried, TargetOptions
from cti.core.issue import Issue, Place
from cti.flow.catalog import LookupSignature
from cti.flow.reading import Reading
from cti.flow.suggest import did_you_mean
from cti.flow.yamlio import Mapping, Node
from cti.validating import Section, combined, validate


class _Named(Section):
    backend: str


class TargetReading(Reading):
    """``declared``: back ends that are in the file, also those that were refused: who names one is not blamed."""

    def __init__(self, issues: list[Issue], backends: AnyMapping[str, BackendPlan], declared: AbstractSet[str]) -> None:
        super().__init__(issues)
        self._backends, self._declared = backends, declared

    def read(self, node: Node, signature: LookupSignature, *, write: bool) -> tuple[TargetPlan, ...]:
        listed = (node,) if isinstance(node, Mapping) else getattr(self.sequence(node, "to"), "items", ())
        found = (self._target(item, signature, write=write) for item in listed)
        return tuple(target for target in found if target is not None)

    def backend(self, name: str) -> BackendPlan:
        return self._backends[name]

    def _target(self, node: Node, signature: LookupSignature, *, write: bool) -> TargetPlan | None:
        options = self.mapping(node, "a target", ("backend",))
        named = options.get("backend") if options is not None else None
        if options is None:
            return None
        if named is None:
            self.report(options.place, "missing-option", "a target names its 'backend'")
            return None
        name = self.choice(named, "back end", self._declared)
        plan = self._backends.get(name) if name is not None else None
        if plan is None:
            return None
        model = combined("Target", plan.kind.Target, _Named)
        found, issues = validate(model, options)
        self.issues.extend(issues)
        if found is None:
            return None
        target = plan.kind.Target.model_construct(
            **{field: getattr(found, field) for field in plan.kind.Target.model_fields}
        )
        known = {*signature.inputs, KEY} if write else set(signature.inputs)
        carried = Carried(frozenset(target.send) or frozenset(known), write)
        for finding in plan.kind.prove_target(plan.options, target, carried):
            self.report(place_of(options, finding.path), finding.code, finding.message)
        return TargetPlan(plan.name, plan.kind.service(target), target, self._mapped(options, target, signature, write))

    def _mapped(self, options: Mapping, target: TargetOptions, signature: LookupSignature, write: bool) -> Mapped:
        known = {*signature.inputs, KEY} if write else set(signature.inputs)
        sent = tuple(self._sent(options, field, source, known) for field, source in target.send.items())
        take = {}
        for output, path in target.take.items():
            if output not in signature.outputs:
                hint = did_you_mean(output, signature.outputs)
                self._at(options, ("take",), output, f"'{output}' is not among 'out'{hint}")
            parsed = self._path(options, ("take", output), path)
            if parsed is not None:
                take[output] = parsed
        code = self._path(options, ("code",), target.code) if target.code is not None else None
        if target.code is None and (target.errors or target.good):
            self._at(options, (), "errors", "'code' must say where the code stands that 'errors' and 'good' name")
        for word, outcome in target.errors.items():
            if outcome not in signature.outcomes:
                known_words = ", ".join(signature.outcomes)
                self._at(options, ("errors",), word, f"'{outcome}' is no outcome of this question: {known_words}")
        return Mapped(sent, take, code, frozenset(target.good), target.errors)

    def _sent(self, options: Mapping, field: str, source: str | dict[str, str], known: Iterable[str]) -> Sent:
        if isinstance(source, dict):
            if set(source) != {"const"}:
                self._at(options, ("send",), field, "write an input, `key`, or {const: text}")
            return Sent(field, constant=source.get("const", ""))
        if source not in known:
            hint = did_you_mean(source, known)
            self._at(options, ("send",), field, f"'{source}' is not among 'in'{hint}; a fixed text is {{const: …}}")
        return Sent(field, source)

    def _path(self, options: Mapping, where: tuple[str, ...], text: str) -> FieldPath | None:
        parsed = parse_path(text)
        if isinstance(parsed, str):
            self._at(options, where[:-1], where[-1], parsed)
            return None
        return parsed

    def _at(self, options: Mapping, where: tuple[str, ...], key: str, message: str) -> None:
        node: Node = options
        for step in where:
            node = (node.get(step) if isinstance(node, Mapping) else None) or node
        place: Place = node.key_place(key) if isinstance(node, Mapping) else node.place
        self.report(place, "bad-option", message)
