"""`callback`: be called back instead of waiting."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from cti.core import commands as c
from cti.core import events as e
from cti.core.issue import Place
from cti.flow import types as t
from cti.flow.kinds import Flag, Val, Word
from cti.flow.model import Literal, Node
from cti.flow.registry import CheckContext, NodeType, Option, Options, register
from cti.flow.step import FlowFailure, Leave, Step
from cti.flow.suggest import did_you_mean


@register
class Callback(NodeType):
    name, group = "callback", "People"
    doc = (
        "Registers a callback. Without `queue` it goes to the queue that was waited in last; `keep_place` keeps the "
        "place there. A number that is absent leaves by `invalid`."
    )
    options: ClassVar[Options] = {
        "when": Option(Val(), "`now`, or a moment", default=Literal("now", Place(""))),
        "number": Option(Val(t.PHONE_TYPE, absent_ok=True), "whom to call", required=True),
        "keep_place": Option(Flag(), "keep the place in the queue", default=False),
        "queue": Option(Word(), "the queue that calls back"),
    }
    exits = ("accepted", "declined", "invalid")
    good_exits = ("accepted",)
    example = """
call_me:
  type: callback
  when: now
  keep_place: true
  number: =caller
  to: {accepted: bye, else: message}
"""

    def check(self, node: Node, ctx: CheckContext) -> None:
        queue, known = node.get("queue"), ctx.catalog.queues
        if known is not None and queue is not None and queue not in known:
            message = f"there is no queue '{queue}'{did_you_mean(queue, known)}"
            ctx.report(node.at("queue"), "unknown-queue", message)
        when = node.get("when")
        if isinstance(when, Literal) and when.value != "now" and _moment(str(when.value)) is None:
            message = f"'{str(when.value)[:40]}' is no moment; write now, or 2026-03-02T10:00+08:00"
            ctx.report(node.at("when"), "type-mismatch", message)

    def enter(self, step: Step) -> Leave | None:
        number = step.value(step.option("number"), t.PHONE_TYPE)
        if number is None:
            return Leave("invalid", note="no number")
        when = step.value(step.option("when"))
        if isinstance(when, datetime):
            when = when.isoformat()
        if when != "now" and _moment(str(when)) is None:
            raise FlowFailure("bad-value", "the time of a callback is `now` or a moment with offset")
        queue, keep = step.option("queue") or step.run.queue, bool(step.option("keep_place"))
        step.command("callback", "answer", lambda ref: c.RequestCallback(ref, number, str(when), queue, keep))
        return None

    def feed(self, step: Step, role: str, event: e.Event) -> Leave | None:
        assert isinstance(event, e.CallbackEnded)
        return Leave(event.outcome, note=event.outcome)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
