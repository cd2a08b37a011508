"""`queue`: wait for an agent, and talk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from cti.core import commands as c
from cti.core import events as e
from cti.flow import types as t
from cti.flow.builtin_texts import find_text, has_texts, offer_text, say_text
from cti.flow.catalog import Catalog
from cti.flow.expressions import Expression
from cti.flow.kinds import Duration, Flag, PromptKind, Val, Word
from cti.flow.model import Computed, Flow, Node, SayText
from cti.flow.nodes.extra_kinds import Fields, ListOf, SkillMap, ValueMap
from cti.flow.nodes.key_kinds import Keys, KeyTarget, plain_word
from cti.flow.readers import KEY_NAMES, check_value
from cti.flow.registry import CheckContext, Edge, NodeType, Option, Options, Taking, register
from cti.flow.speech import say_count, say_duration
from cti.flow.step import FlowFailure, Leave, Step
from cti.flow.suggest import did_you_mean

_WAIT = {"position": t.INT, "ewt": t.Type("duration")}
#: By text an announcement is a message: not more often than this, in seconds.
ANNOUNCE_S = {"sms": 600.0, "chat": 60.0}
#: What a machine that sends and hangs up neither hears nor waits for.
_NOT_BY_FAX = ("announce", "keys", "offer", "whisper", "max_wait")


@register
class Queue(NodeType):
    name, group = "queue", "People"
    doc = (
        "Puts the caller into a queue. Keys while waiting name nodes; `offer` says under which condition such a key "
        "is announced (`position` and `ewt`, the expected wait, can be asked there; while no wait is known, nothing "
        "is offered). In a conversation by SMS or chat the agent reads what was written, and both write on; a key is "
        "a message of that sign, while nobody has answered. By fax, `document` waits for an agent, and the flow goes "
        "on at `queued`: the machine need not stay on the line."
    )
    options: ClassVar[Options] = {
        "queue": Option(Word(), "the queue", required=True),
        "skills": Option(SkillMap(), "the skills an agent must have, with least levels", default={}),
        "relax": Option(
            ListOf(Fields({"after": Duration(), "skills": SkillMap()}, ("after", "skills"))),
            "what is asked instead after some time",
            default=(),
        ),
        "priority": Option(Val(t.INT), "higher is served first", default=None),
        "prefer": Option(
            Fields({"agent": Val(t.TEXT, absent_ok=True), "for": Duration()}, ("agent",)),
            "an agent's id, or `last` for the one this caller spoke with, for so long",
        ),
        "announce": Option(
            Fields({"every": Duration(), "position": Flag(), "wait": Flag(), "say": PromptKind()}),
            "what is said while waiting; `say` replaces the built-in words",
            extra=_WAIT,
        ),
        "max_wait": Option(Duration(), "after this, the exit `timeout`"),
        "keys": Option(Keys(), "keys while waiting, and the nodes they lead to", default={}),
        "offer": Option(ValueMap(), "for nodes that keys lead to: when the key is announced", extra=_WAIT, default={}),
        "whisper": Option(PromptKind(), "what the agent hears first"),
        "document": Option(Val(t.TEXT), "by fax, and only there: what was received, for the agent to read"),
    }
    exits = ("talked", "timeout", "full", "no_agents")
    fax_exits = ("queued", "full", "no_agents")
    good_exits = ("talked", "queued")
    needs_answer = True
    human = True
    example = """
agent:
  type: queue
  queue: service
  max_wait: 10m
  announce: {every: 30s, position: true, wait: true}
  keys: {1: call_me}
  to: {talked: bye, else: message}
