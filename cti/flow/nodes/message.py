"""`message`: send an SMS or a chat message."""

from __future__ import annotations

from typing import ClassVar

from cti.core import commands as c
from cti.core import events as e
from cti.flow import types as t
from cti.flow.kinds import PromptKind, Val, Word
from cti.flow.model import Node, SayText
from cti.flow.registry import CheckContext, NodeType, Option, Options, register
from cti.flow.step import Leave, Step
from cti.flow.suggest import did_you_mean

DEADLINE_S = 10.0
MAX_TEXT = 1000


@register
class Message(NodeType):
    name, group = "message", "Media"
    doc = (
        "Sends a text. It is handed over within 10 s or has `failed`; a recipient that is absent has failed at once. "
        "One that was on its way when the engine died goes out once all the same; by a channel that cannot tell a "
        "repetition it is not sent again, and has `failed` with the note `unknown`."
    )
    options: ClassVar[Options] = {
        "channel": Option(Word(), "sms or chat", default="sms"),
        "recipient": Option(Val(t.TEXT, absent_ok=True), "whom it goes to", required=True),
        "text": Option(PromptKind(), "the text, in every language of the flow", required=True),
    }
    exits = ("sent", "failed")
    good_exits = ("sent",)
    after_hangup = True
    example = """
receipt:
  type: message
  channel: sms
  recipient: =caller
  text: {zh-CN: "您的余额是${money(balance)}。", en-US: "Your balance is ${money(balance)}."}
  to: {else: bye}
"""

    def works_in(self, node: Node, medium: str) -> bool:
        return medium == "timer" or super().works_in(node, medium)

    def check(self, node: Node, ctx: CheckContext) -> None:
        channel, known = node.get("channel"), ctx.catalog.channels
        if known is not None and channel is not None and channel not in known:
            message = f"there is no channel '{channel}'{did_you_mean(channel, known)}"
            ctx.report(node.at("channel"), "bad-option", message)

    def enter(self, step: Step) -> Leave | None:
        recipient = step.value(step.option("recipient"), t.TEXT)
        if not recipient:
            return Leave("failed", note="no recipient")
        items = (item for item in step.option("text").items if isinstance(item, SayText))
        text = " ".join(step.text(item.texts[step.language]) for item in items)[:MAX_TEXT]
        channel = step.option("channel")
        key = f"{step.frame.flow}.{step.frame.node}.{step.frame.visit}"
        step.command("message", "answer", lambda ref: c.SendMessage(ref, channel, recipient, text, key))
        step.timer("deadline", DEADLINE_S)
        return None

    def feed(self, step: Step, role: str, event: e.Event) -> Leave | None:
        if isinstance(event, e.MessageEnded):
            return Leave("sent" if event.outcome == "sent" else "failed", note=event.outcome)
        return Leave("failed", note="not handed over in time")
