"""What a node's behaviour may see and do: one `Step` per call of `enter`, `feed` or `digit`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cti.core import commands as c
from cti.flow import types as t
from cti.flow.expressions import EvalError, Expression, evaluate
from cti.flow.model import Computed, Flow, Literal, Node, Prompt, SayText, Template, Value
from cti.flow.phrases import Filled, clean_text, make_say
from cti.flow.speech import say_value

if TYPE_CHECKING:
    from cti.flow.walker import Walker

BARGE_IN_KEYS = "0123456789*#"
TYPE_AHEAD = 64  # keys; a caller who types more is leaning on the phone
REPLY_S = {"sms": 600.0, "chat": 180.0}
TEXTS_AHEAD, TEXT_LENGTH = 8, 1000  # messages that came before they were asked for, and of each so many characters


class FlowFailure(Exception):
    """Something in the flow went wrong at run time. ``code`` is stable; the text holds no caller's data."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)  # not frozen: one is made for every node that is left, and that takes four times as long
class Leave:
    """Leave the node by ``exit``; ``target`` when an option names the node itself (a key, a case).

    ``note`` is for people and must be masked already. ``goal`` False: left without what `achieves` promises.
    """

    exit: str = "next"
    target: str | None = None
    note: str = ""
    goal: bool = True


@dataclass(slots=True)
class Finish(Leave):
    """An `end` node: the flow is over, and so is the call or the subflow."""

    outcome: str = ""
    returns: Mapping[str, Any] = field(default_factory=dict)
    tainted: frozenset[str] = frozenset()


@dataclass(slots=True)
class Enter(Leave):
    """Begin another flow: below this node (subflow), or instead of the present ones (``replace``)."""

    flow: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    tainted: frozenset[str] = frozenset()
    replace: bool = False


