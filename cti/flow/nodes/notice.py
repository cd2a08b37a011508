"""`notice`: what everybody concerned is told now: an outage, works, a campaign."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from cti.core import commands as c
from cti.core import events as e
from cti.flow import types as t
from cti.flow.expressions import Scope
from cti.flow.kinds import Flag, Val
from cti.flow.model import Flow, Node
from cti.flow.nodes.extra_kinds import SaveMap
from cti.flow.nodes.targets import check_saves, save_effects
from cti.flow.phrases import clean_text
from cti.flow.registry import CheckContext, Names, NodeType, Option, Options, register
from cti.flow.step import Leave, Step

RESULT = t.Type(
    "record",
    fields=(
        ("count", t.INT),
        ("id", t.Type("text", optional=True)),
        ("ends", t.Type("datetime", optional=True)),
    ),
)


@register
class Notice(NodeType):
    """Local state: ``ids`` of the notices being said."""

    name, group = "notice", "Saying"
    doc = (
        "Says the notices that hold now and concern this area, service and number; nothing when there is none. "
        "Notices are changed at once, for running calls too. `result` has `count`, and the first one's `id` and "
        "`ends`, for `save`; a callback can wait for the event of that id: it comes when the notice is over."
    )
    options: ClassVar[Options] = {
        "area": Option(Val(t.TEXT, absent_ok=True), "an area code"),
        "service": Option(Val(t.TEXT, absent_ok=True), "a service, such as broadband"),
        "number": Option(Val(t.PHONE_TYPE, absent_ok=True), "the number it may concern; its area is asked for too"),
        "barge_in": Option(Flag(), "a key stops it", default=True),
        "save": Option(SaveMap(), "variables and what of `result` goes there", default={}),
    }
    example = """
news:
  type: notice
  number: =caller
  service: broadband
"""

    def effects(self, node: Node, exit: str, flow: Flow, scope: Scope) -> tuple[Names, Names]:
        return save_effects(node.get("save"), scope.adding({"result": RESULT}))

    def check(self, node: Node, ctx: CheckContext) -> None:
        check_saves(node.get("save"), ctx, ctx.scope.adding({"result": RESULT}))

    def works_in(self, node: Node, medium: str) -> bool:
        """Where a timer began the flow nothing is said, and what holds can be saved all the same."""
        return bool(node.get("save")) if medium == "timer" else super().works_in(node, medium)

    def enter(self, step: Step) -> Leave | None:
        area, service = (step.value(step.option(name), t.TEXT) for name in ("area", "service"))
        number = step.value(step.option("number"), t.PHONE_TYPE)
        step.command("notice", "found", lambda ref: c.FindNotices(ref, step.now, area, service, number))
        return None

    def feed(self, step: Step, role: str, event: e.Event) -> Leave | None:
        if not isinstance(event, e.NoticesFound):
            return self._leave(step, "")
        self._save(step, event.notices)
        step.local["ids"] = [notice.id for notice in event.notices]
        if not event.notices or step.run.medium == "timer":
            return Leave(note=", ".join(step.local["ids"]) or "none")
        if step.option("barge_in") and step.run.keys:
            return self._leave(step, "skipped by a key typed ahead", whole=False)
        said = step.play(
            tuple(_say(notice, step.language) for notice in event.notices), barge_in=step.option("barge_in")
        )
        return None if said else self._leave(step, "")

    def _save(self, step: Step, notices: tuple[e.FoundNotice, ...]) -> None:
        first = notices[0] if notices else None
        ends = datetime.fromisoformat(first.ends) if first is not None and first.ends else None
        result: dict[str, Any] = {"count": len(notices), "id": first.id if first else None, "ends": ends}
        for name, named in step.option("save").items():
            step.set(name, step.value(named.value, t.ANY, {"result": result}))

    def _leave(self, step: Step, note: str, whole: bool = True) -> Leave:
        """Who was told what is counted, and whether it was to the end."""
        for found in step.local["ids"]:
            step.emit(c.NoticeHeard(found, whole))
        told = ", ".join(step.local["ids"])
        return Leave(note=f"{told}: {note}" if note else told, goal=whole)

    def digit(self, step: Step, digit: str) -> Leave | None:
        step.type_ahead(digit)
        if not step.option("barge_in") or not step.waits_for("prompt"):
            return None
        return self._leave(step, "stopped by a key", whole=False)

    def hung_up(self, step: Step) -> None:
        if step.local.get("ids") and step.waits_for("prompt"):
            for found in step.local["ids"]:
                step.emit(c.NoticeHeard(found, whole=False, hung_up=True))


def _say(notice: e.FoundNotice, language: str) -> c.Say:
    """In the caller's language; in the notice's first one where it was not translated, rather than in silence."""
    spoken = language if language in notice.texts else next(iter(notice.texts))
    return c.Say(clean_text(notice.texts[spoken]), spoken)
