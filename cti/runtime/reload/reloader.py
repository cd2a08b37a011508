"""Keeps the flows that calls meet in step with the files and with the history: saved, rolled back, canaries.

One greenlet. It looks, lets a child process judge, writes the history, and only then gives the library the new set, so
that what callers meet is always on record. Whatever fails, the old versions go on and the findings are kept for people.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import gevent
from gevent.lock import RLock
from gevent.threadpool import ThreadPool

from cti.core.errors import CtiError
from cti.core.issue import Issue, Place
from cti.core.versions import Origin
from cti.runtime.collector import Pause, let_go, paused_collector
from cti.runtime.reload import history as past
from cti.runtime.reload.canaries import Attempt, CanaryState, CanaryWatch, Standing
from cti.runtime.reload.files import ENTRY, is_file
from cti.runtime.reload.job import Checked, Job, PromptJob
from cti.runtime.reload.process import run_child
from cti.runtime.reload.put import below, by_authors, copy_of, refuse, refuse_now, write_files
from cti.runtime.reload.start import afresh, as_before
from cti.runtime.tested import TestedFile
from cti.runtime.watch import Settling, look

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cti.flow import Catalog
    from cti.ports import Clock, FlowHistory
    from cti.runtime.library import FlowLibrary
    from cti.runtime.notices import NoticeBoard
    from cti.runtime.reload.judge import Verdict

log = logging.getLogger("cti.flows")

#: A history that cannot be written, or a child that was killed, is tried again after this.
AGAIN_S = 15.0
#: Lines of the history that name a version which callers met.
_MET = (Origin.FILE, Origin.ROLLBACK, Origin.CANARY_BACK)


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


class Reloader:
    def __init__(
        self, library: FlowLibrary, history: FlowHistory, clock: Clock, setup: ReloadSetup, notices: NoticeBoard
    ) -> None:
        self.standing = Standing()
        self._library, self._history, self._clock, self._setup = library, history, clock, setup
        self._notices = notices
        self._watch = CanaryWatch(library, history, clock, self.standing)
        self._settling = Settling()
        self._tested = TestedFile(setup.tested)
        self._threads = ThreadPool(1)
        self._number = 0  # of the history's last line that we know
        self._history_due = self._judge_due = clock.monotonic()
        self._again_at: float | None = None
        self._greenlet: gevent.Greenlet[[], None] | None = None
        self._one = RLock()  # an attempt at a time: of the watch over the files, or of the API

    # ---- life ----------------------------------------------------------------------------------------------------

    def load(self, *, watched: bool) -> None:
        """Give the library what callers meet from the first call on; it is in the history then. See `start`.

        Without ``watched`` nobody looks at the files later: they are taken as they are now, and no tests are run.
        Raises ConfigError (FlowsRefused with findings), StoreUnavailable.
        """
        seen, past = look(self._setup.folder), self._past()
        job, needed = self._job(past), self._library.needed
        ask, earlier = self._texts, self._earlier
        verdict = None
        if watched and ENTRY in past.state:
            verdict = as_before(replace(job, proven_only=True, prompts=None), ask, earlier, needed)
        if verdict is None:
            verdict = afresh(replace(job, prompts=None, test=watched), ask, earlier, needed)
            self._take(verdict, past)
            self._settling = Settling(seen)
        else:
            self._stand(verdict, past)
            self._number = past.number
            if not (verdict.checked.pending or verdict.checked.held or past.held):
                self._settling = Settling(seen)
        if watched and not verdict.checked.pending:
            self._tested.keep(verdict.checked.tested | self._tested.keys)
        self._tell(verdict.checked)

    def start(self) -> None:
        """Look after the files and the history from now on."""
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill()
        self._threads.kill()

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

    def attempt(self, authors: Mapping[str, str] | None = None) -> Attempt:
        """Judge files and history, and take what they say if all is well. Never raises for bad content.

        ``authors``: file -> who has put it there, where that is not its owner.
        """
        with self._one:
            return self._attempt_once(authors or {})

    def _attempt_once(self, authors: Mapping[str, str]) -> Attempt:
        began = self._clock.monotonic()
        self._again_at = None
        try:
            with paused_collector() as pause:
                attempt = self._attempt(began, pause, authors)
        except CtiError as error:
            self._again_at = self._clock.monotonic() + AGAIN_S
            issue = Issue(error.place or Place(str(self._setup.folder)), error.code, error.message)
            attempt = self._failed(began, [issue])
        self.standing.last = attempt
        return attempt

    def put_live(self, texts: Mapping[str, str | None], author: str, still: Callable[[], None] = lambda: None) -> None:
        """Files of the folder (None: taken away), as one set: judged beside those that are there, and written where all
        is well; then callers meet them. ``still`` raises where the files are not what they were; no other set comes
        between it and the writing. Raises FlowsRefused, ReloadFailed; nothing is written then. ConfigError: not
        writable."""
        with self._one:
            still()
            checked = self.rehearse(texts)
            refuse(checked, texts, self.standing.held)
            self._tested.keep(checked.tested)
            still()  # an editor may have saved meanwhile
            write_files(self._setup.folder, texts)
            attempt = self.attempt(dict.fromkeys(texts, author))
            refuse_now(attempt, self.standing.held, checked, texts)

    def rehearse(self, texts: Mapping[str, str | None]) -> Checked:
        """What would come of it if the folder had these files (None: no such): judged in a copy, tests and prompts
        included, without any effect. Findings name files as they are below the folder. Raises ReloadFailed,
        StoreUnavailable."""
        job = self._job(self._past())
        with copy_of(self._setup.folder, texts) as copy:
            verdict = run_child(
                replace(job, folder=str(copy)), self._texts, self._setup.deadline_s, self._setup.command
            )
            return below(verdict.checked, copy)

    @property
    def folder(self) -> Path:
        return self._setup.folder

    def _attempt(self, began: float, pause: Pause, authors: Mapping[str, str]) -> Attempt:
        past = self._past()
        setup = self._setup
        verdict = run_child(self._job(past), self._texts, setup.deadline_s, setup.command, pause.begin)
        verdict.checked = by_authors(verdict.checked, authors)
        checked = verdict.checked
        self._take(verdict, past)
        pause.keep()
        self._tested.keep(checked.tested)
        took = self._clock.monotonic() - began
        self._tell(checked)
        log.info("flows judged in %.1f s: %d tests, %d prompts rendered", took, checked.tests_run, checked.rendered)
        return Attempt(
            self._clock.now(),
            took,
            not checked.held,
            tuple(checked.issues),
            tests_run=checked.tests_run,
            rendered=checked.rendered,
        )

    # ---- parts ---------------------------------------------------------------------------------------------------

    def _past(self) -> past.Past:
        history = self._history
        number = history.last_number()  # first: what is written meanwhile is seen the next time
        return past.Past(history.active(), history.held(), history.canaries(), number)

    def building(self) -> Job:
        """What a single version is built with, as of now."""
        return Job(str(self._setup.folder), self._setup.catalog)

    def _job(self, known: past.Past) -> Job:
        """What callers meet is what the library has; before there is any, what the history says."""
        flows = {name: one.version for name, one in known.state.items() if not is_file(name)}
        texts = {name: self._texts(name, one.version) for name, one in known.state.items() if is_file(name)}
        return Job(
            str(self._setup.folder),
            self._setup.catalog,
            self._setup.prompts,
            serving={**flows, **{name: plan.version for name, plan in self._library.plans.items()}},
            shared={name: found[name] for name, found in texts.items() if found is not None},
            pins=past.pins_of(known.state),
            withdrawn=past.withdrawn_of(known.canaries),
            trials=past.trials_of(known.state, known.canaries),
            tested=self._tested.keys,
        )

    def _texts(self, flow: str, version: str) -> Mapping[str, str] | None:
        found = self._history.find(flow, version)
        return found[0].files if len(found) == 1 else None

    def _earlier(self, flow: str) -> list[str]:
        met = (one for one in self._history.history(flow) if one.origin in _MET)
        return list(dict.fromkeys(one.version for one in met))

    def _take(self, verdict: Verdict, known: past.Past) -> None:
        """On record first, then met."""
        checked, now = verdict.checked, self._clock.now()
        versions = past.new_versions(checked, known.state, self.standing.disk, now)
        lines = past.new_lines(verdict, known, now)
        self._number = self._history.write(versions, lines) or known.number
        for one in known.state.values():
            if one.file_version is None and one.flow in checked.disk:
                self._history.settle(one.number, checked.disk[one.flow])
        for line in lines:
            if line.origin is not Origin.HELD_BACK:
                log.info("%s: version %s (%s, by %s)", line.flow, line.version[:12], line.origin, line.author)
        self._stand(verdict, replace(known, canaries=[*known.canaries, *lines]))

    def _stand(self, verdict: Verdict, known: past.Past) -> None:
        checked = verdict.checked
        begun = past.begun_of(known.canaries)
        before = [*self._library.plans.values(), *self._library.canaries.values()]
        self._library.take(verdict.plans, verdict.canaries, checked.entry, checked.calendars)
        nodes = [node for plan in before for flow in plan.flows.values() for node in flow.nodes.values()]
        del before
        let_go(nodes)
        if checked.notices is not None:
            self._notices.replace(checked.notices)
        self.standing.disk = dict(checked.disk)
        self.standing.held, self.standing.pending = dict(checked.held), checked.pending
        self.standing.since = {flow: begun[flow].at for flow in verdict.canaries if flow in begun}

    def _tell(self, checked: Checked) -> None:
        told = set()
        for name, held in sorted(checked.held.items()):
            on = f"version {held.version[:12]} goes on" if held.version else "there is none before it"
            for issue in held.issues:
                told.add(issue)
                log.error("%s is held back, %s: %s", name, on, issue)
        for issue in checked.issues:
            if issue not in told:
                log.warning("%s", issue)

    def _failed(self, began: float, issues: list[Issue]) -> Attempt:
        for issue in issues:
            log.error("the flows stay as they were: %s", issue)
        return Attempt(self._clock.now(), self._clock.monotonic() - began, False, tuple(issues))

    # ---- canaries ------------------------------------------------------------------------------------------------

    def canaries(self) -> dict[str, CanaryState]:
        """Those that callers meet now."""
        return self._watch.running()

    def judge_canaries(self) -> None:
        """Take back what fares badly. Raises StoreUnavailable."""
        self._number = self._watch.judge() or self._number
