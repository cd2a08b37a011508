"""`callback`: be called back instead of waiting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from cti.core import commands as c
from cti.core import events as e
from cti.core.issue import Issue, Place
from cti.flow import types as t
from cti.flow import yamlio
from cti.flow.builtin_texts import has_texts, say_text
from cti.flow.expressions import Scope
from cti.flow.kinds import SCALAR, Flag, Integer, Kind, Val, Word, frozen
from cti.flow.model import Literal, Node, Value
from cti.flow.nodes.written import meant_key
from cti.flow.readers import check_value, read_value
from cti.flow.reading import Reading
from cti.flow.registry import CheckContext, NodeType, Option, Options, register
from cti.flow.speech import say_digits
from cti.flow.step import FlowFailure, Leave, Step
from cti.flow.suggest import did_you_mean

YES, NO = "1", "2"
CONFIRM_S = 5.0


@dataclass(frozen=True, slots=True)
class OnEvent:
    """As soon as the event of this name is raised."""

    name: Value


class When(Kind):
    """``now``, a moment, or ``{event: name}``; gives a value, or `OnEvent`."""

    name = "now | value (datetime) | {event: value}"
    schema = frozen(
        {
            "anyOf": [
                SCALAR,
                {
                    "type": "object",
                    "required": ["event"],
                    "properties": {"event": SCALAR},
                    "additionalProperties": False,
                },
            ]
        }
    )

    def written(self, value: Any) -> Any:
        return value.value if isinstance(value, Literal) else None

    def read(self, node: yamlio.Node, what: str, reading: Reading) -> Any:
        if not isinstance(node, yamlio.Mapping):
            return read_value(node, what, reading)
        for key, _ in node:
            if key.text != "event":
                reading.unknown_key(key, what, ("event",))
        named = node.get("event")
        if named is None:
            reading.report(node.place, "missing-option", f"{what} is now, a moment, or {{event: name}}")
            return None
        value = read_value(named, f"{what}.event", reading)
        return OnEvent(value) if value is not None else None

    def check(self, value: Any, scope: Scope, issues: list[Issue]) -> None:
        if isinstance(value, OnEvent):
            check_value(value.name, t.TEXT, True, scope, issues)
        elif not isinstance(value, Literal):
            check_value(value, t.ANY, False, scope, issues)
        elif value.value != "now" and _moment(str(value.value)) is None:
            message = f"'{str(value.value)[:40]}' is no moment; write now, or 2026-03-02T10:00+08:00"
            issues.append(Issue(value.place, "type-mismatch", message))


@register
class Callback(NodeType):
    """Local state: ``number`` that was read back; ``asked``, how often."""

    name, group = "callback", "People"
    doc = (
        "Registers a callback: now, at a moment, or on an event (a notice's id: when that is over). The person called "
        "is met by `flow`, or put through from `queue`; without either it is the queue that was waited in last, and "
        "`keep_place` keeps the place there. A number that is absent leaves by `invalid`, one that the caller does "
        "not confirm by `declined`."
    )
    options: ClassVar[Options] = {
        "when": Option(When(), "`now`, a moment, or an event", default=Literal("now", Place(""))),
        "number": Option(Val(t.PHONE_TYPE, absent_ok=True), "whom to call", required=True),
        "confirm": Option(Flag(), "read the number back: 1 confirms, 2 declines", default=False),
        "keep_place": Option(Flag(), "keep the place in the queue", default=False),
        "queue": Option(Word(), "the queue that calls back"),
        "flow": Option(Word(), "the flow that meets the person called"),
        "attempts": Option(Integer(1, 10), "how often the number is tried", default=3),
    }
    exits = ("accepted", "declined", "invalid")
    good_exits = ("accepted",)
    example = """
call_me:
  type: callback
  when: now
  keep_place: true
  number: =caller
  confirm: true
  to: {accepted: bye, else: message}
"""

    def check(self, node: Node, ctx: CheckContext) -> None:
        for option, known in (("queue", ctx.catalog.queues), ("flow", ctx.catalog.flows)):
            name = node.get(option)
            if known is not None and name is not None and name not in known:
                message = f"there is no {option} '{name}'{did_you_mean(name, known)}"
                ctx.report(node.at(option), f"unknown-{option}", message)
        if node.get("confirm"):
            for language in ctx.flow.languages:
                if not has_texts(language):
                    ctx.report(node.place, "missing-prompt", f"there are no words in {language} to read a number back")

    def enter(self, step: Step) -> Leave | None:
        number = step.value(step.option("number"), t.PHONE_TYPE)
        if number is None:
            return Leave("invalid", note="no number")
        step.local["number"] = number
        return self._read_back(step) if step.option("confirm") else self._register(step)

    def _read_back(self, step: Step) -> Leave | None:
        asked = step.local.get("asked", 0)
        if asked > 1:
            return Leave("declined", note="not confirmed")
        step.local["asked"] = asked + 1
        step.settle_end(step.run.end_typed in (YES, NO))
        if step.run.keys:
            return self._answer(step, step.take_key() or "")
        spoken = say_digits(step.local["number"], step.language)
        secret = step.tainted(step.option("number"))
        said = (say_text("callback", step.language, spoken, secret),)
        return None if step.play(said) else self._wait(step)

    def _wait(self, step: Step) -> Leave | None:
        step.reply_timer("no_input", CONFIRM_S)
        return None

    def _answer(self, step: Step, key: str) -> Leave | None:
        step.stop("prompt", "no_input")
        if key == YES:
            return self._register(step)
        return Leave("declined", note="by the caller") if key == NO else self._read_back(step)

    def _register(self, step: Step) -> Leave | None:
        when, number = step.option("when"), step.local["number"]
        if isinstance(when, OnEvent):
            event = step.value(when.name, t.TEXT)
            if not event:
                return Leave("declined", note="no event to wait for")
            at = f"event:{event}"
        else:
            moment = step.value(when)
            at = moment.isoformat() if isinstance(moment, datetime) else str(moment)
            if at != "now" and _moment(at) is None:
                raise FlowFailure("bad-value", "the time of a callback is `now` or a moment with offset")
        flow, attempts, keep = step.option("flow"), step.option("attempts"), bool(step.option("keep_place"))
        queue = step.option("queue") or (step.run.queue if flow is None else None)
        step.command("callback", "answer", lambda ref: c.RequestCallback(ref, number, at, queue, keep, flow, attempts))
        return None

    def feed(self, step: Step, role: str, event: e.Event) -> Leave | None:
        if isinstance(event, e.CallbackEnded):
            return Leave(event.outcome, note=event.outcome)
        return self._wait(step) if role == "prompt" else self._read_back(step)

    def digit(self, step: Step, digit: str) -> Leave | None:
        if step.waits_for("answer"):
            return super().digit(step, digit)
        return self._answer(step, digit)

    def resumed(self, step: Step) -> Leave | None:
        if step.run.by_text or step.waits_for("answer"):
            return None
        step.stop("prompt", "no_input")
        step.local["asked"] -= 1
        return self._read_back(step)

    def means(self, step: Step, key: str) -> bool | None:
        return None if step.waits_for("answer") else key in (YES, NO)

    def text(self, step: Step, text: str) -> Leave | None:
        if step.waits_for("answer"):
            return super().text(step, text)
        return self._answer(step, meant_key(text))


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
