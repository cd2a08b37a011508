"""How the flows stand; and the watch over canaries: judged by their calls, taken back past a threshold."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cti.core.versions import Activation, Origin, VersionFigures
from cti.flow.canary import judge

if TYPE_CHECKING:
    from cti.core.issue import Issue
    from cti.ports import Clock, FlowHistory
    from cti.runtime.library import FlowLibrary
    from cti.runtime.reload.job import Held

log = logging.getLogger("cti.flows")

OURSELVES = "cti"


@dataclass(frozen=True, slots=True)
class Attempt:
    """``at`` wall clock; ``taken``: everything is as the files (or the history) say now, nothing is held back."""

    at: float
    took_s: float
    taken: bool
    issues: tuple[Issue, ...] = ()
    tests_run: int = 0
    rendered: int = 0


@dataclass(frozen=True, slots=True)
class CanaryState:
    version: str
    percent: float
    since: float


@dataclass(slots=True)
class Standing:
    """What is known of the flows. ``disk``: flow -> version that the files made when they were read last; ``held``:
    flows and files that are not what their files say; ``pending``: those that are still to be judged."""

    disk: dict[str, str] = field(default_factory=dict)
    since: dict[str, float] = field(default_factory=dict)  # flow -> begin of its canary
    held: dict[str, Held] = field(default_factory=dict)
    pending: frozenset[str] = frozenset()
    last: Attempt | None = None


class CanaryWatch:
    def __init__(self, library: FlowLibrary, history: FlowHistory, clock: Clock, standing: Standing) -> None:
        self._library, self._history, self._clock, self._standing = library, history, clock, standing
        self._unwritten: list[Activation] = []

    def running(self) -> dict[str, CanaryState]:
        """Those that callers meet now."""
        shares = {entry.flow: entry.canary for entry in self._library.entry.entries if entry.canary is not None}
        return {
            flow: CanaryState(plan.version, shares[flow].percent, self._standing.since.get(flow, 0.0))
            for flow, plan in self._library.canaries.items()
            if flow in shares
        }

    def judge(self) -> int:
        """Take back what fares badly; the number of the last line written, 0 without. A step back that cannot be
        written down is taken all the same, and written later. Raises StoreUnavailable."""
        backs = {entry.flow: entry.canary.back for entry in self._library.entry.entries if entry.canary is not None}
        for flow, canary in self.running().items():
            figures = self._history.figures(flow, canary.version, canary.since)
            reason = judge(backs[flow], figures)
            if reason:
                self._step_back(flow, canary, figures, reason)
        number = 0
        if self._unwritten:
            number = self._history.write([], self._unwritten)
            self._unwritten = []
        return number

    def _step_back(self, flow: str, canary: CanaryState, figures: VersionFigures, reason: str) -> None:
        stable = self._library.plans[flow].version
        beside = self._history.figures(flow, stable, canary.since)
        self._library.withdraw(flow)
        note = f"canary {canary.version[:12]}: {reason}; {figures}; {stable[:12]} in the same time: {beside}"
        log.error("flow %s goes back to version %s: %s", flow, stable[:12], note)
        disk = self._standing.disk.get(flow)
        now = self._clock.now()
        self._unwritten.append(Activation(flow, stable, now, OURSELVES, Origin.CANARY_BACK, disk, note))
