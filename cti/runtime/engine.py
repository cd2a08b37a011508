"""The engine: meets each call with its flow and posts what happens to the call's mailbox.

Implements `cti.ports.CallSink`. All methods run on the adapters' greenlets and return at once.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import gevent

from cti.core.calls import TerminalCause
from cti.core.errors import CtiError
from cti.core.events import HungUp
from cti.flow import Run
from cti.runtime.actor import CallActor
from cti.runtime.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cti.core.calls import NewCall
    from cti.core.events import Event
    from cti.ports import Switch
    from cti.runtime.admission import Admission
    from cti.runtime.library import FlowLibrary, Meeting
    from cti.runtime.services import Services

log = logging.getLogger("cti.engine")


@dataclass(frozen=True, slots=True)
class Figures:
    """What /metrics and the heartbeat of the log show."""

    active: int
    started: int
    ended: Mapping[str, int]
    rejected: int
    unknown_events: int


class Engine:
    def __init__(self, library: FlowLibrary, services: Services, admission: Admission) -> None:
        self._library = library
        self._services = services
        self._admission = admission
        self._switches: dict[str, Switch] = {}
        self._actors: dict[str, CallActor] = {}
        self._started = 0
        self._rejected = 0
        self._unknown = 0
        self._ended: Counter[str] = Counter()

    def add_switch(self, switch: Switch) -> None:
        self._switches[switch.name] = switch

    def figures(self) -> Figures:
        return Figures(len(self._actors), self._started, dict(self._ended), self._rejected, self._unknown)

    # ---- CallSink ------------------------------------------------------------------------------------------------

    def call_arrived(self, call: NewCall) -> None:
        if call.uuid in self._actors:
            return
        try:
            self._meet(call)
        except Exception:
            # A bug on the way to the flow must not leave a caller in silence.
            log.exception("call %s cannot be met", call.uuid)
            self._switches[call.switch].hangup(call.uuid, "NORMAL_TEMPORARY_FAILURE")

    def _meet(self, call: NewCall) -> None:
        now = self._services.now()
        refusal = None if call.adopted else self._admission.refuse(call, len(self._actors))
        meeting = self._library.reject(refusal) if refusal else self._library.meet(call, now)
        if refusal:
            self._rejected += 1
            log.warning("call %s refused: %s", call.uuid, refusal)
        self._start(call, meeting)

    def call_event(self, uuid: str, event: Event) -> None:
        actor = self._actors.get(uuid)
        if actor is None:
            self._unknown += 1
        else:
            actor.post(event)

    def answered(self, uuid: str) -> None:
        if (actor := self._actors.get(uuid)) is not None:
            actor.answered()

    def leg_joined(self, uuid: str, other_uuid: str, other_number: str) -> None:
        if (actor := self._actors.get(uuid)) is not None:
            actor.joined(other_uuid, other_number)

    def switch_up(self, switch: str, restarted: bool, live: Mapping[str, NewCall]) -> None:
        """Reconcile: calls that the switch no longer has are closed, parked ones without an owner are met again."""
        for actor in [a for a in self._actors.values() if a.call.switch == switch]:
            if restarted:
                actor.stop(TerminalCause.SWITCH_LOST, "the switch restarted")
            elif actor.uuid not in live:
                log.warning("call %s ended while the link was down", actor.uuid)
                actor.post(HungUp("UNKNOWN"))
        gevent.spawn(self._close_lost, switch, set(live) | set(self._actors))
        for uuid, call in live.items():
            if uuid not in self._actors and call.adopted:
                log.warning("call %s adopted: it was parked without an owner", uuid)
                self.call_arrived(call)
        log.info("switch %s is up%s, %d calls live", switch, " (restarted)" if restarted else "", len(live))

    def _close_lost(self, switch: str, live: set[str]) -> None:
        """Beside the links' greenlet: the database may take its time."""
        try:
            closed = self._services.journal.reconcile(switch, live)
        except CtiError as error:
            log.error("calls that an earlier engine left open are not closed yet: %s", error)
        else:
            if closed:
                log.warning("%d calls that an earlier engine left open are closed as engine_lost", closed)

    def switch_down(self, switch: str, reason: str) -> None:
        log.warning("switch %s is down: %s", switch, reason)

    # ---- life of a call ----------------------------------------------------------------------------------------------

    def kill(self, uuid: str) -> bool:
        """End a call from outside; False when there is none."""
        actor = self._actors.get(uuid)
        if actor is None:
            return False
        actor.kill()
        return True

    def wait_closed(self, uuid: str, timeout_s: float) -> bool:
        """Until the engine has done with the call; False at the deadline."""
        return wait_until(lambda: uuid not in self._actors, timeout_s)

    def drain(self, deadline_s: float) -> int:
        """Wait for the calls to end; the number left at the deadline."""
        wait_until(lambda: not self._actors, deadline_s)
        return len(self._actors)

    def _start(self, call: NewCall, meeting: Meeting) -> None:
        run = Run(meeting.plan, meeting.inputs, now=self._services.now())
        switch = self._switches[call.switch]
        actor = CallActor(call, run, switch, self._services, self._closed, rejected=meeting.rejected)
        self._actors[call.uuid] = actor
        self._started += 1
        self._admission.entered(call)
        self._services.journal.started(call, meeting, run.language)
        gevent.spawn(actor.main)

    def _closed(self, actor: CallActor) -> None:
        self._actors.pop(actor.uuid, None)
        self._admission.left(actor.call)
        self._ended[actor.ending.cause.value] += 1
        self._services.journal.ended(actor.uuid, actor.ending, actor.language)
