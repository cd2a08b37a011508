"""`lookup`: read from the back office."""

from __future__ import annotations

from typing import Any

from cti.core import commands as c
from cti.core import events as e
from cti.flow import types as t
from cti.flow.catalog import TECHNICAL_OUTCOMES, Catalog, LookupSignature
from cti.flow.expressions import Scope
from cti.flow.kinds import Duration, PromptKind, Word, check_value
from cti.flow.model import Flow, Node
from cti.flow.nodes.extra_kinds import Fields, NamedValue, SaveMap, ValueMap
from cti.flow.nodes.targets import check_saves, save_effects
from cti.flow.registry import CheckContext, Names, NodeType, Option, register
from cti.flow.step import Leave, Step
from cti.flow.suggest import did_you_mean
from cti.flow.values import decode, encode

_UNDECLARED = LookupSignature({}, {}, ("not_found",))


@register
class Lookup(NodeType):
    name, group = "lookup", "Data"
    doc = (
        "Asks a source of the back office. `result` holds what it answered, for `save`. An argument that is absent is "
        "not asked: the node is then left by `not_found` (or `error`, where the source knows no not_found)."
    )
    options = {
        "ask": Option(Word(), "the source, such as subscriber.get", required=True),
        "with": Option(ValueMap(), "its arguments", default={}),
        "deadline": Option(Duration(), "when to give up", default=3.0),
        "interim": Option(Fields({"after": Duration(), "say": PromptKind()}, ("say",)), "said while it takes long"),
        "save": Option(SaveMap(), "variables and what of `result` goes there, after ok", default={}),
    }
    exits = ("ok", "not_found", *TECHNICAL_OUTCOMES)
    good_exits = ("ok",)
    example = """
who:
  type: lookup
  ask: subscriber.get
  with: {msisdn: =caller}
  deadline: 2s
  save: {balance: =result.balance}
  to: {ok: main, else: main}
"""

    def exits_of(self, node: Node, catalog: Catalog) -> tuple[str, ...]:
        signature = _signature(node, catalog)
        return signature.exits if signature else self.exits

    def exits_known(self, node: Node, catalog: Catalog) -> bool:
        return _signature(node, catalog) is not None

    def effects(self, node: Node, exit: str, flow: Flow, scope: Scope) -> tuple[Names, Names]:
        if exit != "ok":
            return frozenset(), frozenset()
        return save_effects(node.get("save"), scope)

    def check(self, node: Node, ctx: CheckContext) -> None:
        source = node.get("ask")
        signature = _signature(node, ctx.catalog)
        if ctx.catalog.lookups is not None and signature is None and source is not None:
            message = f"there is no source '{source}'{did_you_mean(source, ctx.catalog.lookups)}"
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
            check_value(named.value, inputs.get(name, t.ANY), True, ctx.scope, ctx.issues)
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
                return Leave("not_found" if "not_found" in signature.exits else "error", note=f"no {name}")
            arguments[name] = value
        deadline = step.option("deadline")
        step.command("lookup", "answer", lambda ref: c.Lookup(ref, source, arguments, deadline))
        interim = step.option("interim")
        if interim:
            step.timer("interim", interim.get("after", 0.8))
        return None

    def feed(self, step: Step, role: str, event: e.Event) -> Leave | None:
        if isinstance(event, e.TimerFired):
            step.play(step.render(step.option("interim")["say"]), "interim_prompt")
            return None
        if isinstance(event, e.LookupEnded):
            step.stop("interim")
            step.local["outcome"] = event.outcome
            step.local["values"] = self._values(step, event)
            # What has begun to be said is said to its end: half a sentence sounds like a fault.
            return None if step.waits_for("interim_prompt") else self._done(step)
        return self._done(step) if "outcome" in step.local else None

    def _values(self, step: Step, event: e.LookupEnded) -> Any:
        signature = step.run.plan.lookups.get(step.option("ask"))
        if event.outcome != "ok":
            return None
        try:
            return encode(t.convert(signature.result_type if signature else t.Type("record"), dict(event.values)))
        except t.BadValue:
            step.local["outcome"] = "error"
            return None

    def _done(self, step: Step) -> Leave | None:
        outcome: str = step.local["outcome"]
        if outcome == "ok":
            result = decode(step.local["values"])
            secret = self._secret_fields(step)
            for name, named in step.option("save").items():
                value = step.value(named.value, t.ANY, {"result": result})
                step.set(name, value, step.tainted(named.value, secret))
        return Leave(outcome, note=outcome)

    def _secret_fields(self, step: Step) -> frozenset[str]:
        """A result carries the class of each of its fields."""
        signature = step.run.plan.lookups.get(step.option("ask"))
        outputs = signature.outputs if signature else {}
        return frozenset(f"result.{name}" for name, kind in outputs.items() if kind.sensitive)


def _signature(node: Node, catalog: Catalog) -> LookupSignature | None:
    return (catalog.lookups or {}).get(str(node.get("ask")))
