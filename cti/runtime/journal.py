"""Turns what happens to a call into records for the store, in order, with times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.core.records import CallEnded, CallStarted, LegAdded, LegEnded, NodeVisit

if TYPE_CHECKING:
    from collections.abc import Collection

    from cti.core.calls import NewCall
    from cti.core.commands import NodeEntered, NodeLeft
    from cti.ports import Clock, Store
    from cti.runtime.ending import Ending
    from cti.runtime.library import Meeting


class Journal:
    """``store`` never blocks and never raises here; what it cannot write it keeps (see `cti.store`)."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._answered: dict[str, float] = {}
        self._visits: dict[str, dict[tuple[str, str, int], NodeVisit]] = {}

    def started(self, call: NewCall, meeting: Meeting, language: str) -> None:
        now = self._clock.now()
        self._store.record(
            CallStarted(
                call_id=call.uuid,
                switch=call.switch,
                called=call.caller.called,
                started_at=now,
                medium=call.medium,
                caller=call.caller.number,
                caller_name=call.caller.name,
                entry=meeting.entry,
                flow=meeting.plan.root,
                flow_version=meeting.plan.version,
                language=language,
            )
        )
        self._store.record(LegAdded(call.uuid, call.uuid, "caller", now, call.caller.number, call.switch))
        if call.answered:
            self._answered[call.uuid] = now

    def answered(self, call_id: str) -> None:
        self._answered.setdefault(call_id, self._clock.now())

    def leg_joined(self, call_id: str, leg_id: str, number: str) -> None:
        role = "extension" if len(number) <= 8 else "number"
        self._store.record(LegAdded(call_id, leg_id, role, self._clock.now(), number or None))

    def leg_left(self, call_id: str, leg_id: str, cause: str) -> None:
        self._store.record(LegEnded(call_id, leg_id, self._clock.now(), cause))

    def node_entered(self, call_id: str, fact: NodeEntered) -> None:
        visit = NodeVisit(call_id, fact.flow, fact.node, fact.type, fact.visit, self._clock.now())
        self._visits.setdefault(call_id, {})[fact.flow, fact.node, fact.visit] = visit
        self._store.record(visit)

    def node_left(self, call_id: str, fact: NodeLeft) -> None:
        entered = self._visits.get(call_id, {}).pop((fact.flow, fact.node, fact.visit), None)
        now = self._clock.now()
        self._store.record(
            NodeVisit(
                call_id,
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

    def ended(self, call_id: str, ending: Ending, language: str) -> None:
        """The call detail record. Visits of nodes that were never left (the caller hung up in them) stay open."""
        self._visits.pop(call_id, None)
        self._store.record(
            CallEnded(
                call_id,
                self._clock.now(),
                ending.cause,
                hangup_cause=ending.hangup_cause,
                outcome=ending.outcome,
                goals=tuple(ending.goals),
                answered_at=self._answered.pop(call_id, None),
                error=ending.error,
                language=language,
            )
        )

    def reconcile(self, switch: str, live: Collection[str]) -> int:
        """Close what an earlier engine left open on this switch and that no longer lives; how many."""
        return self._store.close_lost(live, self._clock.now(), switch=switch)
