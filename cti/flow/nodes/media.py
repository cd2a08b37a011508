"""`recording`, `fax`, `video`: what a call carries besides talk."""

from __future__ import annotations

from typing import Any, ClassVar

from cti.core import commands as c
from cti.core import events as e
from cti.flow import recorded, yamlio
from cti.flow.builtin_texts import find_text, has_texts
from cti.flow.catalog import Catalog
from cti.flow.expressions import Scope
from cti.flow.kinds import Choice, Duration, Flag, PromptKind, Schema, Text, frozen
from cti.flow.model import Flow, Node, Prompt, SayText
from cti.flow.nodes.extra_kinds import Variable
from cti.flow.nodes.targets import check_variable
from cti.flow.reading import Reading
from cti.flow.registry import CheckContext, Names, NodeType, Option, Options, register
from cti.flow.step import FlowFailure, Leave, Step

AGREE, REFUSE = "1", "2"
PAGE_TEXT = 20_000  # characters of a fax: some ten pages


class Consent(PromptKind):
    """``true`` for the built-in words, or words of one's own; gives True or the prompt."""

    name = "true | prompt"
    schema: Schema = frozen({"anyOf": [{"enum": [True, False]}, *PromptKind.schema["anyOf"]]})

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        if isinstance(node, yamlio.Scalar) and not node.style and node.text in ("true", "yes", "false", "no"):
            return True if node.text in ("true", "yes") else None
        return super().read(node, what, reading)

    def check(self, value: Any, scope: Scope, issues: list[Any]) -> None:
        if isinstance(value, Prompt):
            super().check(value, scope, issues)


@register
class Recording(NodeType):
    name, group = "recording", "Media"
    doc = (
        "Records the call, both sides of it, from here until `do: stop` or its end. It masks itself, that is, it is "
        "silent, while a sensitive `collect` is asked. With `consent` the caller is asked first: 1 agrees; everything "
        "else, and silence, is `refused`."
    )
    options: ClassVar[Options] = {
        "do": Option(
            Choice(("start", "pause", "resume", "mask", "unmask", "stop")),
            "`pause` leaves out what follows, `mask` puts silence in its place",
            default="start",
        ),
        "consent": Option(Consent(), "ask before the recording starts: `true`, or the question in one's own words"),
        "wait": Option(Duration(), "how long to wait for the answer", default=5.0),
    }
    exits = ("next", "refused")
    needs_answer = True
    by_text: ClassVar[bool] = False
    example = """
record:
  type: recording
  consent: {zh-CN: "本次通话将被录音，同意请按1，不同意请按2。", en-US: "To be recorded press 1, else press 2."}
  to: {next: main, else: bye}
"""

    def exits_of(self, node: Node, catalog: Catalog) -> tuple[str, ...]:
        return self.exits if node.get("consent") else ("next",)

    def check(self, node: Node, ctx: CheckContext) -> None:
        consent = node.get("consent")
        if consent is None:
            return
        if node.get("do") != "start":
            ctx.report(node.at("consent"), "bad-option", "consent is asked where the recording starts")
        for language in ctx.flow.languages if consent is True else ():
            if not has_texts(language):
                ctx.report(node.place, "missing-prompt", f"asking in {language} needs words under consent:")

    def enter(self, step: Step) -> Leave | None:
        if step.option("consent") is None:
            return self._do(step)
        if step.run.recording:
            return Leave(note="already agreed")
        step.flush_keys()  # a key typed for another question is no consent
        asked = step.option("consent")
        parts = step.render(asked) if isinstance(asked, Prompt) else (_consent(step.language),)
        return None if step.play(parts) else self._asked(step)

    def _do(self, step: Step) -> Leave:
        match step.option("do"):
            case "start":
                recorded.start(step.run)
            case "pause":
                recorded.pause(step.run, True)
            case "resume":
                recorded.pause(step.run, False)
            case "mask":
                recorded.mask(step.run, recorded.BY_AUTHOR)
            case "unmask":
                recorded.unmask(step.run, recorded.BY_AUTHOR)
            case "stop":
                recorded.stop(step.run)
        return Leave()

    def _asked(self, step: Step) -> Leave | None:
        step.timer("answer", step.option("wait"))
        return None

    def feed(self, step: Step, role: str, event: e.Event) -> Leave | None:
        return self._asked(step) if isinstance(event, e.PlayEnded) else Leave("refused", note="no answer")

    def resumed(self, step: Step) -> Leave | None:
        step.stop("prompt", "answer")
        return self.enter(step)

    def digit(self, step: Step, digit: str) -> Leave | None:
        if digit != AGREE:
            return Leave("refused", note="refused")
        recorded.start(step.run)
        return Leave(note="agreed")

    def means(self, step: Step, key: str) -> bool | None:
        return key == AGREE


def _consent(language: str) -> c.Say:
    return c.Say(find_text("consent", language), language)


