"""The engine: meets each call with its flow and posts what happens to the call's mailbox.

Implements `cti.ports.CallSink`. All methods run on the adapters' greenlets and return at once.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event as Flag

from cti.core.calls import Medium, TerminalCause
from cti.core.events import HungUp
from cti.core.histogram import Histogram
from cti.flow import Run
from cti.runtime import messages as msg
from cti.runtime.actor import CallActor
from cti.runtime.lost import TAKEN, LostRecords
from cti.runtime.waiting import sleep_running

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from cti.core.calls import NewCall
    from cti.core.events import Event
    from cti.ports import Switch
    from cti.runtime.admission import Admission
    from cti.runtime.library import FlowLibrary, Meeting
    from cti.runtime.services import Services

log = logging.getLogger("cti.engine")

#: What a call is hung up with when not even the busy flow can be played.
OVER_CAPACITY = "SWITCH_CONGESTION"
TALKED_ON = "engine-restarted: the caller talked on, and hung up"


@dataclass(frozen=True, slots=True)
class Figures:
    """What /metrics and the heartbeat of the log show. ``setup_s``: from arrival to answer."""

    active: int
    started: int
    ended: Mapping[str, int]
    rejected: int
    unknown_events: int
    unanswered: int = 0
    setup_s: Histogram = field(default_factory=Histogram)


class Engine:
    """``lost_after_s``: a switch that stays away this long is given up, and its calls are closed."""

    def __init__(
        self, library: FlowLibrary, services: Services, admission: Admission, *, lost_after_s: float = 30.0
    ) -> None:
        self._library = library
        self._services = services
        self._admission = admission
        self._lost_after_s = lost_after_s
        self._durable = services.durable
        self._switches: dict[str, Switch] = {}
        self._actors: dict[str, CallActor] = {}
        self._greenlets: dict[str, gevent.Greenlet[[], None]] = {}
        self._talking: dict[str, NewCall] = {}  # in bridges that an earlier engine made
        self._losing: dict[str, gevent.Greenlet[..., None]] = {}  # by switch: gives its calls up when it fires
        self._records = LostRecords(services.journal)
        self._idle = Flag()
        self._idle.set()
        self._abandoned = False
        self._started = 0
        self._rejected = 0
        self._unknown = 0
        self._ended: Counter[str] = Counter()
        self._unanswered: dict[str, float] = {}  # since when
        self._setup_s = Histogram()

    def add_switch(self, switch: Switch) -> None:
        self._switches[switch.name] = switch

    def figures(self) -> Figures:
        started, unanswered = self._started, len(self._unanswered)
        return Figures(
            len(self._actors), started, dict(self._ended), self._rejected, self._unknown, unanswered, self._setup_s
        )

    def find(self, uuid: str) -> CallActor | None:
        """Of a call that is up and ours."""
        return self._actors.get(uuid)

    # ---- CallSink: calls -----------------------------------------------------------------------------------------

    def call_arrived(self, call: NewCall) -> None:
        if call.uuid in self._actors or self._abandoned:
            if call.adopted:
                self._post(call.uuid, msg.CameBack())
            return
        self._talking.pop(call.uuid, None)
        try:
            self._meet(call)
        except Exception as bug:
            # A bug on the way to the flow must leave neither a caller in silence nor a call without a record.
            log.exception("call %s cannot be met", call.uuid)
            self._close_unmet(call, TerminalCause.SYSTEM_ERROR, f"{type(bug).__name__} before the flow")
            self._switches[call.switch].hangup(call.uuid, "NORMAL_TEMPORARY_FAILURE")

    def _meet(self, arrived: NewCall) -> None:
        call = self._library.told_apart(arrived)
        ours = call.adopted or call.medium is Medium.TIMER or bool(call.flow)  # nobody waits outside
        refusal = None if ours else self._admission.refusal(call)
        if refusal is None:
            self._start(call, self._library.meet(call, self._services.now()))
            return
        log.warning("call %s refused: %s", call.uuid, refusal)
        if self._admission.may_announce():
            self._start(call, self._library.reject(refusal))
            return
        self._rejected += 1
        self._close_unmet(call, TerminalCause.REJECTED, f"over-capacity: {refusal}")
        self._switches[call.switch].hangup(call.uuid, OVER_CAPACITY)

    def call_event(self, uuid: str, event: Event) -> None:
        actor = self._actors.get(uuid)
        if actor is not None:
            actor.post(event)
        elif isinstance(event, HungUp) and uuid in self._talking:
            self._close_talking(uuid, TerminalCause.CALLER_HANGUP, event.cause)
        else:
            self._unknown += 1

    def answered(self, uuid: str) -> None:
        if (since := self._unanswered.pop(uuid, None)) is not None:
            self._setup_s.observe(self._services.clock.monotonic() - since)
        self._post(uuid, msg.Answered())

    def recording_failed(self, uuid: str, action: str) -> None:
        self._post(uuid, msg.RecordingFailed(action))

    def recording_over(self, path: str) -> None:
        self._services.recorded(path)

    def leg_joined(self, uuid: str, other_uuid: str, role: str, number: str) -> None:
        self._post(uuid, msg.LegJoined(other_uuid, role, number))

    def leg_left(self, uuid: str, other_uuid: str, cause: str) -> None:
        self._post(uuid, msg.LegLeft(other_uuid, cause))

    def call_taken(self, uuid: str) -> None:
        self._post(uuid, msg.Stop(TerminalCause.ENGINE_LOST, TAKEN))

    def _post(self, uuid: str, message: object) -> None:
        if (actor := self._actors.get(uuid)) is not None:
            actor.post(message)

    # ---- CallSink: switches ------------------------------------------------------------------------------------

    def switch_up(
        self,
        switch: str,
        restarted: bool,
        live: Mapping[str, NewCall],
        elsewhere: Collection[str] = (),
        taken: Collection[NewCall] = (),
    ) -> None:
        """Reconcile: calls that the switch no longer has are closed, parked ones without an owner are met again."""
        if (losing := self._losing.pop(switch, None)) is not None:
            losing.kill(block=False)
        for actor in self._actors_of(switch):
            if restarted:
                actor.post(msg.Stop(TerminalCause.SWITCH_LOST, "the switch restarted"))
            elif actor.uuid not in live:
                log.warning("call %s ended while the link was down", actor.uuid)
                actor.post(msg.Vanished())
        for uuid in [u for u, call in self._talking.items() if call.switch == switch and u not in live]:
            self._close_talking(uuid, TerminalCause.CALLER_HANGUP, "")
        spared = {*live, *elsewhere, *self._actors}
        self._adopt(live)
        self._services.queues.there(switch, spared | set(live))
        if self._durable is not None:
            over = self._end_over(switch, spared.union(call.uuid for call in taken))
            gone = self._durable.gone(switch, spared | over)
            self._services.queues.lost([*over, *(one.call_id for one in gone)])
            spared |= over
        self._records.switch_up(switch, spared, taken)
        log.info("switch %s is up%s, %d calls live", switch, " (restarted)" if restarted else "", len(live))

    def calls_left(
        self, switch: str, live: Mapping[str, NewCall], there: Collection[str], taken: Collection[NewCall] = ()
    ) -> None:
        """Another worker's, which is dead. Its calls that ended meanwhile are closed."""
        self._adopt(live)
        if self._durable is None:
            return
        over = self._end_over(switch, {*there, *self._actors, *(call.uuid for call in taken)})
        gone = [one.call_id for one in self._durable.gone(switch, {*there, *self._actors})]
        self._services.queues.lost([*over, *gone])
        self._services.journal.lose(gone)
        self._records.taken(switch, taken)
        self._ended[TerminalCause.ENGINE_LOST.value] += len(gone)
        log.warning("switch %s: %d calls of another worker go on here, %d had ended", switch, len(live), len(gone))

    def _adopt(self, live: Mapping[str, NewCall]) -> None:
        for uuid, call in live.items():
            if (actor := self._actors.get(uuid)) is not None:
                if actor.ending.gone and not call.talking:  # it was given up, and its flow is not done yet
                    self._switches[call.switch].hangup(uuid, "NORMAL_TEMPORARY_FAILURE")
                continue
            log.warning("call %s adopted: it was %s without an owner", uuid, "talking" if call.talking else "parked")
            if call.talking and (self._durable is None or not self._durable.has(uuid)):
                self._talking[uuid] = call
            else:
                self.call_arrived(call)

    def _end_over(self, switch: str, live: Collection[str]) -> set[str]:
        """What flows do after the hang-up is done to its end. Which calls these are."""
        over = [] if self._durable is None else self._durable.over(switch, live)
        for call in over:
            log.warning("call %s has hung up: its flow goes on", call.uuid)
            self.call_arrived(call)
        return {call.uuid for call in over}

    def switch_down(self, switch: str, reason: str) -> None:
        log.warning("switch %s is down: %s", switch, reason)
        if not self._abandoned and switch not in self._losing:
            self._losing[switch] = gevent.spawn(self._wait_for, switch)

    def _wait_for(self, switch: str) -> None:
        """While it was stopped itself it has not looked for the switch."""
        sleep_running(self._lost_after_s)
        self._give_up(switch)

    def _give_up(self, switch: str) -> None:
        self._losing.pop(switch, None)
        actors = self._actors_of(switch)
        talking = [uuid for uuid, call in self._talking.items() if call.switch == switch]
        if actors or talking:
            log.error("switch %s stayed away: %d calls are lost", switch, len(actors) + len(talking))
        reason = f"the switch was away for {self._lost_after_s:g} s"
        for actor in actors:
            actor.post(msg.Stop(TerminalCause.SWITCH_LOST, reason))
        for uuid in talking:
            self._close_talking(uuid, TerminalCause.SWITCH_LOST, "")
        self._switches[switch].give_up()

    def _actors_of(self, switch: str) -> list[CallActor]:
        return [actor for actor in self._actors.values() if actor.call.switch == switch]

    # ---- life of a call ----------------------------------------------------------------------------------------------

    def is_up(self, uuid: str) -> bool:
        return uuid in self._actors

    def number_of(self, uuid: str) -> str | None:
        """The caller's; None: withheld, or there is no such call."""
        actor = self._actors.get(uuid)
        return None if actor is None else actor.call.caller.number

    def kill(self, uuid: str) -> bool:
        """End a call from outside; False when there is none."""
        actor = self._actors.get(uuid)
        if actor is None:
            return False
        actor.post(msg.Kill())
        return True

    def wait_closed(self, uuid: str, timeout_s: float) -> bool:
        """Until the engine has done with the call; False at the deadline."""
        actor = self._actors.get(uuid)
        return actor is None or bool(actor.done.wait(timeout_s))

    def drain(self, deadline_s: float) -> int:
        """Wait for the calls to end; the number left at the deadline."""
        self._idle.wait(deadline_s)
        return len(self._actors)

    def abandon(self) -> int:
        """Let go of every call as it is, without a last record: the next engine adopts it, or the guard takes it."""
        self._abandoned = True
        left = len(self._actors)
        self._records.stop()
        for actor in self._actors.values():
            actor.leave()
        for greenlet in (*self._losing.values(), *self._greenlets.values()):
            greenlet.kill(block=False)
        self._losing.clear()
        self._idle.wait(1.0)
        return left

    def _start(self, call: NewCall, meeting: Meeting) -> None:
        run = Run(meeting.plan, meeting.inputs, now=self._services.now())
        call_log = self._services.journal.started(call, meeting, run.language)
        switch = self._switches[call.switch]
        kept = self._durable.take(call.uuid) if self._durable is not None and call.adopted else None
        rejected = meeting.rejected and kept is None  # a call that goes on was met long ago
        actor = CallActor(call, run, switch, self._services, call_log, self._closed, rejected=rejected, kept=kept)
        self._actors[call.uuid] = actor
        self._idle.clear()
        self._started += 1
        if not call.answered:
            self._unanswered[call.uuid] = self._services.clock.monotonic()
        if rejected:
            self._rejected += 1
            self._admission.refused()
        else:
            self._admission.entered(call)
        self._greenlets[call.uuid] = gevent.spawn(actor.main)

    def _closed(self, actor: CallActor) -> None:
        self._actors.pop(actor.uuid, None)
        self._greenlets.pop(actor.uuid, None)
        self._unanswered.pop(actor.uuid, None)
        self._admission.left(actor.call, rejected=actor.ending.rejected)
        if self._durable is not None and not self._abandoned and not actor.released:
            self._durable.no_talk(actor.uuid)
        if not self._actors:
            self._idle.set()
        if self._abandoned or actor.recorded_before:
            return
        if actor.released:
            self._release(actor)
            return
        self._ended[actor.ending.cause.value] += 1
        actor.log.ended(actor.ending, actor.language)

    def _release(self, actor: CallActor) -> None:
        """It talks, and its flow cannot go on: when it parks again, or hangs up, it is seen to."""
        self._talking[actor.uuid] = actor.call
        for message in actor.unread():
            if isinstance(message, HungUp):
                self.call_event(actor.uuid, message)
            elif isinstance(message, msg.CameBack):
                self.call_arrived(replace(actor.call, talking=False))

    def _close_unmet(self, call: NewCall, cause: TerminalCause, note: str) -> None:
        self._started += 1
        self._ended[cause.value] += 1
        self._services.journal.started(call, None).closed(cause, "", note)

    def _close_talking(self, uuid: str, cause: TerminalCause, hangup_cause: str) -> None:
        call = self._talking.pop(uuid)
        self._ended[cause.value] += 1
        call_log = self._services.journal.started(call, None)
        if self._durable is not None:
            call_log.gap(self._durable.last_seen(0.0), "talked_on")
        call_log.closed(cause, hangup_cause, TALKED_ON)
