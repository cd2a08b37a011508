"""The call detail record of a call that we made and that no flow sees: an agent's callback, or what an agent dials."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from cti.core.calls import TerminalCause
from cti.core.records import CallEnded, CallStarted, LegAdded, LegEnded
from cti.runtime.runclock import RunClock

if TYPE_CHECKING:
    from cti.runtime.floor.errands import Errand
    from cti.runtime.journal import Journal

#: Outcomes of legs as the Q.850 names that stand in records.
CAUSES = {
    "busy": "USER_BUSY",
    "no_answer": "NO_ANSWER",
    "rejected": "CALL_REJECTED",
    "unregistered": "USER_NOT_REGISTERED",
    "cancelled": "ORIGINATOR_CANCEL",
    "denied": "OUTGOING_CALL_BARRED",
}


class TalkRecord:
    """Its caller is the person called, so that all calls of a number are found together; its entry names the
    callback (which knows the call in which it was asked for), or the agent who dialled. ``cause``: when it is not the
    person who hangs up."""

    def __init__(self, journal: Journal, uuid: str, switch: str, errand: Errand, shown: str) -> None:
        self._journal, self._uuid, self._switch, self._errand, self._shown = journal, uuid, switch, errand, shown
        self._clock = RunClock(journal.clock, UTC)
        self.cause = TerminalCause.CALLER_HANGUP
        self._answered_at: float | None = None
        self._talked = self._over = False
        self._began = False
        self._legs: set[str] = set()  # of agents, not ended yet

    def start(self) -> None:
        now, number = self._now(), self._errand.number
        self._began = True
        record = self._journal.store.record
        record(CallStarted(self._uuid, self._switch, self._shown, now, caller=number, entry=self._errand.entry))
        record(LegAdded(self._uuid, self._uuid, "caller", now, number, self._switch))

    def answered(self) -> None:
        self._answered_at = self._now()

    def with_agent(self, leg: str, number: str) -> None:
        """Whose call it is, whether anybody is reached or not."""
        if leg not in self._legs:
            self._legs.add(leg)
            self._journal.store.record(LegAdded(self._uuid, leg, "agent", self._now(), number or None, self._switch))

    def joined(self, leg: str, number: str) -> None:
        self._talked = True
        self.with_agent(leg, number)

    def left(self, leg: str, cause: str) -> None:
        self._legs.discard(leg)
        self._journal.store.record(LegEnded(self._uuid, leg, self._now(), cause))

    def missed(self, outcome: str) -> None:
        """The phone was not answered."""
        if not self._began:
            self.start()
        self.cause = TerminalCause.FLOW_END
        self.ended(CAUSES.get(outcome, "NORMAL_TEMPORARY_FAILURE"))

    def ended(self, cause: str) -> None:
        if self._over or not self._began:
            return
        self._over = True
        for leg in tuple(self._legs):
            self.left(leg, cause)
        outcome = "talked" if self._talked else "hung_up" if self._answered_at else "not_reached"
        self._journal.store.record(
            CallEnded(self._uuid, self._now(), self.cause, cause, outcome, answered_at=self._answered_at)
        )

    def _now(self) -> float:
        return self._clock.time()
