"""How a run walks: entering and leaving nodes, subflows, errors, interruptions, the end. `cti.flow.run` drives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from cti.core import commands as c
from cti.flow import recorded
from cti.flow.model import Node
from cti.flow.runcall import BY_TEXT, RunOnCall
from cti.flow.runstate import RunMisuse
from cti.flow.step import Enter, Finish, FlowFailure, Leave, Step

MAX_STEPS = 200  # nodes entered without waiting for anything: a loop the checker missed
MAX_FRAMES = 16
WITHOUT_SOUND = (*BY_TEXT, "timer")  # media in which not every node can do its work
LIMIT_GRACE_S = 60.0  # what `on.limit` may take before the call is hung up
Action = Callable[[datetime], Leave | None]  # one reaction of a node, at a moment


class Walker(RunOnCall):
    """Every way a run can move."""

    # ---- walking ---------------------------------------------------------------------------------------------

    def _behave(self, now: datetime, action: Action | str | None) -> None:
        """Run one reaction of the present node, or enter one, and then every node that does not wait."""
        steps = 0
        while action is not None:
            steps += 1
            try:
                if steps > MAX_STEPS:
                    raise FlowFailure("too-many-steps", f"{MAX_STEPS} nodes without waiting for anything")
                leave = self._enter(action, now) if isinstance(action, str) else action(now)
                action = self._leave(leave, now) if leave is not None else None
            except FlowFailure as failure:
                steps = 0
                action = self._on_failure(failure, now)
            if self.ended:
                return

    def _enter(self, name: str, now: datetime) -> Leave | None:
        frame = self.frames[-1]
        frame.go(name)
        self.local = {}
        node, kind = frame.at, frame.kind
        key = f"{frame.flow}/{name}"
        frame.visit = self.visits[key] = self.visits.get(key, 0) + 1
        if self.hung_up and not kind.after_hangup and not kind.holds_on(node):
            self._finish("", now)
            return None
        self.sprint.append(c.NodeEntered(frame.flow, name, node.type, frame.visit))
        if self.medium != "voice" and not kind.works_in(node, self.medium):
            raise FlowFailure("medium-mismatch", f"{node.type} cannot run in a conversation by {self.medium}")
        if kind.needs_answer:
            self._answer()
        if self.recording:
            recorded.node_entered(self)
        if kind.human:
            self._pause_limit(now)
        return kind.enter(Step(self, now))

    def _leave(self, leave: Leave, now: datetime) -> Action | str | None:
        """Close the present node and give what goes on: a node to enter, an action; None when the run has ended."""
        if isinstance(leave, Enter):
            return self._begin(leave, now)
        frame = self.frames[-1]
        node, kind, target = frame.at, frame.kind, leave.target
        finish = leave if isinstance(leave, Finish) else None
        if target is None and finish is None:
            target = self._target(node, leave.exit)
        self._close(leave.exit, leave.note, now)
        goal = node.options.get("achieves")
        if goal and leave.goal and leave.exit in kind.good_exits:
            self._reach(goal)
        return target if finish is None else self._ascend(finish, now)

    def _target(self, node: Node, exit: str) -> str:
        for name in (exit, "else"):
            if name in node.exits:
                return node.exits[name].name
        if exit == "next" and node.below:
            return node.below
        code = f"{node.type}-error" if exit == "error" else "missing-exit"
        raise FlowFailure(code, f"exit '{exit}' of {node.name} leads nowhere")

    def _begin(self, enter: Enter, now: datetime) -> str:
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
        return frame.node

    def _ascend(self, finish: Finish, now: datetime) -> Action | None:
        if len(self.frames) == 1:
            self._finish(finish.outcome, now, finish.returns)
            return None
        self.frames.pop()
        return lambda now: self._type().returned(Step(self, now), finish)

    def _close(self, exit: str, note: str, now: datetime) -> None:
        """Drop everything the present node waits for, and say that it was left."""
        frame = self.frames[-1]
        while self.pending:
            ref = next(iter(self.pending))
            self.stop_pending(self.pending.pop(ref)[0], ref)
        if self.masks:
            recorded.node_left(self)
        if frame.kind.human:
            self._start_limit(now)
        self.sprint.append(c.NodeLeft(frame.flow, frame.node, frame.visit, exit, note))

    # ---- what interrupts -------------------------------------------------------------------------------------

    def _on_hangup(self, now: datetime) -> None:
        self.hung_up = True
        self.keys = self.end_due = self.end_typed = ""
        self.texts = []
        self._type().hung_up(Step(self, now))
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

    def _on_failure(self, failure: FlowFailure, now: datetime) -> str | None:
        frame = self.frames[-1]
        self._close("error", failure.code, now)
        self.sprint.append(c.FlowError(frame.flow, frame.node, failure.code, str(failure)))
        self.errors += 1
        handler = None if self.hung_up or self.errors > 1 else self._handler("error")
        if handler is None:
            self._finish("", now, reason="hangup" if self.hung_up else "system_error")
            return None
        return handler

    def _jump(self, handler: str, now: datetime) -> None:
        node = self._handler(handler)
        if node is None:
            self._finish("", now)
        else:
            self._behave(now, node)

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

    # ---- the end ----------------------------------------------------------------------------------------------

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
