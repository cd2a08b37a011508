"""What `lookup` and `request` share: a source of the back office is asked, and the caller waits for its answer."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar

from cti.core import commands as c
from cti.core import events as e
from cti.flow import types as t
from cti.flow.catalog import Catalog, LookupSignature
from cti.flow.expressions import Scope
from cti.flow.model import Flow, Node
from cti.flow.nodes.extra_kinds import NamedValue
from cti.flow.nodes.targets import check_saves, save_effects
from cti.flow.readers import check_value
from cti.flow.registry import CheckContext, Names, NodeType
from cti.flow.step import Leave, Step
from cti.flow.suggest import did_you_mean
from cti.flow.values import decode_all, encode_all

_UNDECLARED = LookupSignature({}, {}, ("not_found",))


Answer = tuple[str, str, Mapping[str, Any]]  # outcome, note, values


class Source(NodeType):
    """Local state: ``outcome``, ``values`` and ``note`` of an answer that came while something was being said."""

    good: ClassVar[str]  # the outcome whose values are saved
    unfit: ClassVar[str]  # the outcome when those values are not what the source declares

    def known_sources(self, catalog: Catalog) -> Mapping[str, LookupSignature] | None:
        raise NotImplementedError

    def absent(self, signature: LookupSignature) -> str:
        """The exit when a needed argument is absent."""
        raise NotImplementedError

    def command(self, step: Step, ref: int, source: str, arguments: dict[str, Any]) -> c.Command:
        raise NotImplementedError

    def effects(self, node: Node, exit: str, flow: Flow, scope: Scope) -> tuple[Names, Names]:
        if exit != self.good:
            return frozenset(), frozenset()
        return save_effects(node.get("save"), scope)

    def check(self, node: Node, ctx: CheckContext) -> None:
        source = node.get("ask")
        known = self.known_sources(ctx.catalog)
        signature = (known or {}).get(str(source))
        if known is not None and signature is None and source is not None:
            message = f"there is no source '{source}' for a {self.name}{did_you_mean(source, known)}"
            ctx.report(node.at("ask"), "unknown-source", message)
        self._arguments(node, signature, ctx)
        result = signature.result_type if signature else t.Type("record")
        check_saves(node.get("save"), ctx, ctx.scope.adding({"result": result}))

    def _arguments(self, node: Node, signature: LookupSignature | None, ctx: CheckContext) -> None:
        arguments: dict[str, NamedValue] = node.get("with") or {}
        inputs = signature.inputs if signature else {}
        for name, named in arguments.items():
            if signature and name not in inputs:
                hint = did_you_mean(name, inputs)
                ctx.report(named.name_place, "unknown-option", f"{node.get('ask')} takes no '{name}'{hint}")
            kind = inputs.get(name, t.ANY)
            check_value(named.value, kind, True, ctx.scope, ctx.issues)
            declared = ctx.flow.variables.get(named.expression.bare_name or "") if named.expression else None
            if kind.sensitive and declared is not None and not declared.type.sensitive:
                message = (
                    f"{node.get('ask')} keeps '{name}' secret; so must this flow: {declared.name}: {declared.type}!"
                )
                ctx.report(named.value.place, "sensitive-leak", message)
        for name, kind in inputs.items():
            if name not in arguments and not kind.optional:
                ctx.report(node.place, "missing-option", f"{node.get('ask')} needs '{name}': with: {{{name}: …}}")

    # ---- behaviour -------------------------------------------------------------------------------------------

    def enter(self, step: Step) -> Leave | None:
        source: str = step.option("ask")
        signature = step.run.plan.lookups.get(source, _UNDECLARED)
        arguments: dict[str, Any] = {}
        for name, named in step.option("with").items():
            kind = signature.inputs.get(name, t.ANY)
            value = step.value(named.value, kind)
            if value is None and not kind.optional:
                return Leave(self.absent(signature), note=f"no {name}")
            arguments[name] = value
        step.command(self.name, "answer", lambda ref: self.command(step, ref, source, arguments))
        interim = step.option("interim")
        if interim and not step.run.hung_up:
            step.timer("interim", interim.get("after", 0.8))
        return None

    def feed(self, step: Step, role: str, event: e.Event) -> Leave | None:
        if isinstance(event, e.TimerFired):
            step.play(step.render(step.option("interim")["say"]), "interim_prompt")
            return None
        if isinstance(event, e.LookupEnded | e.RequestEnded):
            step.stop("interim")
            answer = self._answer(step, event)
            if not step.waits_for("interim_prompt"):
                return self._done(step, *answer)
            # What has begun to be said is said to its end: half a sentence sounds like a fault.
            outcome, note, values = answer
            step.local.update(outcome=outcome, note=note, values=encode_all(values))
            return None
        if "outcome" not in step.local:
            return None
        return self._done(step, step.local["outcome"], step.local["note"], decode_all(step.local["values"]))

    def _answer(self, step: Step, event: e.LookupEnded | e.RequestEnded) -> Answer:
        """With the fields that are saved, by their declared types. An answer that does not keep to them is an error
        of the source, and takes the way of one; fields nobody asked for may be as they like."""
        if event.outcome != self.good:
            return event.outcome, event.outcome, {}
        signature = step.run.plan.lookups.get(step.option("ask"))
        outputs: Mapping[str, t.Type] = signature.outputs if signature else {}
        wanted = _used_fields(step.option("save"), tuple(event.values))
        try:
            values = {name: t.convert(outputs.get(name, t.ANY), event.values.get(name)) for name in wanted}
        except t.BadValue:
            return self.unfit, f"{self.unfit}: the answer does not keep to its types", {}
        return event.outcome, event.outcome, values

    def _done(self, step: Step, outcome: str, note: str, result: Mapping[str, Any]) -> Leave | None:
        if outcome == self.good:
            secret = self._secret_fields(step)
            for name, named in step.option("save").items():
                value = step.value(named.value, t.ANY, {"result": result})
                step.set(name, value, step.tainted(named.value, secret))
        return Leave(outcome, note=note)

    def _secret_fields(self, step: Step) -> frozenset[str]:
        """A result carries the class of each of its fields."""
        signature = step.run.plan.lookups.get(step.option("ask"))
        outputs = signature.outputs if signature else {}
        return frozenset(f"result.{name}" for name, kind in outputs.items() if kind.sensitive)


def _used_fields(saves: dict[str, NamedValue], given: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the result's fields that the saves read; all of ``given`` when the result is used as a whole."""
    fields: dict[str, None] = {}
    for named in saves.values():
        expression = named.expression
        if expression is None:
            continue
        if expression.bare_name == "result":
            return given
        fields.update(dict.fromkeys(_fields_of(expression.tree)))
    return tuple(fields)


@lru_cache(maxsize=4096)
def _fields_of(tree: ast.expr) -> tuple[str, ...]:
    attributes = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return tuple(node.attr for node in attributes if isinstance(node.value, ast.Name) and node.value.id == "result")