"""

    def exits_of(self, node: Node, catalog: Catalog) -> tuple[str, ...]:
        return self.exits if node.get("document") is None else self.fax_exits

    def works_in(self, node: Node, medium: str) -> bool:
        if medium in ("fax", "timer"):
            return medium == "fax" and node.get("document") is not None
        return node.get("document") is None

    def holds_on(self, node: Node) -> bool:
        """A machine hangs up as soon as it has sent; what was received waits all the same."""
        return node.get("document") is not None

    def hindrance(self, node: Node, medium: str) -> str:
        if medium == "fax":
            return "a queue by fax takes `document`: what was received"
        return "a document comes by fax only; branch on `medium` before it" if node.get("document") else ""

    def without_effect(self, node: Node, media: frozenset[str]) -> Iterator[tuple[str, str]]:
        """Options that nobody would hear or use in a conversation by one of ``media``, which lead here."""
        texts = ", ".join(sorted(media & ANNOUNCE_S.keys()))
        if texts and media <= ANNOUNCE_S.keys() and node.get("whisper") is not None:
            yield "whisper", f"nobody hears a whisper in a conversation by {texts}: the agent reads what was written"
        say = (node.get("announce") or {}).get("say")
        if texts and say is not None and any(not isinstance(item, SayText) for item in say.items):
            yield "announce", f"a sound cannot be sent in a conversation by {texts}; say it as a text"
        if "fax" in media and node.get("document") is not None:
            for name in _NOT_BY_FAX:
                if node.get(name):
                    yield name, f"a fax machine sends and hangs up: `{name}` has no effect by fax"

    def ways(self, node: Node) -> Iterator[Edge]:
        for sign, target in (node.get("keys") or {}).items():
            yield Edge(KEY_NAMES[sign], target.ref)

    def taking(self, node: Node, exit: str, flow: Flow) -> Taking:
        """Waiting is real; a queue that is full, or where nobody works, sends the caller away at once."""
        if exit in (*self.exits, *self.fax_exits):
            return Taking(bounds=exit in ("talked", "timeout"))
        return Taking(chosen=True, keys=1, bounds=True)

    def check(self, node: Node, ctx: CheckContext) -> None:
        queue, known = node.get("queue"), ctx.catalog.queues
        if known is not None and queue is not None and queue not in known:
            message = f"there is no queue '{queue}'{did_you_mean(queue, known)}"
            ctx.report(node.at("queue"), "unknown-queue", message)
        self._skills(node, ctx)
        targets = {target.ref.name for target in (node.get("keys") or {}).values()}
        for name, named in (node.get("offer") or {}).items():
            if name not in targets:
                message = f"no key of this queue leads to '{name}'{did_you_mean(name, targets)}"
                ctx.report(named.name_place, "unknown-option", message)
            check_value(named.value, t.BOOL, False, ctx.scope.adding(_WAIT), ctx.issues)
        for language in ctx.flow.languages:
            spoken = node.get("announce") is not None and "say" not in node.get("announce")
            if (spoken or node.get("offer")) and not has_texts(language):
                ctx.report(node.place, "missing-prompt", f"announcements in {language} need announce.say, and no offer")

    def _skills(self, node: Node, ctx: CheckContext) -> None:
        relaxed = [set(step.get("skills", {})) for step in node.get("relax") or ()]
        if ctx.catalog.skills is None:
            return
        for name in set(node.get("skills") or {}).union(*relaxed) - ctx.catalog.skills:
            message = f"there is no skill '{name}'{did_you_mean(name, ctx.catalog.skills)}"
            ctx.report(node.at("skills"), "unknown-skill", message)

    # ---- behaviour -------------------------------------------------------------------------------------------

    def enter(self, step: Step) -> Leave | None:
        step.flush_keys()
        name: str = step.option("queue")
        step.run.queue = name
        prefer = step.option("prefer") or {}
        announce = step.option("announce") or {}
        priority = step.value(step.option("priority"), t.INT)
        agent = step.value(prefer.get("agent"), t.TEXT)
        whisper = step.render(step.option("whisper")) if not step.run.by_text else ()
        every = announce.get("every")
        if every is not None:
            every = max(every, ANNOUNCE_S.get(step.run.medium, 0.0))
        document = step.value(step.option("document"), t.TEXT)
        if document is None and step.option("document") is not None:
            raise FlowFailure("absent-value", "there is no document that an agent could read")
        step.command(
            "queue",
            "queue",
            lambda ref: c.EnterQueue(
                ref,
                name,
                skills=dict(step.option("skills")),
                relax=tuple((item["after"], dict(item["skills"])) for item in step.option("relax")),
                priority=priority or 0,
                prefer=agent,
                prefer_s=prefer.get("for", 0.0) if agent else 0.0,
                max_wait_s=step.option("max_wait"),
                announce_every_s=every,
                whisper=whisper,
                document=document or "",
            ),
        )
        return None

    def feed(self, step: Step, role: str, event: e.Event) -> Leave | None:
        if isinstance(event, e.QueueEnded):
            return Leave(event.outcome, note=event.outcome)
        if isinstance(event, e.QueueConnected):
            step.local["talking"] = True
        elif isinstance(event, e.QueueAnnounced) and not step.waits_for("prompt"):
            step.play(self._announcement(step, event))
        return None

    def digit(self, step: Step, digit: str) -> Leave | None:
        """Keys that lead nowhere belong to nobody, and those of a talk to the talk."""
        if step.local.get("talking"):
            return None
        target: KeyTarget | None = step.option("keys").get(digit)
        if target is None:
            return None
        goal = step.flow.nodes[target.ref.name]
        ahead = _callbacks(goal, step.run.plan.flows)
        step.local["keep_place"] = any(node.get("keep_place") for node in ahead)
        return Leave(KEY_NAMES[digit], target.ref.name, note=KEY_NAMES[digit])

    def text(self, step: Step, text: str) -> Leave | None:
        """What is written belongs to the conversation that the agent reads, unless it is one of the keys."""
        said = plain_word(text)
        for sign in step.option("keys"):
            if said in (sign, KEY_NAMES[sign]):
                return self.digit(step, sign)
        return None

    def means(self, step: Step, key: str) -> bool | None:
        return key in step.option("keys")

    def _announcement(self, step: Step, event: e.QueueAnnounced) -> tuple[c.AudioPart, ...]:
        announce: Mapping[str, Any] = step.option("announce") or {}
        wait = None if event.ewt_s is None else timedelta(seconds=max(event.ewt_s, 0.0))
        extra = {"position": event.position, "ewt": wait}
        if "say" in announce and wait is not None:
            return step.render(announce["say"], extra) + self._offers(step, extra)
        language = step.language
        parts: list[c.AudioPart] = []
        if announce.get("position"):
            ahead = event.position - 1
            if ahead > 0:
                parts.append(say_text("position", language, say_count(ahead, language)))
            else:
                parts.append(c.Say(find_text("next", language), language))
        if announce.get("wait") and wait is not None:
            parts.append(say_text("wait", language, say_duration(_rounded(wait), language)))
        if not parts:
            parts.append(c.Say(find_text("hold", language), language))
        return tuple(parts) + self._offers(step, extra)

    def _offers(self, step: Step, extra: Mapping[str, Any]) -> tuple[c.AudioPart, ...]:
        if extra["ewt"] is None:
            return ()
        parts: list[c.AudioPart] = []
        for sign, target in step.option("keys").items():
            named = step.option("offer").get(target.ref.name)
            if named is None or not _true(step, named.value, extra):
                continue
            goal = step.flow.nodes[target.ref.name]
            called = any(True for _ in _callbacks(goal, step.run.plan.flows))
            parts.append(offer_text("callback" if called else goal.type, sign, step.language))
        return tuple(parts)


def _callbacks(goal: Node, flows: Mapping[str, Flow]) -> Iterator[Node]:
    """That a key may lead to: the node itself, or those of the subflow that it is, and of those below."""
    seen, ahead = set[str](), [goal]
    while ahead:
        node = ahead.pop()
        if node.type == "callback":
            yield node
        below = str(node.get("flow")) if node.type == "subflow" else ""
        if below in flows and below not in seen:
            seen.add(below)
            ahead.extend(flows[below].nodes.values())


def _true(step: Step, value: Any, extra: Mapping[str, Any]) -> bool:
    if isinstance(value, Computed):
        expression: Expression = value.expression
        return step.evaluate(expression, extra) is True
    return step.value(value, t.BOOL) is True


def _rounded(wait: timedelta) -> timedelta:
    """Full minutes above one minute, tens of seconds below: a wait said to the second sounds like a promise."""
    seconds = wait.total_seconds()
    unit = 60 if seconds >= 60 else 10
    return timedelta(seconds=max(unit, round(seconds / unit) * unit))
