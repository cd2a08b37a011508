"""How a call ended: exactly one terminal cause, settled by the order of the mailbox."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cti.core.calls import TerminalCause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cti.core.commands import GoalReached, RunEnded

#: After the caller's hang-up the flow may still look up, write and send; then it is ended.
AFTER_HANGUP_S = 30.0
REASONS = {
    "flow_end": TerminalCause.FLOW_END,
    "limit": TerminalCause.LIMIT,
    "system_error": TerminalCause.SYSTEM_ERROR,
}


@dataclass(slots=True)
class Ending:
    """Facts about the end. ``gone``: the channel is down; ``closed``: nothing more will be done; ``deadline``:
    monotonic time at which the next step of the end is overdue.

    What came first counts: a hang-up that crosses our own is ours when we asked first, else the caller's.
    """

    rejected: bool = False
    hangup_cause: str = ""
    outcome: str = ""
    error: str = ""
    goals: list[str] = field(default_factory=list)
    gone: bool = False
    closed: bool = False
    deadline: float | None = None
    _reason: str = ""
    _asked: bool = False
    _forced: TerminalCause | None = None

    def state(self) -> dict[str, Any]:
        """Of a call that goes on: what `go_on` needs; JSON can hold it."""
        told: dict[str, Any] = {"outcome": self.outcome, "error": self.error, "goals": list(self.goals)}
        if self._reason:
            told["reason"] = self._reason
        if self.gone:
            told |= {"gone": True, "cause": self.cause.value, "hangup_cause": self.hangup_cause}
        return told

    def go_on(self, state: Mapping[str, Any]) -> None:
        self.outcome, self.error, self.goals = state["outcome"], state["error"], list(state["goals"])
        self._reason = state.get("reason", "")
        if state.get("gone"):
            self.gone, self.hangup_cause = True, state["hangup_cause"]
            self._forced = TerminalCause(state["cause"])

    @property
    def cause(self) -> TerminalCause:
        if self._forced is not None:
            return self._forced
        if self.rejected:
            return TerminalCause.REJECTED
        if self._asked:
            return REASONS.get(self._reason, TerminalCause.FLOW_END)
        return TerminalCause.CALLER_HANGUP

    def goal(self, reached: GoalReached) -> None:
        if reached.goal not in self.goals:
            self.goals.append(reached.goal)

    def run_ended(self, ended: RunEnded) -> None:
        self.outcome = self.outcome or ended.outcome
        self._reason = self._reason or ended.reason

    def note(self, text: str) -> None:
        """Something worth a line in the record; the first stays."""
        self.error = self.error or text

    def we_hang_up(self, deadline: float) -> None:
        """We have asked the switch to end the call; it must report so before ``deadline``."""
        if not self.gone:
            self._asked = True
            self.deadline = deadline

    def hung_up(self, cause: str, deadline: float) -> bool:
        """The switch reports the end of the channel; False for a report already known.

        ``deadline``: until when the flow may finish what it does after the hang-up.
        """
        if self.gone:
            return False
        self.gone = True
        self.hangup_cause = cause
        self.deadline = deadline
        return True

    def force(self, cause: TerminalCause, detail: str) -> None:
        """The end came neither from the flow nor from the caller. Too late when the channel is down already; the
        first such cause stays."""
        if self._forced is None and not self.gone:
            self._forced = cause
            self.error = detail or self.error

    def overdue(self) -> None:
        """The deadline passed: write the call off."""
        if not self.gone:
            self.force(TerminalCause.SWITCH_LOST, "the switch did not confirm the hang-up")
        else:
            self.note("the flow did not end after the hang-up")
        self.gone = self.closed = True

    def bug(self, error: Exception) -> None:
        self._forced = self._forced or TerminalCause.SYSTEM_ERROR
        self.error = f"{type(error).__name__} in the engine"
        self.gone = self.closed = True
