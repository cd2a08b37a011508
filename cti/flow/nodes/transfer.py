"""`transfer`: connect the caller to somebody, or go over to another flow."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from cti.core import commands as c
from cti.core import events as e
from cti.core.issue import Issue
from cti.flow import types as t
from cti.flow import yamlio
from cti.flow.catalog import Catalog
from cti.flow.expressions import Scope
from cti.flow.kinds import Duration, Kind, PromptKind, Val, frozen
from cti.flow.model import Flow, Literal, Node
from cti.flow.readers import check_value, read_value
from cti.flow.reading import Reading
from cti.flow.registry import CheckContext, NodeType, Option, Options, Taking, register
from cti.flow.step import Enter, FlowFailure, Leave, Step
from cti.flow.suggest import did_you_mean

TARGETS = {"agent": t.TEXT, "extension": t.TEXT, "number": t.PHONE_TYPE, "platform": t.TEXT, "flow": t.TEXT}
#: What a SIP header takes of an identity (`cti.switch.handover`).
IDENTITY = re.compile(r"[0-9A-Za-z_.:@/+=~*#()!-]{1,64}")


class Dial(Kind):
    """``{agent | extension | number | platform | flow: value}``; gives (kind, value)."""

    name = "{agent | extension | number | platform | flow: value}"
    schema = frozen({"type": "object", "minProperties": 1, "maxProperties": 1, "propertyNames": {"enum": [*TARGETS]}})

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        mapping = reading.mapping(node, what)
        if mapping is None:
            return None
        entries = list(mapping)
        for key, _ in entries:
            if key.text not in TARGETS:
                reading.unknown_key(key, what, TARGETS)
                return None
        if len(entries) != 1:
            reading.report(node.place, "bad-option", f"{what} names exactly one of {', '.join(TARGETS)}")
            return None
        key, value = entries[0]
        read = read_value(value, f"{what}.{key.text}", reading)
        return (key.text, read) if read is not None else None

    def check(self, value: Any, scope: Scope, issues: list[Issue]) -> None:
        check_value(value[1], TARGETS[value[0]], False, scope, issues)


@register
class Transfer(NodeType):
    name, group = "transfer", "People"
    doc = (
        "Connects the caller to an agent, an extension or a number. `talked` is taken when the other side has ended "
        "and the caller is still there. `dial: {platform: …}` hands the caller to another platform of the settings' "
        "`dialing.platforms`, which is told in SIP headers who calls, which nodes the call went through, and what "
        "`identity` says. `dial: {flow: …}` goes over to another flow and does not come back."
    )
    options: ClassVar[Options] = {
        "dial": Option(Dial(), "whom", required=True),
        "ring": Option(Duration(), "how long it may ring", default=30.0),
        "identity": Option(
            Val(t.TEXT, absent_ok=True),
            "with `platform`: what has been proved of the caller, such as a customer number; 64 letters, digits and "
            "signs at most, else it is left out",
        ),
        "say": Option(PromptKind(), "said before it rings"),
    }
    exits = ("talked", "busy", "no_answer", "failed", "denied")
    good_exits = ("talked",)
    needs_answer = True
    human = True
    example = """
operator:
  type: transfer
  dial: {extension: "1001"}
  ring: 20s
  to: {talked: bye, else: message}
"""

    def exits_of(self, node: Node, catalog: Catalog) -> tuple[str, ...]:
        dial = node.get("dial")
        return () if dial and dial[0] == "flow" else self.exits

    def taking(self, node: Node, exit: str, flow: Flow) -> Taking:
        return Taking(bounds=exit in ("talked", "no_answer"))

    def works_in(self, node: Node, medium: str) -> bool:
        dial = node.get("dial")
        return bool(dial and dial[0] == "flow") or medium in ("voice", "video")

    def check(self, node: Node, ctx: CheckContext) -> None:
        dial = node.get("dial")
        if node.get("identity") is not None and dial and dial[0] != "platform":
            ctx.report(node.at("identity"), "bad-option", "an identity is told to another platform only")
        if dial is not None and dial[0] == "platform":
            _check_platform(dial[1], node, ctx)
        if dial is None or dial[0] != "flow":
            return
        name, known = getattr(dial[1], "value", None), ctx.catalog.flows
        if not isinstance(dial[1], Literal):
            ctx.report(node.at("dial"), "bad-option", "the flow is named, not computed: only named flows are loaded")
        elif known is not None and name not in known:
            ctx.report(node.at("dial"), "unknown-flow", f"there is no flow '{name}'{did_you_mean(str(name), known)}")

    def enter(self, step: Step) -> Leave | None:
        step.flush_keys()
        if step.play(step.render(step.option("say"))):
            return None
        return self._dial(step)

    def _dial(self, step: Step) -> Leave | None:
        kind, value = step.option("dial")
        target = step.value(value, TARGETS[kind])
        if target is None:
            return Leave("failed", note="nobody to dial")
        if kind == "flow":
            variables = step.frame.variables
            inputs = {name: value for name, value in variables.items() if value is not None}
            return Enter(
                "flow", note=str(target), flow=str(target), inputs=inputs, tainted=step.frame.tainted, replace=True
            )
        if step.run.by_text:
            raise FlowFailure("medium-mismatch", "nobody can be dialled in a conversation by text; transfer to a flow")
        ring, proved = step.option("ring"), step.value(step.option("identity"), t.TEXT) or ""
        identity = proved if IDENTITY.fullmatch(proved) else ""
        step.command("transfer", "answer", lambda ref: c.Transfer(ref, kind, target, ring, identity))
        return None

    def feed(self, step: Step, role: str, event: e.Event) -> Leave | None:
        if isinstance(event, e.TransferEnded):
            return Leave(event.outcome, note=event.outcome)
        return self._dial(step)

    def digit(self, step: Step, digit: str) -> Leave | None:
        """Keys are for whoever is being called."""
        return None

    def means(self, step: Step, key: str) -> bool | None:
        return False


def _check_platform(named: Any, node: Node, ctx: CheckContext) -> None:
    name, known = getattr(named, "value", None), ctx.catalog.platforms
    if not isinstance(named, Literal):
        ctx.report(node.at("dial"), "bad-option", "the platform is named, not computed")
    elif known is not None and name not in known:
        hint = did_you_mean(str(name), known)
        ctx.report(node.at("dial"), "unknown-platform", f"there is no platform '{name}' in dialing.platforms{hint}")
