"""How a run walks: entering and leaving nodes, subflows, errors, limits, the end. `cti.flow.run` drives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from cti.core import commands as c
from cti.flow import recorded
from cti.flow import types as t
from cti.flow.expressions import Evaluator
from cti.flow.model import Node
from cti.flow.plan import Plan
from cti.flow.registry import REGISTRY, NodeType
from cti.flow.runstate import Frame, RunMisuse, need_offset
from cti.flow.step import Enter, Finish, FlowFailure, Leave, Step

MAX_STEPS = 200  # nodes entered without waiting for anything: a loop the checker missed
MAX_FRAMES = 16
BY_TEXT = ("sms", "chat")
LIMIT_GRACE_S = 60.0  # what `on.limit` may take before the call is hung up
Action = Callable[[Step], Leave | None]


class Walker:
    """The state of a run and every way it can move. All attributes are in `cti.flow.runstate`'s snapshot."""

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
        self.texts: list[str] = []
        self.unsaid: list[str] = []  # by text: what goes out together, as one message, at the next wait
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
        self.limit_since: datetime | None = None
        self.sprint: c.Sprint = []
        self.evaluator = Evaluator()

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
        return Frame(flow_id, flow.start, variables, frozenset(secret | (tainted & variables.keys())))

    # ---- walking ---------------------------------------------------------------------------------------------

    @property
    def node(self) -> Node:
        frame = self.frames[-1]
        return self.plan.flows[frame.flow].nodes[frame.node]

    def _type(self) -> NodeType:
        return REGISTRY[self.node.type]

    def _behave(self, now: datetime, action: Action | None) -> None:
        """Run one reaction of the present node, and then every node that does not wait."""
        steps = 0
        while action is not None:
            steps += 1
            try:
                if steps > MAX_STEPS:
                    raise FlowFailure("too-many-steps", f"{MAX_STEPS} nodes without waiting for anything")
                leave = action(Step(self, now))
                action = self._leave(leave, now) if leave is not None else None
            except FlowFailure as failure:
                steps = 0
                action = self._on_failure(failure, now)
            if self.ended:
                return

    def _go(self, node: str, now: datetime) -> None:
        self._behave(now, self._entering(node))

    def _entering(self, node: str) -> Action:
        def action(step: Step) -> Leave | None:
            return self._enter(node, step.now)

        return action

    def _enter(self, name: str, now: datetime) -> Leave | None:
        frame = self.frames[-1]
        frame.node = name
        self.local = {}
        node = self.node
        kind = REGISTRY[node.type]
        key = f"{frame.flow}/{name}"
        frame.visit = self.visits[key] = self.visits.get(key, 0) + 1
        if self.hung_up and not kind.after_hangup:
            self._finish("", now)
            return None
        self.sprint.append(c.NodeEntered(frame.flow, name, node.type, frame.visit))
        if self.by_text and not kind.by_text:
            raise FlowFailure("medium-mismatch", f"{node.type} cannot run in a conversation by text ({self.medium})")
        if kind.needs_answer:
            self._answer()
        recorded.node_entered(self)
        if kind.human:
            self._pause_limit(now)
        return kind.enter(Step(self, now))

    def _leave(self, leave: Leave, now: datetime) -> Action | None:
        """Close the present node and give the action that goes on; None when the run has ended."""
        node, target = self.node, leave.target
        if isinstance(leave, Enter):
            return self._begin(leave, now)
        if target is None and not isinstance(leave, Finish):
            target = self._target(node, leave.exit)
        self._close(leave.exit, leave.note, now)
        if leave.goal and node.get("achieves") and leave.exit in REGISTRY[node.type].good_exits:
            self._reach(node.get("achieves"))
        if isinstance(leave, Finish):
            return self._ascend(leave, now)
        assert target is not None
        return self._entering(target)

    def _target(self, node: Node, exit: str) -> str:
        for name in (exit, "else"):
            if name in node.exits:
                return node.exits[name].name
        if exit == "next" and node.below:
            return node.below
        code = f"{node.type}-error" if exit == "error" else "missing-exit"
        raise FlowFailure(code, f"exit '{exit}' of {node.name} leads nowhere")

    def _begin(self, enter: Enter, now: datetime) -> Action:
        """Start another flow, above this one or instead of it. A subflow's node is left when the flow comes back."""
        if len(self.frames) >= MAX_FRAMES:
            raise FlowFailure("too-many-subflows", f"more than {MAX_FRAMES} flows inside each other")
        try:
            frame = self._frame(enter.flow, enter.inputs, enter.tainted)
        except RunMisuse as error:
            raise FlowFailure(error.code, error.message) from None
        if enter.replace:
            self._close(enter.exit, enter.note, now)
            self._unwind(1, enter.exit)
            self.frames = []
        self.frames.append(frame)
        return self._entering(frame.node)

    def _ascend(self, finish: Finish, now: datetime) -> Action | None:
        if len(self.frames) == 1:
            self._finish(finish.outcome, now, finish.returns)
            return None
        self.frames.pop()
        return lambda step: REGISTRY[step.node.type].returned(step, finish)

    def _close(self, exit: str, note: str, now: datetime) -> None:
        """Drop everything the present node waits for, and say that it was left."""
        frame = self.frames[-1]
        for ref, (kind, _) in list(self.pending.items()):
            del self.pending[ref]
            self.stop_pending(kind, ref)
        recorded.node_left(self)
        if REGISTRY[self.node.type].human:
            self._start_limit(now)
        self.sprint.append(c.NodeLeft(frame.flow, frame.node, frame.visit, exit, note))

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
        elif kind == "queue":
            self.sprint.append(c.LeaveQueue(ref, bool(self.local.get("keep_place"))))

    # ---- what interrupts -------------------------------------------------------------------------------------

    def _on_hangup(self, now: datetime) -> None:
        self.hung_up = True
        self.keys, self.texts = "", []
        self._close("hangup", "", now)
        self._stop_limit()
        self._jump("hangup", now)

    def _on_limit(self, now: datetime) -> None:
        self.limit_ref = None
        self.limit_hits += 1
        self._close("limit", "", now)
        if self.limit_hits > 1:
            self._finish("", now)
            return
        self.limit_left_s = LIMIT_GRACE_S
        self._start_limit(now)
        self._jump("limit", now)

    def _on_failure(self, failure: FlowFailure, now: datetime) -> Action | None:
        frame = self.frames[-1]
        self._close("error", failure.code, now)
        self.sprint.append(c.FlowError(frame.flow, frame.node, failure.code, str(failure)))
        self.errors += 1
        handler = None if self.hung_up or self.errors > 1 else self._handler("error")
        if handler is None:
            self._finish("", now, reason="hangup" if self.hung_up else "system_error")
            return None
        return self._entering(handler)

    def _jump(self, handler: str, now: datetime) -> None:
        node = self._handler(handler)
        if node is None:
            self._finish("", now)
        else:
            self._go(node, now)

    def _handler(self, name: str) -> str | None:
        """The node that `on:` names, in this flow or the nearest calling one, which is then the present one."""
        for depth in range(len(self.frames), 0, -1):
            found = self.plan.flows[self.frames[depth - 1].flow].handlers.get(name)
            if found is not None:
                self._unwind(depth, name)
                return found.name
        return None

    def _unwind(self, depth: int, exit: str) -> None:
        """Drop the flows above ``depth``; the subflow nodes that called them are left with them."""
        while len(self.frames) > depth:
            self.frames.pop()
            frame = self.frames[-1]
            self.sprint.append(c.NodeLeft(frame.flow, frame.node, frame.visit, exit))

    # ---- beginning and end -----------------------------------------------------------------------------------

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
            self.sprint.append(c.Reply("\n".join(self.unsaid)))
            self.unsaid = []

    def _start_limit(self, now: datetime) -> None:
        if self.by_text:
            return
        if self.limit_ref is None and not self.hung_up:
            self.limit_ref, self.limit_since = self.new_ref(), now
            self.sprint.append(c.StartTimer(self.limit_ref, self.limit_left_s))

    def _pause_limit(self, now: datetime) -> None:
        """Time with people, or waiting for them, is not IVR time."""
        if self.limit_since is not None:
            spent = max(now - self.limit_since, timedelta()).total_seconds()
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

    def _finish(
        self, outcome: str, now: datetime, returns: Mapping[str, Any] | None = None, reason: str | None = None
    ) -> None:
        self.ended = True
        self._stop_limit()
        if reason is None:
            reason = "hangup" if self.hung_up else "limit" if self.limit_hits else "flow_end"
        self._unwind(1, reason)
        self.send_unsaid()
        if not self.hung_up:
            self.sprint.append(c.Hangup())
        self.sprint.append(c.RunEnded(outcome, reason, dict(returns or {})))

    def new_ref(self) -> int:
        self.last_ref += 1
        return self.last_ref


def _lenient(kind: t.Type, value: Any) -> Any:
    try:
        return t.convert(kind, value) if value is not None else None
    except t.BadValue:
        return None
