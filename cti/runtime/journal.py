"""Turns what happens to a call into records for the store, in order, with times."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Any

import gevent

from cti.core.calls import TerminalCause
from cti.core.errors import CtiError
from cti.core.records import (
    CallEnded,
    CallGap,
    CallStarted,
    JournalPart,
    LegAdded,
    LegEnded,
    NodeVisit,
    RecordingKept,
)
from cti.flow.replay_recorder import Recorder, is_late, look
from cti.runtime.ending import Ending
from cti.runtime.runclock import RunClock

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import datetime

    from cti.core.calls import NewCall
    from cti.core.commands import NodeEntered, NodeLeft, Sprint
    from cti.core.events import Event
    from cti.flow import Run
    from cti.ports import Clock, Store
    from cti.runtime.library import Meeting

log = logging.getLogger("cti.call")

#: How long an adopted caller may wait for the database to tell what was before.
HISTORY_S = 1.0
#: What the run was fed is written when this much has gathered, or this long after the last time, and at the end.
PART_ENTRIES, PART_S = 64, 5.0
#: Of the path, so many nodes are kept for a later engine.
PATH_KEPT = 30


@dataclass(frozen=True, slots=True)
class History:
    """What an earlier engine left on record of a call. ``visits``: ``flow/node`` -> the highest number."""

    ended: bool
    visits: dict[str, int] = field(default_factory=dict)


class Journal:
    """``store`` never blocks and never raises in `record`; what it cannot write it keeps (see `cti.store`)."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock

    def started(self, call: NewCall, meeting: Meeting | None, language: str = "") -> CallLog:
        """``meeting`` None: the call never met a flow of ours."""
        now = self.clock.now()
        self.store.record(
            CallStarted(
                call_id=call.uuid,
                switch=call.switch,
                called=call.caller.called,
                started_at=now,
                medium=call.medium,
                caller=call.caller.number,
                caller_name=call.caller.name,
                entry=meeting.entry if meeting else "",
                flow=meeting.plan.root if meeting else "",
                flow_version=meeting.plan.version if meeting else "",
                language=language,
            )
        )
        self.store.record(LegAdded(call.uuid, call.uuid, "caller", now, call.caller.number, call.switch))
        return CallLog(self, call, now, Recorder(meeting.inputs) if meeting else None)

    def reconcile(self, switch: str, live: Collection[str]) -> int:
        """Close what an earlier engine left open on this switch and that no longer lives; how many."""
        return self.store.close_lost(live, self.clock.now(), switch=switch)

    def lose(self, call_ids: Iterable[str]) -> None:
        """They ended while they had no engine."""
        for call_id in call_ids:
            self.store.record(CallEnded(call_id, self.clock.now(), TerminalCause.ENGINE_LOST))

    def knows(self, call_id: str) -> bool:
        """Raises StoreUnavailable."""
        return self.store.find_call(call_id) is not None