class Step:
    __slots__ = ("flow", "frame", "node", "now", "option", "run")

    def __init__(self, run: Walker, now: datetime) -> None:
        self.run = run
        self.now = now
        self.frame = frame = run.frames[-1]
        self.flow: Flow = frame.model
        self.node: Node = frame.at
        self.option: Callable[[str], Any] = self.node.options.get  # an option's value, as it was read

    @property
    def local(self) -> dict[str, Any]:
        """What this visit of the node remembers between events; JSON-serialisable."""
        return self.run.local

    # ---- values ----------------------------------------------------------------------------------------------

    @property
    def language(self) -> str:
        """The caller's language, or this flow's default when the flow does not speak it."""
        wanted, spoken = self.run.language, self.flow.languages
        return wanted if wanted in spoken else spoken[0]

    def ever_present(self, name: str) -> Any:
        """A variable that exists in every flow; see `cti.flow.expressions.Moment`."""
        match name:
            case "language":
                return self.language
            case "called":
                return self.run.called
            case "medium":
                return self.run.medium
            case "now":
                return self.now
        raise KeyError(name)

    def evaluate(self, expression: Expression, extra: Mapping[str, Any] | None = None) -> Any:
        """None only for a bare absent variable or field. ``extra``: variables before the flow's own.

        Raises `FlowFailure`.
        """
        variables = self.frame.variables if not extra else {**self.frame.variables, **extra}
        try:
            return evaluate(expression, variables, self)
        except EvalError as error:
            place = expression.place
            raise FlowFailure(error.code, f"{error} ({place.file}:{place.line}: {expression.source})") from None

    def value(self, value: Value | None, kind: t.Type = t.ANY, extra: Mapping[str, Any] | None = None) -> Any:
        """A value of ``kind``, or None when it is absent. Raises `FlowFailure` when it does not fit."""
        if value is None:
            return None
        raw = value.value if isinstance(value, Literal) else self.evaluate(value.expression, extra)
        if raw is None or (kind is t.ANY and isinstance(value, Computed)):
            return raw  # what an expression gives is a value of the language already
        try:
            return t.convert(kind, raw)
        except t.BadValue as error:
            place = value.place
            raise FlowFailure("bad-value", f"{error} ({place.file}:{place.line})") from None

    def tainted(self, value: Value | Expression | None, extra: frozenset[str] = frozenset()) -> bool:
        """Does sensitive data flow into this value?"""
        if isinstance(value, Computed):
            value = value.expression
        if not isinstance(value, Expression):
            return False
        secret = self.frame.tainted
        return not (value.flowing.isdisjoint(secret) and value.flowing.isdisjoint(extra))

    def set(self, name: str, value: Any, tainted: bool = False) -> None:
        """Assign; ``language`` changes the language of the call. Raises `FlowFailure`."""
        if name == "language":
            if value not in self.flow.languages:
                raise FlowFailure("bad-value", f"the flow {self.flow.id} does not speak this language")
            self.run.language = value
            return
        variable = self.flow.variables[name]
        try:
            self.frame.set(name, t.convert(variable.type, value))
        except t.BadValue as error:
            raise FlowFailure("bad-value", f"{name}: {error}") from None
        if tainted or variable.type.sensitive:
            if name not in self.frame.tainted:
                self.frame.tainted |= {name}
        elif name in self.frame.tainted:
            self.frame.tainted -= {name}

    # ---- speaking --------------------------------------------------------------------------------------------

    def text(self, template: Template, extra: Mapping[str, Any] | None = None) -> str:
        pieces = self._filled(template, extra, frozenset())
        return clean_text("".join(piece if isinstance(piece, str) else piece.text for piece in pieces))

    def lines(self, template: Template) -> list[str]:
        """A text that is read: line by line as it was written."""
        pieces = self._filled(template, None, frozenset())
        text = "".join(piece if isinstance(piece, str) else piece.text for piece in pieces)
        return [clean_text(line) for line in text.rstrip("\n").split("\n")]

    def render(
        self, prompt: Prompt | None, extra: Mapping[str, Any] | None = None, taint: frozenset[str] = frozenset()
    ) -> tuple[c.AudioPart, ...]:
        """The parts to play. ``taint``: names in ``extra`` that hold sensitive values."""
        if prompt is None:
            return ()
        language = self.language
        if language in prompt.rendered:
            return prompt.rendered[language]
        parts: list[c.AudioPart] = []
        fixed = True
        for item in prompt.items:
            if not isinstance(item, SayText):
                parts.append(item)
                continue
            template = item.texts[language]
            fixed = fixed and template.fixed
            say = make_say(self._filled(template, extra, taint), language)
            if say is not None:
                parts.append(say)
        if fixed:
            prompt.rendered[language] = tuple(parts)
        return tuple(parts)

    def _filled(self, template: Template, extra: Mapping[str, Any] | None, taint: frozenset[str]) -> list[str | Filled]:
        pieces: list[str | Filled] = []
        for piece in template.pieces:
            if isinstance(piece, str):
                pieces.append(piece)
                continue
            value = self.evaluate(piece, extra)
            if value is None:
                raise FlowFailure("absent-value", f"{piece.source} is absent where it is to be said")
            pieces.append(Filled(say_value(value, self.language), self.tainted(piece, taint)))
        return pieces

    def play(self, parts: tuple[c.AudioPart, ...], role: str = "prompt", *, barge_in: bool = False) -> bool:
        """Start playing; False when there is nothing to wait for: no parts, or a conversation by text, where it is
        said in the next message. Ends with `PlayEnded` under ``role``.

        ``barge_in``: the node stops it at any key. One that only ends the entry before does not reach the node."""
        if self.run.by_text:
            self.run.unsaid += [part for part in parts if isinstance(part, c.Say)]
            return False
        if not parts:
            return False
        keys = BARGE_IN_KEYS.replace(self.run.end_due or " ", "") if barge_in else ""
        self.command("play", role, lambda ref: c.Play(ref, parts, keys))
        return True

    # ---- commands --------------------------------------------------------------------------------------------

    def emit(self, work: c.Work) -> None:
        self.run.sprint.append(work)

    def command(self, kind: str, role: str, make: Callable[[int], c.Command]) -> int:
        """Emit a command that will end with an event of ``kind``, to be fed under ``role``."""
        ref = self.run.new_ref()
        self.run.pending[ref] = (kind, role)
        self.emit(make(ref))
        return ref

    def timer(self, role: str, seconds: float) -> None:
        self.command("timer", role, lambda ref: c.StartTimer(ref, seconds))

    def reply_timer(self, role: str, seconds: float) -> None:
        """For an answer of the caller; who writes takes longer than who presses a key."""
        self.timer(role, max(seconds, REPLY_S.get(self.run.medium, 0.0)))

    def waits_for(self, role: str) -> bool:
        return role in [waited for _, waited in self.run.pending.values()]

    def stop(self, *roles: str) -> None:
        """Stop waiting for ``roles``, and what runs for them."""
        for ref, (kind, role) in tuple(self.run.pending.items()):
            if role in roles:
                del self.run.pending[ref]
                self.run.stop_pending(kind, ref)

    def type_ahead(self, digit: str) -> None:
        if len(self.run.keys) < TYPE_AHEAD:
            self.run.keys += digit

    def keep_text(self, text: str) -> None:
        if len(self.run.texts) < TEXTS_AHEAD:
            self.run.texts.append(clean_text(text)[:TEXT_LENGTH])

    def take_text(self) -> str | None:
        """The next text that was written before it was asked for."""
        return self.run.texts.pop(0) if self.run.texts else None

    def take_key(self) -> str | None:
        """The next key that was typed ahead."""
        key, self.run.keys = self.run.keys[:1], self.run.keys[1:]
        return key or None

    def expect_end(self, key: str) -> None:
        """An entry is complete at its last digit. Many callers end it nevertheless: ``key``, when it comes next,
        interrupts nothing, and is used only where it means something to the node that asks next."""
        run = self.run
        run.end_due, run.end_typed = key, ""
        if run.keys:
            run.end_due = ""
            if run.keys[0] == key:
                run.end_typed, run.keys = key, run.keys[1:]

    def settle_end(self, means: bool) -> None:
        """Something is asked now: the key that was kept by `expect_end` is used first, or dropped."""
        if means:
            self.run.keys = self.run.end_typed + self.run.keys
        self.run.end_typed = ""

    def flush_keys(self) -> None:
        self.run.keys = self.run.end_typed = ""
        self.run.texts = []
