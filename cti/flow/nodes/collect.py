"""`collect`: several keys become the value of a variable."""

from __future__ import annotations

from typing import Any, ClassVar

from cti.core import commands as c
from cti.core.events import Event, Heard, PlayEnded
from cti.core.masking import mask, mask_all
from cti.flow import types as t
from cti.flow.builtin_texts import has_texts, say_text
from cti.flow.expressions import Scope
from cti.flow.expressions.functions import compile_pattern, pattern_fault
from cti.flow.kinds import Duration, Flag, Integer, Key, PromptKind, Text
from cti.flow.model import Flow, Node
from cti.flow.nodes.asking import ASKING_OPTIONS
from cti.flow.nodes.entries import can_be_typed, entry_bounds, extra_keys, parse_keys
from cti.flow.nodes.extra_kinds import Fields, Variable
from cti.flow.nodes.listening import AGAIN, CONFIRM, SPEECH, Listening
from cti.flow.nodes.targets import check_variable
from cti.flow.nodes.written import meant_key, parse_text
from cti.flow.registry import CheckContext, Names, Option, Options, Taking, register
from cti.flow.speech import say_digits, say_value
from cti.flow.step import Leave, Step
from cti.flow.values import decode, encode

__all__ = ["Collect", "entry_bounds", "parse_keys"]


