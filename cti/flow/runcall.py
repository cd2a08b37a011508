"""What a run knows of its call, and does to it: state, answering, time limit, goals. `cti.flow.walker` walks on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cti.core import commands as c
from cti.core.masking import mask_all
from cti.flow import types as t
from cti.flow.model import Node
from cti.flow.plan import Plan
from cti.flow.registry import NodeType
from cti.flow.runstate import Frame, RunMisuse, need_offset

BY_TEXT = ("sms", "chat")


class RunOnCall:
    """The state of a run. All attributes are in `cti.flow.runstate`'s snapshot, but what `Run.restore` makes anew."""

    def __init__(self, plan: Plan, inputs: Mapping[str, Any], *, now: datetime, language: str | None = None) -> None:
        need_offset(now)
        root = plan.flows[plan.root]
        wanted = language or inputs.get("language")
        self.plan = plan
        self.language: str = wanted if wanted in root.languages else root.default_language
        self.called = _lenient(t.PHONE_TYPE, inputs.get("called"))
        self.medium: str = inputs.get("medium") or root.media[0]
        self.frames: list[Frame] = [self._frame(plan.root, inputs)]
        self.local: dict[str, Any] = {}
        self.pending: dict[int, tuple[str, str]] = {}
        self.keys = ""
        self.end_due = ""  # the key that would only end an entry which has just ended by itself, if it came next
        self.end_typed = ""  # that key, once it came: for the node that asks next, if it means something there
        self.texts: list[str] = []
        self.thrown = 0  # texts that the last event had thrown away because a secret is asked for, which they may be
        self.unsaid: list[c.Say] = []  # by text: what goes out together, as one message, at the next wait
        self.visits: dict[str, int] = {}
        self.goals: list[str] = []
        self.last_ref = 0
        self.errors = 0
        self.started = self.ended = self.answered = self.hung_up = False
        self.queue: str | None = None  # the queue entered last: a callback keeps the place in it
        self.recording = self.masks = ""  # see `cti.flow.recorded`
        self.limit_ref: int | None = None
        self.limit_hits = 0
        self.limit_left_s = root.ivr_seconds
        self.limit_since: str | None = None  # in ISO 8601, as it is stored at every wait and read seldom
        self.sprint: c.Sprint = []

    def _frame(self, flow_id: str, inputs: Mapping[str, Any], tainted: frozenset[str] = frozenset()) -> Frame:
        flow = self.plan.flows[flow_id]
        variables: dict[str, Any] = {}
        for name, variable in flow.variables.items():
            value = variable.default
            if variable.is_input and inputs.get(name) is not None:
                value = _lenient(variable.type, inputs[name])
                value = variable.default if value is None else value
            if value is None and not variable.type.optional:
                raise RunMisuse(f"flow {flow_id} needs a fitting input '{name}'", code="missing-input")
            variables[name] = value
        secret = {name for name, variable in flow.variables.items() if variable.type.sensitive}
        return Frame(flow, flow.start, variables, frozenset(secret | (tainted & variables.keys())))

    # ---- where it stands --------------------------------------------------------------------------------------

    @property
    def node(self) -> Node:
        return self.frames[-1].at

    def _type(self) -> NodeType:
        return self.frames[-1].kind

    # ---- the call ---------------------------------------------------------------------------------------------

    def _answer(self) -> None:
        if not self.answered and not self.by_text:
            self.answered = True
            self.sprint.append(c.Answer())

    @property
    def by_text(self) -> bool:
        """The caller reads and writes, in their own time."""
        return self.medium in BY_TEXT

    def send_unsaid(self) -> None:
        if self.unsaid:
            text = "\n".join(say.text for say in self.unsaid)
            shown = "\n".join(_kept(say) for say in self.unsaid)
            self.sprint.append(c.Reply(text, shown if shown != text else ""))
            self.unsaid = []

    def _start_limit(self, now: datetime) -> None:
        if self.by_text:
            return
        if self.limit_ref is None and not self.hung_up:
            self.limit_ref, self.limit_since = self.new_ref(), now.isoformat()
            self.sprint.append(c.StartTimer(self.limit_ref, self.limit_left_s))

    def _pause_limit(self, now: datetime) -> None:
        """Time with people, or waiting for them, is not IVR time."""
        if self.limit_since is not None:
            spent = max(now - datetime.fromisoformat(self.limit_since), timedelta()).total_seconds()
            self.limit_left_s = round(max(self.limit_left_s - spent, 1.0), 3)
        self._stop_limit()

    def _stop_limit(self) -> None:
        if self.limit_ref is not None:
            self.sprint.append(c.CancelTimer(self.limit_ref))
            self.limit_ref = None

    def _reach(self, goal: str) -> None:
        if goal not in self.goals:
            self.goals.append(goal)
            self.sprint.append(c.GoalReached(goal))

    def new_ref(self) -> int:
        self.last_ref += 1
        return self.last_ref

    def stop_pending(self, kind: str, ref: int) -> None:
        """A queue is not left on hang-up: that is an abandoned contact, and the runtime's to tell."""
        if kind == "timer":
            self.sprint.append(c.CancelTimer(ref))
        elif self.hung_up:
            return
        elif kind == "play":
            self.sprint.append(c.StopPlay(ref))
        elif kind == "record":
            self.sprint.append(c.StopRecord(ref))
        elif kind == "fax":
            self.sprint.append(c.StopFax(ref))
        elif kind == "video":
            self.sprint.append(c.StopVideo(ref))
        elif kind == "listen":
            self.sprint.append(c.StopListen(ref))
        elif kind == "queue":
            self.sprint.append(c.LeaveQueue(ref, bool(self.local.get("keep_place"))))


def _kept(say: c.Say) -> str:
    """As it may be kept: without the sensitive values, or without any word where they cannot be told apart."""
    if not say.sensitive:
        return say.text
    pieces = [" " if isinstance(one, c.Pause) else "*" if one.sensitive else one.text for one in say.pieces]
    return "".join(pieces) or mask_all(say.text)


def _lenient(kind: t.Type, value: Any) -> Any:
    try:
        return t.convert(kind, value) if value is not None else None
    except t.BadValue:
        return None
