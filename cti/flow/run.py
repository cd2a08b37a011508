"""The interpreter: events in, work out. One `Run` per call; pure, serialisable at every wait.

Every (state, event) pair has an answer: an event whose ref is not awaited is late and ignored; after the end
everything is; a second `HungUp` is; keys go to the node, or into the type-ahead buffer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cti.core import commands as c
from cti.core import events as e
from cti.core.masking import mask, mask_all
from cti.flow.plan import Plan
from cti.flow.runstate import RunMisuse, from_text, need_offset, restore_into, snapshot, to_text, view
from cti.flow.step import Step
from cti.flow.types import Type
from cti.flow.walker import Walker

__all__ = ["Run", "RunMisuse"]

_KEYS = frozenset("0123456789*#")
_KINDS: Mapping[type[Any], str] = {
    e.PlayEnded: "play",
    e.TimerFired: "timer",
    e.LookupEnded: "lookup",
    e.RequestEnded: "request",
    e.NoticesFound: "notice",
    e.TransferEnded: "transfer",
    e.QueueAnnounced: "queue",
    e.QueueConnected: "queue",
    e.QueueEnded: "queue",
    e.CallbackEnded: "callback",
    e.RecordEnded: "record",
    e.FaxEnded: "fax",
    e.VideoEnded: "video",
    e.Heard: "listen",
    e.MessageEnded: "message",
}


class Run(Walker):
    """One execution of ``plan`` on one call.

    ``inputs`` are the root flow's inputs by name; ``called``, ``medium`` and ``language`` may be among them. A value
    that does not fit an input that may be absent counts as absent (a number the network mangled); for one that must
    be there `RunMisuse` (code ``missing-input``) is raised. ``now`` must carry its offset.
    """

    # ---- the three calls -------------------------------------------------------------------------------------

    def start(self, now: datetime) -> c.Sprint:
        """The first sprint. To be called once."""
        need_offset(now)
        if self.started:
            raise RunMisuse("the run was started before")
        self.started = True
        self.sprint = []
        self.thrown = 0
        if self.hung_up:  # told before the start: there is nobody to talk to
            self._finish("", now)
            return self._take()
        flow = self.plan.flows[self.plan.root]
        if flow.answer:
            self._answer()
        self._start_limit(now)
        self._behave(now, flow.start)
        return self._take()

    def feed(self, event: e.Event, now: datetime) -> c.Sprint:
        """What is to be done because of ``event``; [] when it is late, repeated, or changes nothing."""
        need_offset(now)
        self.sprint = []
        self.thrown = 0
        if not self.started:
            self.hung_up = self.hung_up or isinstance(event, e.HungUp)
            if isinstance(event, e.TextReceived):  # what the conversation begins with
                self.texts.append(event.text)
        elif not self.ended:
            self._dispatch(event, now)
        return self._take()

    def _take(self) -> c.Sprint:
        self.send_unsaid()
        sprint, self.sprint = self.sprint, []
        return sprint

    def _dispatch(self, event: e.Event, now: datetime) -> None:
        if isinstance(event, e.HungUp):
            if not self.hung_up:
                self._on_hangup(now)
            return
        if isinstance(event, e.DigitPressed):
            if event.digit in _KEYS and not self.hung_up and not self._only_ends(event.digit, now):
                self._behave(now, lambda now: self._type().digit(Step(self, now), event.digit))
            return
        if isinstance(event, e.TextReceived):
            if not self.hung_up:
                self._behave(now, lambda now: self._type().text(Step(self, now), event.text))
            return
        if isinstance(event, e.Resumed):
            if not self.hung_up:
                self._behave(now, lambda now: self._type().resumed(Step(self, now)))
            return
        if isinstance(event, e.TimerFired) and event.ref == self.limit_ref:
            self._on_limit(now)
            return
        kind, role = self.pending.get(event.ref, ("", ""))
        if kind != _KINDS[type(event)]:
            return
        if not isinstance(event, e.QueueAnnounced | e.QueueConnected):
            del self.pending[event.ref]
        self._behave(now, lambda now: self._type().feed(Step(self, now), role, event))

    def _only_ends(self, key: str, now: datetime) -> bool:
        """Is it nothing but the end of an entry that has ended by itself? Then it interrupts nothing."""
        due, self.end_due = self.end_due, ""
        if key != due:
            return False
        means = self._type().means(Step(self, now), key)
        if means is None:
            self.end_typed = key
        return not means

    # ---- looking at it ---------------------------------------------------------------------------------------

    @property
    def waiting(self) -> dict[str, Any]:
        """``{flow, node, type, for: [role, …]}``; empty after the end."""
        if self.ended:
            return {}
        frame = self.frames[-1]
        roles = sorted(role for _, role in self.pending.values())
        return {"flow": frame.flow, "node": frame.node, "type": self.node.type, "for": roles}

    @property
    def heeds_hangup(self) -> bool:
        """Does the present flow, or one that called it, name a node for the caller's hang-up (`on.hangup`)?"""
        return any("hangup" in self.plan.flows[frame.flow].handlers for frame in self.frames)

    def public_variables(self) -> dict[str, Any]:
        """The present flow's variables for logs and records: sensitive ones masked, absent ones None."""
        frame = self.frames[-1]
        shown: dict[str, Any] = {}
        for name, value in frame.variables.items():
            if value is not None and name in frame.tainted:
                kind = self.plan.flows[frame.flow].variables[name].type
                value = mask(value) if kind.kind == "phone" else mask_all(str(value))
            shown[name] = value
        return shown

    def editable(self) -> dict[str, Type]:
        """The present flow's variables that a person may put right: no sensitive one, none made of such, one value."""
        frame = self.frames[-1]
        types = {name: self.plan.flows[frame.flow].variables[name].type for name in frame.variables}
        return {n: kind for n, kind in types.items() if n not in frame.tainted and kind.kind not in ("list", "record")}

    def state(self) -> dict[str, Any]:
        """What `restore` makes the same run of; JSON can hold it. Has sensitive values: encrypt before storing."""
        return snapshot(self)

    def dump(self) -> bytes:
        """`state` as JSON text, for `load`."""
        return to_text(view(self))

    @classmethod
    def restore(cls, plan: Plan, state: Mapping[str, Any]) -> Run:
        """Raises `RunMisuse` when ``state`` belongs to another plan version."""
        if state.get("version") != plan.version:
            raise RunMisuse("this state belongs to another version of the flow", code="version-mismatch")
        run = cls.__new__(cls)
        run.plan = plan
        run.sprint = []
        run.unsaid = []
        run.thrown = 0
        restore_into(run, state)
        return run

    @classmethod
    def load(cls, plan: Plan, text: bytes) -> Run:
        """Raises `RunMisuse` as `restore` does, ValueError when ``text`` is not what `dump` gave."""
        return cls.restore(plan, from_text(text))