@register
class Collect(Listening):
    name, group = "collect", "Asking"
    doc = (
        "Asks for several keys. What is accepted follows from the type of the variable: a phone number (of the kind of "
        "line that the type names), a date (YYYYMMDD), a time (HHMM), an amount with star as the point, a number, or "
        "a text of digits. A sensitive variable takes no keys that were typed before the question."
    )
    options: ClassVar[Options] = {
        **ASKING_OPTIONS,
        "save": Option(Variable(), "the variable to fill", required=True),
        "digits": Option(
            Fields({"min": Integer(1, 64), "max": Integer(1, 64), "end": Key(), "pattern": Text()}),
            "how many keys, which key ends the entry (hash unless said), and a pattern for them",
            default={},
        ),
        "between": Option(Duration(), "how long to wait for the next key", default=3.0),
        "speech": SPEECH,
        "confirm": Option(Flag(), "read it back: 1 confirms, 2 asks again", default=False),
        "confirm_say": Option(
            PromptKind(), "the words of reading back; `value` is what was typed", extra={"value": t.TEXT}
        ),
    }
    exits = ("filled", "no_input", "no_match", "refused")
    good_exits = ("filled",)
    example = """
number:
  type: collect
  say: {zh-CN: "请输入手机号码，以井号结束。", en-US: "Enter the number, then press pound."}
  save: msisdn
  digits: {min: 11, max: 11, pattern: "1[3-9].*"}
  confirm: true
  to: {filled: who, else: agent}
"""

    def exits_of(self, node: Node, catalog: Any) -> tuple[str, ...]:
        return self.exits if reads_back(node) else tuple(name for name in self.exits if name != "refused")

    def effects(self, node: Node, exit: str, flow: Flow, scope: Scope) -> tuple[Names, Names]:
        save = node.get("save")
        return (frozenset({save.name}) if save and exit == "filled" else frozenset()), frozenset()

    def taking(self, node: Node, exit: str, flow: Flow) -> Taking:
        """The fewest keys that the type and the bounds allow, and one that confirms; silence ends the entry."""
        if exit in ("no_input", "no_match"):
            return self.failing(node, exit)
        save, digits = node.get("save"), node.get("digits") or {}
        declared = flow.variables.get(save.name) if save else None
        least, _ = entry_bounds(declared.type if declared else t.TEXT, digits)
        return Taking(chosen=True, keys=least + bool(node.get("confirm")), bounds=True)

    def check(self, node: Node, ctx: CheckContext) -> None:
        save, digits = node.get("save"), node.get("digits") or {}
        kind = check_variable(save, ctx) if save else None
        if kind is not None and not can_be_typed(kind):
            ctx.report(node.at("save"), "type-mismatch", f"keys cannot be read as {kind.given()}")
        elif kind is not None:
            least, most = entry_bounds(kind, digits)
            if least > most:
                ctx.report(node.at("digits"), "bad-option", f"digits: min {least} is more than max {most}")
        if node.get("speech") is not None:
            self.check_speech(node, kind, ctx)
        if "pattern" in digits and (fault := pattern_fault(digits["pattern"])):
            ctx.report(node.at("digits"), "bad-expression", fault)
        if reads_back(node) and node.get("confirm_say") is None:
            for language in ctx.flow.languages:
                if not has_texts(language):
                    ctx.report(node.place, "missing-prompt", f"reading back in {language} needs confirm_say")

    # ---- behaviour -------------------------------------------------------------------------------------------

    def enter(self, step: Step) -> Leave | None:
        sensitive = self._sensitive(step)
        if sensitive:
            step.run.thrown += len(step.run.texts)
        if sensitive or not step.option("type_ahead"):
            step.flush_keys()
        step.local["typed"] = ""
        return self.ask(step)

    def kind(self, step: Step) -> t.Type:
        return step.flow.scope()[step.option("save").name].given()

    def _sensitive(self, step: Step) -> bool:
        return self.kind(step).sensitive

    def feed(self, step: Step, role: str, event: Event) -> Leave | None:
        if role == "confirm_prompt":
            return self._confirm_asked(step)
        if isinstance(event, PlayEnded):
            return self.asked(step)
        if isinstance(event, Heard):
            return self.heard(step, event)
        if role == "between":
            return self._complete(step)
        return self.silent(step)

    def silent(self, step: Step) -> Leave | None:
        step.stop("speech")
        if "value" in step.local:
            step.local.pop("value")
            step.run.end_due = ""
            return Leave("no_input", note="not confirmed")
        return self.again(step, "no_input")

    def digit(self, step: Step, digit: str) -> Leave | None:
        if step.waits_for("confirm_prompt"):
            step.stop("confirm_prompt")
        step.stop("between", "speech")
        return super().digit(step, digit)

    def key(self, step: Step, key: str) -> Leave | None:
        if "value" in step.local:
            return self.confirm_key(step, key)
        step.local.pop("doubtful", None)
        digits = step.option("digits")
        kind = self.kind(step)
        most = entry_bounds(kind, digits)[1]
        end = digits.get("end", "#")
        step.stop("between")
        if key == end:
            return self._complete(step)
        step.local["typed"] += key
        if not (key.isdigit() or key in extra_keys(kind)):
            step.local["bad"] = True
        if len(step.local["typed"]) >= most:
            step.expect_end(end)
            return self._complete(step)
        if not step.run.keys:
            step.timer("between", step.option("between"))
        return None

    def resumed(self, step: Step) -> Leave | None:
        """The entry begins again: who hears the question once more types all of it."""
        if step.run.by_text:
            return None
        step.stop("between", "speech", "confirm_prompt")
        step.local["typed"] = ""
        step.local.pop("bad", None)
        if "value" not in step.local:
            return super().resumed(step)
        step.stop("no_input")
        self._read_back(step, decode(step.local["value"]))
        return self.take(step) if step.run.keys else None

    def means(self, step: Step, key: str) -> bool | None:
        """The end of an entry that has not begun is none, and what is still being read back cannot be confirmed."""
        if "value" not in step.local:
            return key.isdigit() or key in extra_keys(self.kind(step))
        ends = key == step.option("digits").get("end", "#") and not step.waits_for("confirm_prompt")
        return ends or key in (CONFIRM, AGAIN)

    def written(self, step: Step, text: str) -> Leave | None:
        step.stop("between", "confirm_prompt")
        if "value" in step.local:
            return self.confirm_key(step, meant_key(text))
        kind, digits = self.kind(step), step.option("digits")
        value = parse_text(kind, text)
        pattern = digits.get("pattern")
        least, most = digits.get("min", 1), digits.get("max", 1000)
        if (
            value is None
            or not least <= len(text) <= most
            or (pattern and not compile_pattern(pattern).fullmatch(text))
        ):
            return self.again(step, "no_match")
        return self._accept(step, value)

    def _complete(self, step: Step) -> Leave | None:
        typed, bad = step.local["typed"], step.local.pop("bad", False)
        step.local["typed"] = ""
        digits = step.option("digits")
        kind = self.kind(step)
        least, most = entry_bounds(kind, digits)
        pattern = digits.get("pattern")
        if bad or not least <= len(typed) <= most or (pattern and not compile_pattern(pattern).fullmatch(typed)):
            return self.again(step, "no_match")
        try:
            value = parse_keys(kind, typed)
        except t.BadValue:
            return self.again(step, "no_match")
        return self._accept(step, value)

    def _accept(self, step: Step, value: Any) -> Leave | None:
        if not (step.local.pop("doubtful", False) or step.option("confirm")):
            return self._fill(step, value)
        step.local["value"] = encode(value)
        return self._read_back(step, value)

    def _fill(self, step: Step, value: Any) -> Leave:
        name = step.option("save").name
        step.set(name, value)
        return Leave("filled", note=_note(step, value))

    # ---- reading back ----------------------------------------------------------------------------------------

    def _read_back(self, step: Step, value: Any) -> Leave | None:
        step.settle_end(False)
        if step.run.keys:
            return None  # the answer was typed ahead, and is taken next
        spoken = say_digits(value, step.language) if isinstance(value, str) else say_value(value, step.language)
        prompt = step.option("confirm_say")
        parts: tuple[c.AudioPart, ...]
        if prompt is not None:
            taint = frozenset({"value"}) if self._sensitive(step) else frozenset()
            parts = step.render(prompt, {"value": spoken}, taint)
        else:
            parts = (say_text("confirm", step.language, spoken, self._sensitive(step)),)
        return None if step.play(parts, "confirm_prompt", barge_in=True) else self._confirm_asked(step)

    def _confirm_asked(self, step: Step) -> Leave | None:
        if step.run.keys:
            return self.take(step)
        self.await_answer(step)
        return None

    def confirm_key(self, step: Step, key: str) -> Leave | None:
        value = decode(step.local["value"])
        if key in (CONFIRM, step.option("digits").get("end", "#")):
            step.local.pop("value")
            return self._fill(step, value)
        if key != AGAIN:
            return self._read_back(step, value)
        step.local.pop("value")
        spent = step.local.get("refused", 0)
        if spent >= step.option("reprompt").no_match:
            return Leave("refused")
        step.local["refused"] = spent + 1
        return self.ask(step)


def reads_back(node: Node) -> bool:
    """Always, or what was heard with doubt."""
    return bool(node.get("confirm")) or "confirm" in (node.get("speech") or {})


def _note(step: Step, value: Any) -> str:
    kind = step.flow.scope()[step.option("save").name]
    if kind.sensitive:
        return mask_all(str(value))
    return mask(str(value)) if kind.kind in ("phone", "text") else str(value)
