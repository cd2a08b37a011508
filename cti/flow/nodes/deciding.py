"""`branch`, `set`, `hours`: nothing is said, nothing is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from cti.flow.expressions import Scope, narrow
from cti.flow.kinds import Condition, Goto, Word
from cti.flow.model import Flow, Node
from cti.flow.nodes.extra_kinds import Cases, SetMap
from cti.flow.nodes.targets import check_saves, save_effects
from cti.flow.registry import CheckContext, Edge, Names, NodeType, Option, Options, Taking, register
from cti.flow.step import FlowFailure, Leave, Step
from cti.flow.suggest import did_you_mean


@register
class Branch(NodeType):
    name, group = "branch", "Deciding"
    doc = "Goes to the first case whose condition is true, else to `default`."
    options: ClassVar[Options] = {
        "cases": Option(Cases(), "conditions, tried in order", required=True),
        "default": Option(Goto(), "the node when no condition is true", required=True),
    }
    exits = ()
    good_exits = ("case", "default")
    after_hangup = True
    example = """
known:
  type: branch
  cases: [{when: given(balance), to: tell}]
  default: unknown
"""

    def ways(self, node: Node) -> Iterator[Edge]:
        false: Names = frozenset()
        for number, case in enumerate(node.get("cases") or (), 1):
            true, untrue = narrow(case.when)
            yield Edge(f"case {number}", case.to, false | true)
            false |= untrue
        if node.get("default") is not None:
            yield Edge("default", node.get("default"), false)

    def check(self, node: Node, ctx: CheckContext) -> None:
        scope = ctx.scope
        for case in node.get("cases") or ():
            Condition().check(case.when, scope, ctx.issues)
            scope = scope.knowing(narrow(case.when)[1])

    def enter(self, step: Step) -> Leave | None:
        for number, case in enumerate(step.option("cases"), 1):
            if step.evaluate(case.when) is True:
                return Leave(f"case {number}", case.to.name)
        return Leave("default", step.option("default").name)


@register
class Set(NodeType):
    name, group = "set", "Deciding"
    doc = "Gives variables new values, one after the other. Setting `language` changes the language of the call."
    options: ClassVar[Options] = {"set": Option(SetMap(), "variables and their new values", required=True)}
    after_hangup = True
    example = """
language:
  type: set
  set: {language: "= 'en-US' if language == 'zh-CN' else 'zh-CN'"}
  next: main
"""

    def effects(self, node: Node, exit: str, flow: Flow, scope: Scope) -> tuple[Names, Names]:
        gives: Names = frozenset()
        takes: Names = frozenset()
        for name, named in (node.get("set") or {}).items():
            given, absent = save_effects({name: named}, scope)
            gives, takes = (gives - absent) | given, (takes - given) | absent
            scope = Scope(scope.variables, (scope.given | given) - absent)
        return gives, takes

    def check(self, node: Node, ctx: CheckContext) -> None:
        scope = ctx.scope
        for name, named in (node.get("set") or {}).items():
            check_saves({name: named}, ctx, scope)
            given, absent = save_effects({name: named}, scope)
            scope = Scope(scope.variables, (scope.given | given) - absent)

    def enter(self, step: Step) -> Leave | None:
        for name, named in step.option("set").items():
            step.set(name, step.value(named.value), step.tainted(named.value))
        return Leave()


@register
class Hours(NodeType):
    name, group = "hours", "Deciding"
    doc = "Asks a calendar whether it is open, closed, or a holiday (which is closed too, unless wired)."
    options: ClassVar[Options] = {"calendar": Option(Word(), "a file of ivr_flows/calendars", required=True)}
    exits = ("open", "closed", "holiday")
    good_exits = exits
    example = """
open:
  type: hours
  calendar: hotline
  to: {open: main, else: closed}
"""

    def taking(self, node: Node, exit: str, flow: Flow) -> Taking:
        return Taking(exempt=exit in ("closed", "holiday"))

    def check(self, node: Node, ctx: CheckContext) -> None:
        known, name = ctx.catalog.calendars, node.get("calendar")
        if known is not None and name is not None and name not in known:
            message = f"there is no calendar '{name}'{did_you_mean(name, known)}"
            ctx.report(node.at("calendar"), "unknown-calendar", message)

    def enter(self, step: Step) -> Leave | None:
        name = step.option("calendar")
        calendar = step.run.plan.calendars.get(name)
        if calendar is None:
            raise FlowFailure("unknown-calendar", f"there is no calendar '{name}'")
        return Leave(calendar.state(step.now))