@register
class Fax(NodeType):
    name, group = "fax", "Media"
    doc = (
        "Sends a page to, or receives pages from, the fax machine at the other end of the call. What is sent is a "
        "text, set on as many pages as it takes, or a TIFF file of the prompts folder."
    )
    options: ClassVar[Options] = {
        "do": Option(Choice(("send", "receive")), "which way", required=True),
        "text": Option(PromptKind(), "what is sent, in every language of the flow"),
        "document": Option(Text(), "a TIFF file in the prompts folder, instead of a text"),
        "save": Option(Variable(), "the variable for the name of the file that was received"),
        "deadline": Option(Duration(), "the longest time it may take", default=300.0),
    }
    exits = ("ok", "failed", "timeout")
    good_exits = ("ok",)
    needs_answer = True
    by_text: ClassVar[bool] = False
    example = """
bill:
  type: fax
  do: send
  text: {zh-CN: "您的余额是${money(balance)}。", en-US: "Your balance is ${money(balance)}."}
  to: {else: bye}
"""

    def effects(self, node: Node, exit: str, flow: Flow, scope: Scope) -> tuple[Names, Names]:
        save = node.get("save")
        return (frozenset({save.name}) if save and exit == "ok" else frozenset()), frozenset()

    def check(self, node: Node, ctx: CheckContext) -> None:
        what = [name for name in ("text", "document") if name in node.option_places]
        save = node.get("save")
        if node.get("do") == "send":
            if len(what) != 1:
                message = f"a fax that is sent needs one of text, document; here are {len(what)}"
                ctx.report(node.place, "missing-option", message)
            if save is not None:
                ctx.report(node.at("save"), "bad-option", "save is for a fax that is received")
        elif what:
            ctx.report(node.at(what[0]), "bad-option", f"{what[0]} is for a fax that is sent")
        kind = check_variable(save, ctx) if save is not None else None
        if kind is not None and kind.kind != "text":
            ctx.report(node.at("save"), "type-mismatch", f"the name of a file is text; this is {kind.given()}")

    def enter(self, step: Step) -> Leave | None:
        step.flush_keys()
        if step.option("do") == "receive":
            step.command("fax", "answer", c.ReceiveFax)
        else:
            document, text, language = step.option("document") or "", self._text(step), step.language
            step.command("fax", "answer", lambda ref: c.SendFax(ref, document, text, language))
        step.timer("deadline", step.option("deadline"))
        return None

    def _text(self, step: Step) -> str:
        """With its line breaks, which mean nothing where a text is spoken."""
        prompt = step.option("text")
        items = [item for item in prompt.items if isinstance(item, SayText)] if prompt is not None else []
        lines = [line for item in items for line in step.lines(item.texts[step.language])]
        return "\n".join(lines)[:PAGE_TEXT]

    def feed(self, step: Step, role: str, event: e.Event) -> Leave | None:
        if not isinstance(event, e.FaxEnded):
            return Leave("timeout")
        save = step.option("save")
        if event.outcome == "ok" and save is not None:
            if not event.document:
                raise FlowFailure("fax-lost", "the fax was received, but not kept")
            step.set(save.name, event.document)
        return Leave(event.outcome, note=f"{event.pages} pages")

    def digit(self, step: Step, digit: str) -> Leave | None:
        """What a fax machine whistles may sound like keys."""
        return None

    def means(self, step: Step, key: str) -> bool | None:
        return False


@register
class Video(NodeType):
    name, group = "video", "Media"
    doc = (
        "Plays a video file to a caller who has video. `unsupported`: the caller's telephone shows none, or the switch "
        "has no module that plays this kind of file (mod_av: mp4, mov, mkv, webm; mod_fsv: fsv)."
    )
    options: ClassVar[Options] = {
        "file": Option(Text(), "a video file in the prompts folder", required=True),
        "barge_in": Option(Flag(), "a key stops it", default=True),
    }
    exits = ("next", "unsupported")
    needs_answer = True
    by_text: ClassVar[bool] = False
    example = """
show:
  type: video
  file: how_to_restart.mp4
  to: {next: bye, unsupported: tell}
tell: {type: play, say: {zh-CN: "请重启设备。", en-US: "Please restart the device."}, next: bye}
"""

    def enter(self, step: Step) -> Leave | None:
        if step.option("barge_in") and step.run.keys:
            return Leave(goal=False, note="skipped by a key typed ahead")
        file = step.option("file")
        step.command("video", "answer", lambda ref: c.PlayVideo(ref, file))
        return None

    def feed(self, step: Step, role: str, event: e.Event) -> Leave | None:
        assert isinstance(event, e.VideoEnded)
        return Leave(event.outcome)

    def digit(self, step: Step, digit: str) -> Leave | None:
        step.type_ahead(digit)
        return Leave(note="stopped by a key") if step.option("barge_in") else None
