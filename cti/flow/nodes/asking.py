"""What `menu` and `collect` share: ask, wait, ask again."""

from __future__ import annotations

from cti.core.events import Event, PlayEnded
from cti.flow.kinds import Duration, Flag, PromptKind
from cti.flow.model import Node, Prompt
from cti.flow.nodes.key_kinds import Reprompt, RepromptKind
from cti.flow.phrases import clean_text
from cti.flow.registry import NodeType, Option, Taking
from cti.flow.step import TEXT_LENGTH, Leave, Step

ASKING_OPTIONS = {
    "say": Option(PromptKind(), "the question", required=True),
    "wait": Option(Duration(), "how long to wait for a key after the question", default=5.0),
    "reprompt": Option(RepromptKind(), "how often to ask again", default=Reprompt()),
    "barge_in": Option(Flag(), "a key stops the question", default=True),
    "type_ahead": Option(Flag(), "keys typed before the question count", default=True),
}


class Asking(NodeType):
    """Local state: ``no_input`` and ``no_match``, the reprompts already spent; ``says``: which of them has words of its
    own that were said last."""

    needs_answer = True

    def ask(self, step: Step, prompt: Prompt | None = None) -> Leave | None:
        """Take what was typed ahead, else ask. Subclasses answer through `key`."""
        if prompt is None:
            step.local.pop("says", None)
        if step.run.end_typed:
            step.settle_end(bool(self.means(step, step.run.end_typed)))
        if step.run.keys:
            return self.take(step)
        if (text := step.take_text()) is not None:
            return self.written(step, text)
        if step.play(step.render(prompt or step.option("say")), barge_in=step.option("barge_in")):
            return None
        return self.asked(step)

    @staticmethod
    def failing(node: Node, exit: str) -> Taking:
        """How ``no_input`` and ``no_match`` come to be taken. Silence is no input; wrong keys are keys."""
        reprompt: Reprompt = node.get("reprompt") or Reprompt()
        times = 1 + int(getattr(reprompt, exit))
        if exit == "no_input":
            return Taking(chosen=True, seconds=times * float(node.get("wait") or 0.0))
        return Taking(chosen=True, keys=times, bounds=True)

    def take(self, step: Step) -> Leave | None:
        """Hand every key typed ahead to `key` until the node is left or none remains."""
        leave: Leave | None = None
        while leave is None and not step.waits_for("prompt"):
            key = step.take_key()
            if key is None:
                break
            leave = self.key(step, key)
        return leave

    def asked(self, step: Step) -> Leave | None:
        """The question has been asked: wait, unless a key came while it could not be interrupted."""
        if step.run.keys:
            return self.take(step)
        step.reply_timer("no_input", step.option("wait"))
        return None

    def written(self, step: Step, text: str) -> Leave | None:
        """The caller's answer in a conversation by text."""
        raise NotImplementedError

    def text(self, step: Step, text: str) -> Leave | None:
        step.stop("prompt", "no_input")
        return self.written(step, clean_text(text)[:TEXT_LENGTH])

    def key(self, step: Step, key: str) -> Leave | None:
        raise NotImplementedError

    def resumed(self, step: Step) -> Leave | None:
        """The question again, as it was asked last. What was typed ahead stays."""
        if step.run.by_text:
            return None
        step.stop("prompt", "no_input")
        asks = step.play(step.render(self._question(step)), barge_in=step.option("barge_in"))
        return None if asks else self.asked(step)

    def _question(self, step: Step) -> Prompt:
        what = step.local.get("says")
        asked: Prompt = step.option("say")
        return asked if what is None else self._said_again(step, what) or asked

    @staticmethod
    def _said_again(step: Step, what: str) -> Prompt | None:
        says: tuple[Prompt, ...] = getattr(step.option("reprompt"), f"{what}_says")
        return says[min(step.local[what], len(says)) - 1] if says else None

    def feed(self, step: Step, role: str, event: Event) -> Leave | None:
        if isinstance(event, PlayEnded):
            return self.asked(step)
        return self.again(step, "no_input")

    def digit(self, step: Step, digit: str) -> Leave | None:
        if step.waits_for("prompt") and not step.option("barge_in"):
            step.type_ahead(digit)
            return None
        step.stop("prompt", "no_input")
        return self.key(step, digit)

    def again(self, step: Step, what: str, note: str = "") -> Leave | None:
        """Ask again, or leave by the exit ``what`` when that has been done often enough."""
        if what == "no_input":
            step.run.end_due = ""  # after so long a silence a key is meant for this question
        reprompt: Reprompt = step.option("reprompt")
        spent = step.local.get(what, 0)
        if spent >= getattr(reprompt, what):
            return Leave(what, note=note)
        step.local[what] = spent + 1
        prompt = self._said_again(step, what)
        if prompt is not None:
            step.local["says"] = what
        return self.ask(step, prompt)
