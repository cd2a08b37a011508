"""`play`: say something and go on."""

from __future__ import annotations

from typing import ClassVar

from cti.core.events import Event
from cti.flow import types as t
from cti.flow.kinds import Flag, PromptKind, Val
from cti.flow.model import Node, Prompt
from cti.flow.nodes.extra_kinds import SoundKind
from cti.flow.registry import CheckContext, NodeType, Option, Options, register
from cti.flow.step import Leave, Step

_ITEM = {"item": t.ANY}
SOURCES = ("say", "file", "tone", "list")


@register
class Play(NodeType):
    name, group = "play", "Saying"
    doc = "Plays a text, a file or a tone, or several of them. A key stops it and is kept for the node that asks next."
    options: ClassVar[Options] = {
        "say": Option(PromptKind(), "what is said, in every language of the flow", extra=_ITEM),
        "file": Option(SoundKind("file"), "a recording in the prompts folder"),
        "tone": Option(SoundKind("tone"), "a tone, in teletone script"),
        "list": Option(PromptKind(), "several texts, {file: …} and {tone: …} one after the other", extra=_ITEM),
        "each": Option(Val(t.Type("list")), "a list; everything is played once for each `item` of it"),
        "barge_in": Option(Flag(), "a key stops it", default=True),
    }
    example = """
welcome:
  type: play
  say: {zh-CN: "欢迎。", en-US: "Welcome."}
"""

    def check(self, node: Node, ctx: CheckContext) -> None:
        named = [name for name in SOURCES if name in node.option_places]
        if len(named) != 1:
            message = f"play takes exactly one of {', '.join(SOURCES)}; here are {len(named)}"
            ctx.report(node.place, "missing-option", message)

    def enter(self, step: Step) -> Leave | None:
        if step.option("barge_in") and step.run.keys:
            return Leave(goal=False, note="skipped by a key typed ahead")
        source = next((step.option(name) for name in SOURCES if step.option(name) is not None), None)
        prompt = source if isinstance(source, Prompt) else None
        if step.option("each") is None:
            parts = step.render(prompt)
        else:
            items = step.value(step.option("each"), t.Type("list")) or ()
            taint = frozenset({"item"}) if step.tainted(step.option("each")) else frozenset()
            parts = tuple(part for item in items for part in step.render(prompt, {"item": item}, taint))
        return None if step.play(parts, barge_in=step.option("barge_in")) else Leave()

    def feed(self, step: Step, role: str, event: Event) -> Leave | None:
        return Leave()

    def digit(self, step: Step, digit: str) -> Leave | None:
        step.type_ahead(digit)
        return Leave(note="stopped by a key") if step.option("barge_in") else None