class CallLog:
    """The records of one call."""

    def __init__(self, journal: Journal, call: NewCall, now: float, recorder: Recorder | None) -> None:
        self._journal = journal
        self._call = call
        self._recorder = recorder
        self._clock = RunClock(journal.clock, UTC)
        self._begun = self._written = now
        self._part = 0
        self._answered = (call.answered_at or now) if call.answered else None
        self._open: dict[tuple[str, str, int], NodeVisit] = {}
        #: The nodes that were entered, in order: (flow, node, visit). The flow's limits bound it.
        self.path: list[tuple[str, str, int]] = []

    def answered(self) -> None:
        self._answered = self._answered or self._now()

    def leg_joined(self, leg_id: str, role: str, number: str) -> None:
        self._record(LegAdded(self._call.uuid, leg_id, role, self._now(), number or None, self._call.switch))

    def leg_left(self, leg_id: str, cause: str) -> None:
        self._record(LegEnded(self._call.uuid, leg_id, self._now(), cause))

    def recording_kept(self, kept: RecordingKept) -> None:
        self._record(kept)

    def gap(self, began_at: float, how: str) -> None:
        """The call had no engine since then."""
        self._record(CallGap(self._call.uuid, began_at, self._now(), how))

    def node_entered(self, fact: NodeEntered) -> None:
        self.path.append((fact.flow, fact.node, fact.visit))
        visit = NodeVisit(self._call.uuid, fact.flow, fact.node, fact.type, fact.visit, self._now())
        self._open[fact.flow, fact.node, fact.visit] = visit
        self._record(visit)

    def node_left(self, fact: NodeLeft) -> None:
        entered = self._open.pop((fact.flow, fact.node, fact.visit), None)
        now = self._now()
        self._record(
            NodeVisit(
                self._call.uuid,
                fact.flow,
                fact.node,
                entered.type if entered else "",
                fact.visit,
                entered.entered_at if entered else now,
                left_at=now,
                exit=fact.exit,
                note=fact.note,
            )
        )

    # ---- another engine ------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What `go_on` needs; JSON can hold it. Has the caller's secrets."""
        return {
            "begun": self._begun,
            "part": self._part,
            "answered": self._answered,
            "path": self.path[-PATH_KEPT:],
            "open": [[*key, visit.type, visit.entered_at] for key, visit in self._open.items()],
            "recorder": None if self._recorder is None else self._recorder.state(),
        }

    def go_on(self, state: Mapping[str, Any]) -> None:
        """Where an earlier engine was. Raises KeyError, TypeError, ValueError for what is no state."""
        recorder = None if state["recorder"] is None else Recorder.restore(state["recorder"])
        opened = {
            (flow, node, visit): NodeVisit(self._call.uuid, flow, node, kind, visit, entered_at)
            for flow, node, visit, kind, entered_at in state["open"]
        }
        self._begun, self._part = float(state["begun"]), int(state["part"])
        self._answered = self._answered or state["answered"]
        self.path = [(flow, node, visit) for flow, node, visit in state["path"]]
        self._open, self._recorder = opened, recorder

    # ---- what the run is fed -------------------------------------------------------------------------------------

    def start(self, run: Run, now: datetime) -> Sprint:
        """`Run.start`, written down."""
        visits = dict(run.visits)
        sprint = run.start(now)
        self._note(lambda recorder: recorder.started(run, now, visits, sprint))
        return sprint

    def feed(self, run: Run, event: Event, now: datetime) -> Sprint:
        """`Run.feed`, written down unless the run ignores it."""
        if not run.started:
            self._note(lambda recorder: recorder.early(event))
            return run.feed(event, now)
        if is_late(run, event):
            return run.feed(event, now)
        before = look(run, event)
        sprint = run.feed(event, now)
        self._note(lambda recorder: recorder.fed(run, event, now, sprint, before))
        return sprint

    def _note(self, write: Callable[[Recorder], None]) -> None:
        if self._recorder is None:
            return
        try:
            write(self._recorder)
        except Exception:
            # The caller comes first: a call that cannot be replayed later is a call nevertheless.
            log.exception("call %s: a bug in its journal, which ends here", self._call.uuid)
            self._recorder = None
            return
        if len(self._recorder) >= PART_ENTRIES or self._now() - self._written >= PART_S:
            self._write_part()

    def _write_part(self) -> None:
        if self._recorder is None or not len(self._recorder):
            return
        entries, secrets = self._recorder.take()
        self._part += 1
        self._written = self._now()
        self._record(JournalPart(self._call.uuid, self._begun, self._part, entries, secrets))

    def ended(self, ending: Ending, language: str = "") -> None:
        """The call detail record."""
        self._write_part()
        self._record(
            CallEnded(
                self._call.uuid,
                self._now(),
                ending.cause,
                hangup_cause=ending.hangup_cause,
                outcome=ending.outcome,
                goals=tuple(ending.goals),
                answered_at=self._answered,
                error=ending.error,
                language=language,
            )
        )

    def closed(self, cause: TerminalCause, hangup_cause: str, note: str) -> None:
        """The call detail record of a call that no flow of ours has seen to its end."""
        ending = Ending(hangup_cause=hangup_cause)
        ending.force(cause, note)
        self.ended(ending)

    def history(self) -> History | None:
        """What is on record of this call from before. None: nothing, or the database cannot tell in time: the caller
        does not wait for it."""
        found = None
        with gevent.Timeout(HISTORY_S) as overdue:
            try:
                found = self._journal.store.find_call(self._call.uuid)
            except CtiError as error:
                log.warning("call %s: what was before is not known: %s", self._call.uuid, error)
            except gevent.Timeout as timeout:
                if timeout is not overdue:
                    raise
                log.warning("call %s: what was before is not known: the database is slow", self._call.uuid)
        if found is None or not found.visits:
            return None
        visits: dict[str, int] = {}
        for visit in found.visits:
            key = f"{visit.flow}/{visit.node}"
            visits[key] = max(visits.get(key, 0), visit.visit)
        return History(found.call.ended_at is not None, visits)

    def _now(self) -> float:
        """By one clock from the call's beginning on: what lasts is not longer, nor less than nothing, where the wall
        clock was set meanwhile."""
        return self._clock.time()

    def _record(
        self, record: LegAdded | LegEnded | RecordingKept | NodeVisit | CallEnded | CallGap | JournalPart
    ) -> None:
        self._journal.store.record(record)
