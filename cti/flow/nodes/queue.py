"""`queue`: wait for an agent, and talk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from cti.core import commands as c
from cti.core import events as e
from cti.flow import types as t
from cti.flow.builtin_texts import find_text, has_texts, offer_text, say_text
from cti.flow.expressions import Expression
from cti.flow.kinds import Duration, Flag, PromptKind, Val, Word
from cti.flow.model import Computed, Flow, Node
from cti.flow.nodes.extra_kinds import Fields, ListOf, SkillMap, ValueMap
from cti.flow.nodes.key_kinds import Keys, KeyTarget
from cti.flow.readers import KEY_NAMES, check_value
from cti.flow.registry import CheckContext, Edge, NodeType, Option, Options, Taking, register
from cti.flow.speech import say_count, say_duration
from cti.flow.step import Leave, Step
from cti.flow.suggest import did_you_mean

_WAIT = {"position": t.INT, "ewt": t.Type("duration")}


@register
class Queue(NodeType):
    name, group = "queue", "People"
    doc = (
        "Puts the caller into a queue. Keys while waiting name nodes; `offer` says under which condition such a key "
        "is announced (`position` and `ewt`, the expected wait, can be asked there; while no wait is known, nothing "
        "is offered)."
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
    }
    exits = ("talked", "timeout", "full", "no_agents")
    good_exits = ("talked",)
    needs_answer = True
    by_text = False
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

    def ways(self, node: Node) -> Iterator[Edge]:
        for sign, target in (node.get("keys") or {}).items():
            yield Edge(KEY_NAMES[sign], target.ref)

    def taking(self, node: Node, exit: str, flow: Flow) -> Taking:
        """Waiting is real; a queue that is full, or where nobody works, sends the caller away at once."""
        if exit in self.exits:
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
        whisper = step.render(step.option("whisper"))
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
                announce_every_s=announce.get("every"),
                whisper=whisper,
            ),
        )
        return None

    def feed(self, step: Step, role: str, event: e.Event) -> Leave | None:
        if isinstance(event, e.QueueEnded):
            return Leave(event.outcome, note=event.outcome)
        if isinstance(event, e.QueueAnnounced) and not step.waits_for("prompt"):
            step.play(self._announcement(step, event))
        return None

    def digit(self, step: Step, digit: str) -> Leave | None:
        """Keys that lead nowhere belong to nobody: the caller may be talking already."""
        target: KeyTarget | None = step.option("keys").get(digit)
        if target is None:
            return None
        goal = step.flow.nodes[target.ref.name]
        step.local["keep_place"] = goal.type == "callback" and bool(goal.get("keep_place"))
        return Leave(KEY_NAMES[digit], target.ref.name, note=KEY_NAMES[digit])

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
            parts.append(offer_text(step.flow.nodes[target.ref.name].type, sign, step.language))
        return tuple(parts)


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
