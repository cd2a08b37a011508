"""Keeps the flows that calls meet in step with the files and with the history: saved, rolled back, canaries.

One greenlet. It looks, lets a child process judge, writes the history, and only then gives the library the new set, so
that what callers meet is always on record. Whatever fails, the old versions go on and the findings are kept for people.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import gevent
from gevent.threadpool import ThreadPool

from cti.core.errors import CtiError
from cti.core.issue import Issue, Place, Severity
from cti.core.versions import Activation, Origin, VersionFigures
from cti.flow.canary import judge
from cti.runtime import reload_history as past
from cti.runtime.collector import Pause, paused_collector, set_aside
from cti.runtime.reload_job import Job, PromptJob
from cti.runtime.reload_process import run_child
from cti.runtime.tested import TestedFile, tests_key
from cti.runtime.watch import Settling, look

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cti.flow import Catalog
    from cti.ports import Clock, FlowHistory
    from cti.runtime.library import FlowLibrary
    from cti.runtime.reload_process import Reloaded

log = logging.getLogger("cti.flows")

#: A history that cannot be written, or a child that was killed, is tried again after this.
AGAIN_S = 15.0
OURSELVES = "cti"


@dataclass(frozen=True, slots=True)
class ReloadSetup:
    """``tested``: the file that keeps what passed its tests. ``look_s``, ``history_s``, ``judge_s``: how often the
    files, the history and the canaries are looked at. ``command``: another child than the usual one."""

    folder: Path
    catalog: Catalog
    tested: Path
    prompts: PromptJob | None = None
    deadline_s: float = 120.0
    look_s: float = 0.5
    history_s: float = 2.0
    judge_s: float = 10.0
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """``at`` wall clock; ``taken``: the flows are those of the files (or of the history) now."""

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
    """What is known of the flows. ``disk``: flow -> version that the files made when they were read last."""

    disk: dict[str, str] = field(default_factory=dict)
    since: dict[str, float] = field(default_factory=dict)  # flow -> begin of its canary
    last: Attempt | None = None


class Reloader:
    def __init__(self, library: FlowLibrary, history: FlowHistory, clock: Clock, setup: ReloadSetup) -> None:
        self.standing = Standing()
        self._library, self._history, self._clock, self._setup = library, history, clock, setup
        self._settling = Settling()
        self._tested = TestedFile(setup.tested)
        self._threads = ThreadPool(1)
        self._number = 0  # of the history's last line that we know
        self._history_due = self._judge_due = clock.monotonic()
        self._again_at: float | None = None
        self._unwritten: list[Activation] = []
        self._greenlet: gevent.Greenlet[[], None] | None = None

    # ---- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Where the history says other than the files (rolled back, canary), that is settled before the first call."""
        seen = look(self._setup.folder)
        try:
            state = self._history.active()
            self._number = self._history.last_number()
        except CtiError as error:
            log.error("the history of the flows cannot be read: %s", error)
            state = {}
        if self._nothing_new(state):
            self.standing.disk = {name: plan.version for name, plan in self._library.plans.items()}
            self._settling = Settling(seen)
        elif any(one.origin is not Origin.FILE for one in state.values()) or self._has_canary():
            self.attempt()
            self._settling = Settling(seen)
        set_aside()
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill()
        self._threads.kill()

    def _nothing_new(self, state: Mapping[str, Activation]) -> bool:
        """What is loaded was active before, passed its tests then, and nobody went back."""
        if self._has_canary():
            return False
        return all(
            (found := state.get(name)) is not None
            and found.version == plan.version == found.file_version
            and tests_key(plan) in self._tested.keys
            for name, plan in self._library.plans.items()
        )

    def _has_canary(self) -> bool:
        return any(entry.canary is not None for entry in self._library.entry.entries)

    def _run(self) -> None:
        while True:
            try:
                self.step()
            except CtiError as error:
                log.error("the flows stay as they are: %s", error)
            except Exception:
                log.exception("a bug while looking after the flows; they stay as they are")
            gevent.sleep(self._setup.look_s)

    # ---- one look ------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Look at everything that is due. Raises StoreUnavailable when the history cannot be read."""
        now = self._clock.monotonic()
        seen = self._threads.apply(look, (self._setup.folder,))
        due = self._settling.changed(seen)
        if self._again_at is not None and now >= self._again_at:
            due = True
        if now >= self._history_due:
            self._history_due = now + self._setup.history_s
            due = self._history.last_number() != self._number or due
        if due:
            self.attempt()
        if now >= self._judge_due:
            self._judge_due = now + self._setup.judge_s
            self.judge_canaries()

    def attempt(self) -> Attempt:
        """Judge files and history, and take what they say if all is well. Never raises for bad content."""
        began = self._clock.monotonic()
        self._again_at = None
        try:
            with paused_collector() as pause:
                attempt = self._attempt(began, pause)
        except CtiError as error:
            self._again_at = self._clock.monotonic() + AGAIN_S
            issue = Issue(error.place or Place(str(self._setup.folder)), error.code, error.message)
            attempt = self._failed(began, [issue])
        self.standing.last = attempt
        return attempt

    def _attempt(self, began: float, pause: Pause) -> Attempt:
        number = self._history.last_number()
        state, canaries = self._history.active(), self._history.canaries()
        job = Job(
            str(self._setup.folder),
            self._setup.catalog,
            self._setup.prompts,
            {name: one.version for name, one in state.items()},
            past.pins_of(state),
            past.withdrawn_of(canaries),
            self._tested.keys,
        )
        done = run_child(job, self._texts, self._setup.deadline_s, self._setup.command, pause.begin)
        checked = done.checked
        if any(issue.severity is Severity.ERROR for issue in checked.issues):
            self._number = number  # what is refused is not tried again until something changes
            return self._failed(began, checked.issues)
        self._write(done, state, canaries, number)
        assert checked.entry is not None
        self._library.take(done.plans, done.canaries, checked.entry, checked.calendars)
        pause.keep()
        self.standing.disk = dict(checked.disk)
        self._tested.keep(checked.tested)
        took = self._clock.monotonic() - began
        log.info("flows taken after %.1f s: %d tests, %d prompts rendered", took, checked.tests_run, checked.rendered)
        for issue in checked.issues:
            log.warning("%s", issue)
        return Attempt(
            self._clock.now(), took, True, tuple(checked.issues), tests_run=checked.tests_run, rendered=checked.rendered
        )

    def _texts(self, flow: str, version: str) -> Mapping[str, str] | None:
        found = self._history.find(flow, version)
        return found[0].files if len(found) == 1 else None

    def _write(self, done: Reloaded, state: Mapping[str, Activation], canaries: list[Activation], number: int) -> None:
        now = self._clock.now()
        versions = past.new_versions(done.checked, state, self.standing.disk, now)
        lines = past.new_lines(done, state, canaries, now)
        self._number = self._history.write(versions, lines) or number
        for one in state.values():
            if one.file_version is None and one.flow in done.checked.disk:
                self._history.settle(one.number, done.checked.disk[one.flow])
        begun = past.begun_of([*canaries, *lines])
        self.standing.since = {flow: begun[flow].at for flow in done.canaries}
        for line in lines:
            log.info("flow %s: version %s (%s, by %s)", line.flow, line.version[:12], line.origin, line.author)

    def _failed(self, began: float, issues: list[Issue]) -> Attempt:
        for issue in issues:
            log.error("the flows stay as they were: %s", issue)
        return Attempt(self._clock.now(), self._clock.monotonic() - began, False, tuple(issues))

    # ---- canaries ------------------------------------------------------------------------------------------------

    def canaries(self) -> dict[str, CanaryState]:
        """Those that callers meet now."""
        shares = {entry.flow: entry.canary for entry in self._library.entry.entries if entry.canary is not None}
        return {
            flow: CanaryState(plan.version, shares[flow].percent, self.standing.since.get(flow, 0.0))
            for flow, plan in self._library.canaries.items()
            if flow in shares
        }

    def judge_canaries(self) -> None:
        """Take back what fares badly. A step back that cannot be written down is taken all the same, and written
        later."""
        backs = {entry.flow: entry.canary.back for entry in self._library.entry.entries if entry.canary is not None}
        for flow, canary in self.canaries().items():
            figures = self._history.figures(flow, canary.version, canary.since)
            reason = judge(backs[flow], figures)
            if reason:
                self._step_back(flow, canary, figures, reason)
        if self._unwritten:
            self._number = self._history.write([], self._unwritten)
            self._unwritten = []

    def _step_back(self, flow: str, canary: CanaryState, figures: VersionFigures, reason: str) -> None:
        stable = self._library.plans[flow].version
        beside = self._history.figures(flow, stable, canary.since)
        self._library.withdraw(flow)
        note = f"canary {canary.version[:12]}: {reason}; {figures}; {stable[:12]} in the same time: {beside}"
        log.error("flow %s goes back to version %s: %s", flow, stable[:12], note)
        disk = self.standing.disk.get(flow)
        now = self._clock.now()
        self._unwritten.append(Activation(flow, stable, now, OURSELVES, Origin.CANARY_BACK, disk, note))
