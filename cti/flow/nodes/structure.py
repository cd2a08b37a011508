"""`subflow` and `end`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from cti.flow import types as t
from cti.flow.catalog import Catalog
from cti.flow.expressions import Scope
from cti.flow.kinds import Text, Word
from cti.flow.model import Flow, Node
from cti.flow.nodes.extra_kinds import SaveMap, ValueMap
from cti.flow.nodes.targets import check_saves, save_effects
from cti.flow.readers import check_value
from cti.flow.registry import CheckContext, Names, NodeType, Option, Options, register
from cti.flow.step import Enter, Finish, Leave, Step
from cti.flow.suggest import did_you_mean


@register
class Subflow(NodeType):
    name, group = "subflow", "Structure"
    doc = (
        "Runs another flow and comes back. Its exits are the outcomes of that flow's `end` nodes (`done` for one "
        "without an outcome); `result` holds what it returns, for `save`."
    )
    options: ClassVar[Options] = {
        "flow": Option(Word(), "the flow", required=True),
        "with": Option(ValueMap(), "its inputs", default={}),
        "save": Option(SaveMap(), "variables and what of `result` goes there", default={}),
    }
    exits = ("done",)
    good_exits = ("done",)
    example = """
survey:
  type: subflow
  flow: csat
  to: {else: bye}
"""

    def exits_of(self, node: Node, catalog: Catalog) -> tuple[str, ...]:
        """Known only with the other flow at hand: checked when a plan is made of both."""
        return ()

    def exits_known(self, node: Node, catalog: Catalog) -> bool:
        return False

    def effects(self, node: Node, exit: str, flow: Flow, scope: Scope) -> tuple[Names, Names]:
        return save_effects(node.get("save"), scope)

    def check(self, node: Node, ctx: CheckContext) -> None:
        name, known = node.get("flow"), ctx.catalog.flows
        if name == ctx.flow.id:
            ctx.report(node.at("flow"), "recursive-subflow", f"{name} would call itself")
        elif known is not None and name is not None and name not in known:
            ctx.report(node.at("flow"), "unknown-flow", f"there is no flow '{name}'{did_you_mean(name, known)}")
        for named in (node.get("with") or {}).values():
            check_value(named.value, t.ANY, True, ctx.scope, ctx.issues)
        check_saves(node.get("save"), ctx, ctx.scope.adding({"result": t.Type("record")}))

    def enter(self, step: Step) -> Leave | None:
        given: Mapping[str, Any] = step.option("with")
        inputs = {name: step.value(named.value) for name, named in given.items()}
        tainted = frozenset(name for name, named in given.items() if step.tainted(named.value))
        return Enter("next", flow=step.option("flow"), inputs=inputs, tainted=tainted)

    def returned(self, step: Step, finish: Finish) -> Leave:
        """The other flow has ended: take what it returned and go on."""
        secret = frozenset(f"result.{name}" for name in finish.tainted)
        for name, named in step.option("save").items():
            value = step.value(named.value, t.ANY, {"result": dict(finish.returns)})
            step.set(name, value, step.tainted(named.value, secret))
        outcome = finish.outcome or "done"
        return Leave(outcome, note=outcome)


@register
class End(NodeType):
    name, group = "end", "Structure"
    doc = "Ends the flow: the call is hung up, or the calling flow goes on. `outcome` is the author's word for how."
    options: ClassVar[Options] = {
        "outcome": Option(Text(), "how it ended; an exit of the calling subflow node"),
        "returns": Option(ValueMap(), "values for the calling flow", default={}),
    }
    exits = ()
    good_exits = ("end",)
    after_hangup = True
    example = """
bye:
  type: end
  outcome: done
"""

    def check(self, node: Node, ctx: CheckContext) -> None:
        for named in (node.get("returns") or {}).values():
            check_value(named.value, t.ANY, True, ctx.scope, ctx.issues)

    def enter(self, step: Step) -> Leave | None:
        given: Mapping[str, Any] = step.option("returns")
        returns = {name: step.value(named.value) for name, named in given.items()}
        tainted = frozenset(name for name, named in given.items() if step.tainted(named.value))
        outcome = step.option("outcome") or ""
        return Finish("end", note=outcome, outcome=outcome, returns=returns, tainted=tainted)
