"""`lookup`: read from the back office."""

from __future__ import annotations

import ast
from typing import Any, ClassVar

from cti.core import commands as c
from cti.core import events as e
from cti.flow import types as t
from cti.flow.catalog import TECHNICAL_OUTCOMES, Catalog, LookupSignature
from cti.flow.expressions import Scope
from cti.flow.kinds import Duration, PromptKind, Word
from cti.flow.model import Flow, Node
from cti.flow.nodes.extra_kinds import Fields, NamedValue, SaveMap, ValueMap
from cti.flow.nodes.targets import check_saves, save_effects
from cti.flow.readers import check_value
from cti.flow.registry import CheckContext, Names, NodeType, Option, Options, register
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
    options: ClassVar[Options] = {
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
        """The fields that are saved, by their declared types. An answer that does not keep to them is an error of
        the source, and takes the way of one; fields nobody asked for may be as they like."""
        if event.outcome != "ok":
            return None
        signature = step.run.plan.lookups.get(step.option("ask"))
        wanted = _used_fields(step.option("save"), tuple(event.values))
        try:
            return {
                name: encode(
                    t.convert(signature.outputs.get(name, t.ANY) if signature else t.ANY, event.values.get(name))
                )
                for name in wanted
            }
        except t.BadValue:
            step.local["outcome"] = "error"
            step.local["note"] = "error: the answer does not keep to its types"
            return None

    def _done(self, step: Step) -> Leave | None:
        outcome: str = step.local["outcome"]
        if outcome == "ok":
            result = {name: decode(value) for name, value in step.local["values"].items()}
            secret = self._secret_fields(step)
            for name, named in step.option("save").items():
                value = step.value(named.value, t.ANY, {"result": result})
                step.set(name, value, step.tainted(named.value, secret))
        return Leave(outcome, note=step.local.get("note", outcome))

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
        for node in ast.walk(expression.tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "result":
                fields[node.attr] = None
    return tuple(fields)


def _signature(node: Node, catalog: Catalog) -> LookupSignature | None:
    return (catalog.lookups or {}).get(str(node.get("ask")))
