"""Listening for a spoken answer, with keys beside it."""

from __future__ import annotations

from cti.core import commands as c
from cti.core.events import Heard
from cti.core.issue import Issue, Severity
from cti.flow import types as t
from cti.flow.dictation import is_no, is_yes, understand
from cti.flow.kinds import Integer
from cti.flow.model import Node
from cti.flow.nodes.asking import Asking
from cti.flow.nodes.extra_kinds import Fields
from cti.flow.nodes.written import meant_key
from cti.flow.phrases import clean_text
from cti.flow.registry import CheckContext, Option
from cti.flow.step import TEXT_LENGTH, Leave, Step

CONFIRM, AGAIN = "1", "2"
SURE = 50  # percent
LONGEST_S = 10.0  # of speech: who dictates a number takes so long
SPEECH = Option(
    Fields({"confidence": Integer(0, 100), "confirm": Integer(0, 100)}),
    "the answer may be spoken after the question; what is heard less surely than `confidence` (in percent, 50 unless "
    "said) is no match, less surely than `confirm` is read back. Where no recogniser is configured only keys are taken",
)


class Listening(Asking):
    """For a node type that asks for a value and may read it back, which is in ``step.local["value"]`` then."""

    def kind(self, step: Step) -> t.Type:
        """Of the value that is asked for."""
        raise NotImplementedError

    def silent(self, step: Step) -> Leave | None:
        """Nothing came in time."""
        raise NotImplementedError

    def confirm_key(self, step: Step, key: str) -> Leave | None:
        """The answer to the reading back."""
        raise NotImplementedError

    def check_speech(self, node: Node, kind: t.Type | None, ctx: CheckContext) -> None:
        place, limits = node.at("speech"), node.get("speech")
        least, doubted = limits.get("confidence", SURE), limits.get("confirm")
        if doubted is not None and doubted <= least:
            message = f"speech: confirm {doubted} is not more than confidence {least}, so that nothing is read back"
            ctx.report(place, "bad-option", message)
        if kind is not None and kind.sensitive:
            ctx.report(place, "bad-option", "a sensitive value is typed, not spoken: others hear it; take speech out")
        if ctx.catalog.speech is False:
            message = "no recogniser is configured, so that callers can only press keys here"
            ctx.issues.append(Issue(place, "no-recogniser", message, Severity.WARNING))

    def asked(self, step: Step) -> Leave | None:
        if step.run.keys:
            return self.take(step)
        self.await_answer(step)
        return None

    def await_answer(self, step: Step) -> None:
        """For a key, or for speech; the recogniser tells of silence, and is not waited for without end."""
        wait = step.option("wait")
        if step.option("speech") is not None and step.run.medium in ("voice", "video"):
            kind, language = self.kind(step), step.language
            expects, words = ("yes_no", ()) if "value" in step.local else (str(kind), kind.values)
            step.command("listen", "speech", lambda ref: c.Listen(ref, expects, language, words, wait, LONGEST_S))
            wait += LONGEST_S
        step.reply_timer("no_input", wait)

    def heard(self, step: Step, heard: Heard) -> Leave | None:
        step.stop("no_input")
        if heard.outcome == "unavailable":
            step.reply_timer("no_input", step.option("wait"))
            return None
        if heard.outcome == "silence":
            return self.silent(step)
        text, limits = clean_text(heard.text)[:TEXT_LENGTH].strip(), step.option("speech")
        percent = heard.confidence * 100
        if text and percent >= limits.get("confidence", SURE):
            return self.said(step, text, doubtful=percent < limits.get("confirm", 0))
        return self.confirm_key(step, AGAIN) if "value" in step.local else self.again(step, "no_match", "not sure")

    def said(self, step: Step, text: str, *, doubtful: bool) -> Leave | None:
        """``doubtful``: it is to be read back, whether or not the node does that otherwise."""
        if "value" in step.local:
            key = CONFIRM if is_yes(text, step.language) else AGAIN if is_no(text, step.language) else meant_key(text)
            return self.confirm_key(step, key)
        step.local["doubtful"] = doubtful
        return self.written(step, understand(self.kind(step), text, step.language))
