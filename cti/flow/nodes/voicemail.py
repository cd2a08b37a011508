"""`voicemail`: record what the caller says."""

from __future__ import annotations

from typing import ClassVar

from cti.core import commands as c
from cti.core import events as e
from cti.flow.kinds import Duration, PromptKind
from cti.flow.model import Flow, Node
from cti.flow.registry import NodeType, Option, Options, Taking, register
from cti.flow.step import FlowFailure, Leave, Step

BEEP = c.Tone("%(400,0,800)")


@register
class Voicemail(NodeType):
    name, group = "voicemail", "Asking"
    doc = "Plays a beep and records the caller until the hash key, silence, or the longest time."
    options: ClassVar[Options] = {
        "say": Option(PromptKind(), "said before the beep"),
        "max": Option(Duration(), "the longest message", default=120.0),
        "min": Option(Duration(), "shorter ones leave by too_short", default=2.0),
        "quiet": Option(Duration(), "ends the message after so much silence", default=5.0),
    }
    exits = ("done", "silence", "too_short")
    good_exits = ("done",)
    needs_answer = True
    by_text = False
    example = """
message:
  type: voicemail
  say: {zh-CN: "请留言。", en-US: "Please leave a message."}
  max: 120s
  to: {else: bye}
"""

    def taking(self, node: Node, exit: str, flow: Flow) -> Taking:
        quiet, least = float(node.get("quiet") or 0.0), float(node.get("min") or 0.0)
        if exit == "silence":
            return Taking(chosen=True, seconds=quiet)
        return Taking(chosen=True, seconds=least if exit == "done" else 0.0, bounds=True)

    def enter(self, step: Step) -> Leave | None:
        step.flush_keys()
        step.play((*step.render(step.option("say")), BEEP))
        return None

    def feed(self, step: Step, role: str, event: e.Event) -> Leave | None:
        if isinstance(event, e.RecordEnded):
            return self._ended(step, event)
        most, quiet = step.option("max"), step.option("quiet")
        step.command("record", "record", lambda ref: c.Record(ref, most, quiet))
        return None

    def _ended(self, step: Step, event: e.RecordEnded) -> Leave:
        if event.outcome == "failed":
            raise FlowFailure("record-failed", "the message could not be recorded")
        if event.outcome == "silence":
            return Leave("silence")
        note = f"{event.duration_s:.1f}s"
        return Leave("too_short" if event.duration_s < step.option("min") else "done", note=note)

    def resumed(self, step: Step) -> Leave | None:
        """What was recorded is kept, and the caller speaks once more, from the beep on."""
        step.stop("prompt", "record")
        step.local.pop("stopping", None)
        return self.enter(step)

    def digit(self, step: Step, digit: str) -> Leave | None:
        """Hash ends the message; how long it was decides the exit."""
        if digit != "#":
            return None
        for ref, (kind, _) in step.run.pending.items():
            if kind == "record" and not step.local.get("stopping"):
                step.local["stopping"] = True
                step.emit(c.StopRecord(ref))
        return None

    def means(self, step: Step, key: str) -> bool | None:
        return key == "#" and step.waits_for("record")
