"""Writes of the back office, each once for its key: noted before it is sent, never repeated blindly.

A write that was sent and not answered is *unknown*. Then, in this order: a target that takes a key once is asked again;
a status look-up tells how it went; else it is a dead letter, for a person to replay or drop.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from cti.boss.asking import Asking, interpret
from cti.boss.backend import Backend
from cti.boss.flights import Flights
from cti.boss.guard.bulkhead import Priority
from cti.boss.mapping import KEY, bind, outgoing
from cti.boss.plans import OfficePlan, QuestionPlan, TargetPlan
from cti.boss.way import Question, WayError
from cti.core.errors import CtiError
from cti.core.events import RequestEnded
from cti.core.noted_writes import Noted, State
from cti.flow.types import BadValue
from cti.ports import Clock

log = logging.getLogger("cti.boss")


#: What may have been written is remembered for so long at least: to forget it is to write it twice.
_UNSETTLED, _UNSETTLED_S = ("sent", "unknown"), 86_400.0


#: Writes of which this process remembers when it sent them; one that is forgotten is looked after a little later.
_SENT_MAX = 10_000


#: Codes of a note that cannot be read: its key is missing, or it was changed.
UNREADABLE = ("unknown-key", "seal-broken")


class WriteLog(Protocol):
    """Writes by key, on disk when a call returns. Raises OSError or CtiError where they cannot be kept: then nothing is
    sent."""

    def find(self, key: str) -> Noted | None: ...

    def note(self, noted: Noted, now: float, keep_s: float) -> None:
        """Keep it, instead of what was noted of the key before; what is not dead for ``keep_s`` (a dead one until a
        person decides)."""

    def forget(self, key: str) -> None: ...

    def dead(self, *, limit: int | None = None, after: tuple[float, str] | None = None) -> list[Noted]:
        """The oldest first. ``after``: `Noted.since` and key of the last one seen."""


class MemoryWriteLog:
    """For tests, and for tools that write nothing: nothing is ever forgotten by itself."""

    def __init__(self) -> None:
        self.noted: dict[str, Noted] = {}

    def find(self, key: str) -> Noted | None:
        return self.noted.get(key)

    def note(self, noted: Noted, now: float, keep_s: float) -> None:
        self.noted[noted.key] = noted

    def forget(self, key: str) -> None:
        self.noted.pop(key, None)

    def dead(self, *, limit: int | None = None, after: tuple[float, str] | None = None) -> list[Noted]:
        found = sorted((one.since, one.key) for one in self.noted.values() if one.state == "dead")
        return [self.noted[key] for since, key in found if after is None or (since, key) > after][:limit]


class Writes:
    """Implements `cti.ports.RequestSink`."""

    def __init__(
        self, plan: OfficePlan, backends: Mapping[str, Backend], asking: Asking, writes: WriteLog, clock: Clock
    ) -> None:
        self._plan, self._backends, self._asking = plan, backends, asking
        self._log, self._clock = writes, clock
        self._flights: Flights[RequestEnded] = Flights()
        self._sent_at: OrderedDict[str, float] = OrderedDict()  # key -> monotonic

    def request(
        self, source: str, arguments: Mapping[str, Any], key: str, priority: Priority = Priority.IVR
    ) -> RequestEnded:
        """Blocks this greenlet up to the request's own deadline. Never raises."""
        plan = self._plan.requests.get(source)
        if plan is None:
            log.error("the request '%s' is asked for, which is not configured", source)
            return RequestEnded(0, "error")
        try:
            inputs = bind(plan.signature, arguments)
        except BadValue as error:
            log.warning("%s: an argument is unusable: %s", source, error)
            return RequestEnded(0, "rejected")
        ended, _ = self._flights.join(key, lambda: self._write(plan, inputs, key, priority), plan.deadline_s)
        return ended or RequestEnded(0, "unknown")

    def is_noted(self, key: str) -> bool:
        """False: it was never sent, or ended with nothing written."""
        return self._log.find(key) is not None

    def is_dead(self, key: str, *, give_up: bool = False) -> bool:
        """``give_up``: nobody asks again; what is unknown now is for a person to decide."""
        noted = self._log.find(key)
        plan = self._plan.requests.get(noted.name) if noted is not None else None
        if noted is not None and plan is not None and give_up and noted.state in ("sent", "unknown"):
            self._note(plan, replace(noted, state="dead"))
            return True
        return noted is not None and noted.state == "dead"

    def dead(self, *, limit: int | None = None, after: tuple[float, str] | None = None) -> list[Noted]:
        """Writes of which nobody knows whether they were done, oldest first."""
        return self._log.dead(limit=limit, after=after)

    def letter(self, key: str) -> Noted:
        """A dead letter. Raises KeyError for what is none."""
        noted = self._log.find(key)
        if noted is None or noted.state != "dead":
            raise KeyError(key)
        return noted

    def replay(self, key: str) -> RequestEnded:
        """Send a dead letter again, by a person's decision: it may be done twice. Where it is not done this time
        either, it stays one. Two at the same time are one. Raises KeyError for what is none."""
        plan = self._plan.requests[self.letter(key).name]
        ended, _ = self._flights.join(key, lambda: self._replay(plan, key), plan.deadline_s)
        return ended or RequestEnded(0, "unknown")

    def drop(self, key: str) -> None:
        """A person decided that a dead letter is settled. Raises KeyError for what is none."""
        self.letter(key)
        self._log.forget(key)

    def use(self, plan: OfficePlan) -> None:
        """For writes from now on."""
        self._plan = plan

    def close(self) -> None:
        self._flights.close()

    # ---- in the flight ---------------------------------------------------------------------------------------------

    def _replay(self, plan: QuestionPlan, key: str) -> RequestEnded:
        noted = self.letter(key)
        deadline = self._clock.monotonic() + plan.deadline_s
        ended = self._send(plan, replace(noted, state="sent"), Priority.AGENT, deadline)
        if ended.outcome not in ("done", "rejected"):
            self._note(plan, replace(self._log.find(key) or noted, state="dead"))
        return ended

    def _write(self, plan: QuestionPlan, inputs: Mapping[str, Any], key: str, priority: Priority) -> RequestEnded:
        deadline = self._clock.monotonic() + plan.deadline_s
        try:
            noted = self._log.find(key)
            if noted is None:
                return self._send(plan, Noted(key, plan.name, inputs, self._clock.now()), priority, deadline)
            if noted.state in ("done", "rejected"):
                return RequestEnded(0, noted.state, noted.values)
            if noted.state == "dead":
                return RequestEnded(0, "unknown")
            return self._resolve(plan, noted, priority, deadline)
        except CtiError as error:
            told = f"{error.code} {getattr(error, 'key_id', '')}".strip()
            log.error("%s: the log of writes failed: %s", plan.name, told)
            # A note that is there and does not open: it may have been sent.
            return RequestEnded(0, "unknown" if error.code in UNREADABLE else "error")
        except Exception as error:  # noqa: BLE001 - the log is away; the type is told, no data
            log.error("%s: the log of writes failed: %s", plan.name, type(error).__name__)
            return RequestEnded(0, "error")

    def _send(self, plan: QuestionPlan, noted: Noted, priority: Priority, deadline: float) -> RequestEnded:
        route, _ = self._asking.route(plan, noted.inputs, deadline)
        self._old_enough(noted.key, 0.0)
        last = WayError("error", "no-route", sent=False)
        for target in route.to if route is not None else ():
            self._note(plan, replace(noted, backend=target.backend))
            try:
                return self._settle(plan, noted, *self._ask(plan, target, noted, priority, deadline))
            except WayError as error:
                last = error
                if error.sent:
                    return self._unknown(plan, replace(noted, backend=target.backend))
        self._log.forget(noted.key)
        return RequestEnded(0, "throttled" if last.outcome == "throttled" else "error")

    def _ask(
        self, plan: QuestionPlan, target: TargetPlan, noted: Noted, priority: Priority, deadline: float
    ) -> tuple[str, Mapping[str, Any]]:
        """Raises WayError."""
        fields = outgoing(target.mapped, noted.inputs, noted.key)
        question = Question(
            target.options,
            fields,
            noted.key,
            deadline,
            lambda answer: interpret(plan, target, answer)[0],
            waits=priority is not Priority.BATCH,
        )
        retry = plan.policy.retry
        answer = self._backends[target.backend].ask(
            target.service, question, priority, attempts=retry.attempts, budget_pct=retry.budget_pct
        )
        return interpret(plan, target, answer)

    def _settle(self, plan: QuestionPlan, noted: Noted, outcome: str, values: Mapping[str, Any]) -> RequestEnded:
        state: State = "done" if outcome == "ok" else "rejected"
        self._note_ended(plan, replace(noted, state=state, values=values))
        return RequestEnded(0, state, values)

    def _note(self, plan: QuestionPlan, noted: Noted) -> None:
        keep_s = plan.policy.idempotency.keep_s
        self._log.note(noted, self._clock.now(), max(keep_s, _UNSETTLED_S) if noted.state in _UNSETTLED else keep_s)

    def _note_ended(self, plan: QuestionPlan, noted: Noted) -> None:
        """What is known is told even where it cannot be noted: the line says `sent`, so that it is asked for again."""
        try:
            self._note(plan, noted)
        except (OSError, CtiError) as error:
            log.error("%s: how a write went could not be noted: %s", plan.name, type(error).__name__)

    def _unknown(self, plan: QuestionPlan, noted: Noted) -> RequestEnded:
        self._note_ended(plan, replace(noted, state="unknown"))
        return RequestEnded(0, "unknown")

    def _resolve(self, plan: QuestionPlan, noted: Noted, priority: Priority, deadline: float) -> RequestEnded:
        """It was sent once, and nobody knows. ``sent``: the engine died before it heard."""
        target = self._target(plan, noted, deadline)
        if target is not None and target.options.idempotent:
            try:
                return self._settle(plan, noted, *self._ask(plan, target, noted, priority, deadline))
            except WayError:
                return self._unknown(plan, noted)
        unknown = plan.policy.unknown
        if unknown.status_lookup is None:
            return self._bury(plan, noted)
        if not self._old_enough(noted.key, unknown.after_s):
            return self._unknown(plan, noted)
        found = self._asking.ask(unknown.status_lookup, {KEY: noted.key}, deadline - self._clock.monotonic(), priority)
        if found.outcome == "ok":
            values = {name: found.values.get(name) for name in plan.signature.outputs}
            return self._settle(plan, noted, "ok", values)
        if found.outcome == "not_found":
            return self._send(plan, noted, priority, deadline)
        if found.outcome == "rejected":
            return self._settle(plan, noted, "rejected", {})
        return self._unknown(plan, noted)

    def _old_enough(self, key: str, after_s: float) -> bool:
        """Whether this process has known for so long that it was sent: a wall clock that was set would have the back
        office asked for what is still under way, and it would be sent once more. After a restart it counts anew."""
        now = self._clock.monotonic()
        since = self._sent_at.setdefault(key, now)
        if len(self._sent_at) > _SENT_MAX:
            self._sent_at.popitem(last=False)
        return now - since >= after_s

    def _target(self, plan: QuestionPlan, noted: Noted, deadline: float) -> TargetPlan | None:
        route, _ = self._asking.route(plan, noted.inputs, deadline)
        return next((target for target in (route.to if route else ()) if target.backend == noted.backend), None)

    def _bury(self, plan: QuestionPlan, noted: Noted) -> RequestEnded:
        if plan.policy.dead_letter:
            log.error("%s: nobody knows whether a write was done; it is kept for a person to decide", plan.name)
            self._note(plan, replace(noted, state="dead"))
        return RequestEnded(0, "unknown")
