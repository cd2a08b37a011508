"""Judges a folder of flows: what of it callers may meet, and what is held back while the version before goes on.

A mistake in a file holds back the flows whose closure has that file in it, and nothing else. What is good goes live as
one set with the entry table, which must fit it: a flow that the table in force does not fit is held back, too.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cti.core.issue import Issue, Place
from cti.flow import Calendar, Flow, Plan, check_closure, compile_plan, load_calendar
from cti.flow.closure import called_flows
from cti.runtime.library import REJECT_FLOW, Sources, misses, no_reject_flow, read_sources
from cti.runtime.reload.entry import EntryJudge
from cti.runtime.reload.files import ENTRY, NOTICES, calendar_file, calendars_of, decoded, errors_of, text_version
from cti.runtime.reload.job import Checked, Held, Job
from cti.runtime.reload.notices import judge_notices
from cti.runtime.reload.proof import Proof
from cti.runtime.reload.versions import Ask, Earlier, Versions


@dataclass(slots=True)
class Verdict:
    """``plans`` and ``canaries`` by root flow, with `Checked` beside them."""

    checked: Checked
    plans: dict[str, Plan] = field(default_factory=dict)
    canaries: dict[str, Plan] = field(default_factory=dict)


def judge(job: Job, ask: Ask, earlier: Earlier = lambda _flow: ()) -> Verdict:
    """Raises nothing for bad content. ``earlier``: tried where the serving version cannot be built."""
    return Judge(job, ask, earlier).run()


class Judge:
    def __init__(self, job: Job, ask: Ask, earlier: Earlier) -> None:
        self.job, self.folder, self._earlier = job, Path(job.folder), earlier
        self.issues: list[Issue] = []
        self.held: dict[str, Held] = {}
        self.pending: set[str] = set()
        self.shared: dict[str, str] = {}
        self.plans: dict[str, Plan] = {}
        self.disk: dict[str, Plan] = {}
        self.proof = Proof(job)
        self.sources: Sources = read_sources(self.folder, job.catalog)
        self.issues += self.sources.issues
        before = {name: load_calendar(text, name).calendar for name, text in calendars_of(job.shared).items()}
        self._before: dict[str, Calendar] = {name: found for name, found in before.items() if found is not None}
        self.calendars = dict(self._calendars())
        self.all_calendars = {**self._before, **self.calendars}  # those that no file names any more, too
        self.versions = Versions(job, ask, self.all_calendars)

    def run(self) -> Verdict:
        try:
            self._flows()
            entry = EntryJudge(self).run()
            flows = [plan.flows for plan in (*entry.plans.values(), *entry.canaries.values())]
            notices = judge_notices(self, [flow for some in flows for flow in some.values()])
        finally:
            self.proof.close()
        checked = Checked(
            list(dict.fromkeys(self.issues)),
            self.held,
            frozenset(self.pending - self.held.keys()),
            entry.table,
            self.calendars,
            notices,
            self.shared,
            {name: plan.version for name, plan in self.disk.items()},
            {name: self._texts(plan) for name, plan in self.disk.items()},
            {name: _author(self.folder / file) for name, file in self._owned()},
            {name: plan.version for name, plan in entry.canaries.items()},
            frozenset(self.proof.tested),
            self.proof.tests_run,
            self.proof.rendered,
        )
        return Verdict(checked, entry.plans, entry.canaries)

    # ---- what others ask ------------------------------------------------------------------------------------------

    def hold(self, name: str, version: str, issues: list[Issue]) -> None:
        self.held[name] = Held(version, tuple(dict.fromkeys(issues)))

    def hold_file(self, file: str, issues: list[Issue]) -> None:
        before = self.job.shared.get(file)
        self.hold(file, "" if before is None else text_version(before), issues)

    def unproven(self, file: str, text: str) -> bool:
        """Only what is in force is taken now, and this is not."""
        if self.job.proven_only and self.job.shared.get(file) != text:
            self.pending.add(file)
            return True
        return False

    def kept(self, flow: str) -> Plan | None:
        """What callers of the flow meet as long as its file is no better; None: there is nothing."""
        pin = self.job.pins.get(flow)
        disk = self.disk.get(flow)
        pinned = [pin.version] if pin is not None and (disk is None or pin.file_version in (None, disk.version)) else []
        serving = self.job.serving.get(flow)
        for version in self._candidates(flow, pinned, serving):
            if disk is not None and disk.version == version:
                return disk
            plan = self.versions.find(flow, version)
            if plan is not None:
                return plan
        return None

    def _candidates(self, flow: str, pinned: list[str], serving: str | None) -> Iterator[str]:
        yield from pinned
        if serving is not None:
            yield serving
        yield from self._earlier(flow)

    # ---- calendars ------------------------------------------------------------------------------------------------

    def _calendars(self) -> Iterator[tuple[str, Calendar]]:
        """Those that the files give, and the one in force where its file has a mistake."""
        for file, raw in self.sources.findings.items():
            name = file.removeprefix("calendars/").removesuffix(".yaml")
            if file != calendar_file(name):
                continue
            errors, text = errors_of(raw), decoded(self.sources.texts.get(file, b""))
            if errors:
                self.hold_file(file, errors)
            elif name not in self._before or not self.unproven(file, text):
                self.shared[file] = text
                yield name, self.sources.calendars[name]
                continue
            if name in self._before:
                self.shared[file] = self.job.shared[file]
                yield name, self._before[name]

    def _blame_calendars(self, failing: dict[str, list[Issue]]) -> bool:
        """A test that passes with the calendars in force, and not with the saved ones, holds back those it asks."""
        changed = {name for name, one in self.calendars.items() if self._before.get(name, one) != one}
        blamed: dict[str, list[Issue]] = {}
        for flow, failures in failing.items():
            plan = self.disk[flow]
            asked = changed & {str(node.get("calendar")) for one in plan.flows.values() for node in one.nodes.values()}
            old = {**self.calendars, **{name: self._before[name] for name in asked}}
            if asked and not self.proof.test(plan.with_calendars(old)):
                for name in asked:
                    blamed.setdefault(name, []).extend(failures)
        for name, issues in blamed.items():
            file = calendar_file(name)
            self.hold_file(file, issues)
            self.shared[file] = self.job.shared[file]
            self.calendars[name] = self.all_calendars[name] = self._before[name]
        return bool(blamed)

    # ---- flows ----------------------------------------------------------------------------------------------------

    def _flows(self) -> None:
        sources, names = self.sources, self.sources.names
        wrong: dict[str, list[Issue]] = {}  # flow -> what is wrong with it by itself, or with what it names
        if REJECT_FLOW not in names:
            self.issues.append(no_reject_flow(self.folder))
            self.hold(REJECT_FLOW, "", [self.issues[-1]])
        for name in names:
            found = check_closure(sources.flows, self.calendars, name) if name in sources.flows else []
            found = [issue for issue in found if not misses(issue, sources.refused)]
            self.issues += found
            errors = errors_of([*sources.findings[f"{name}.yaml"], *found])
            if errors:
                wrong[name] = errors
        reach = {name: self._reach(name) for name in names}
        for name in names:
            if not reach[name] & wrong.keys():
                self.disk[name] = compile_plan(sources.flows, self.calendars, name)
        wrong |= self._tests()
        for name in (*names, *(() if REJECT_FLOW in names else (REJECT_FLOW,))):
            reasons = [issue for part in sorted(reach.get(name, ())) for issue in wrong.get(part, ())]
            self._flow(name, reasons)

    def _reach(self, name: str) -> set[str]:
        """The closure, with those that it names and that could not be read."""
        found, todo = {name}, [name]
        for one in todo:
            flow = self.sources.flows.get(one)
            for _, called in called_flows(flow) if flow is not None else ():
                if called not in found:
                    found.add(called)
                    todo.append(called)
        return found

    def _tests(self) -> dict[str, list[Issue]]:
        """Of what the files make and callers would meet: flow -> its failures."""
        if self.job.proven_only:
            return {}
        failing = self._failures()
        if failing and self._blame_calendars(failing):
            self.issues += [issue for issues in failing.values() for issue in issues]
            self.disk = {name: plan.with_calendars(self.calendars) for name, plan in self.disk.items()}
            failing = self._failures()
        self.issues += [issue for issues in failing.values() for issue in issues]
        return failing

    def _failures(self) -> dict[str, list[Issue]]:
        met = {name: plan for name, plan in self.disk.items() if not self._is_pinned(name)}
        return {name: failures for name, plan in met.items() if (failures := self.proof.test(plan))}

    def _is_pinned(self, name: str) -> bool:
        """Somebody went back from what the file says, and it still says so."""
        pin, plan = self.job.pins.get(name), self.disk[name]
        return pin is not None and pin.file_version in (None, plan.version) and pin.version != plan.version

    def _flow(self, name: str, reasons: list[Issue]) -> None:
        """Let callers meet what the file says, what somebody went back to, or what they meet now."""
        plan: Plan | None = None
        if not reasons and name in self.disk:
            place = Place(str(self.folder / f"{name}.yaml"))
            plan = self.disk[name]
            if self._is_pinned(name):
                version = self.job.pins[name].version
                plan, reasons = self.versions.find(name, version), self.versions.why_not(name, version, place)
            if plan is not None and not self.job.proven_only:
                reasons = [*reasons, *self.prove(plan)]
            self.issues += reasons
        if not reasons and plan is not None:
            if not self.job.proven_only or (self.job.serving.get(name) == plan.version and self.proof.passed(plan)):
                self.plans[name] = plan
                return
            self.pending.add(name)
        self.keep(name, reasons)

    def keep(self, name: str, reasons: list[Issue]) -> None:
        """Leave a flow as callers meet it now, because of ``reasons``."""
        plan = self.kept(name)
        self.plans.pop(name, None)
        if plan is not None:
            self.plans[name] = plan
        if reasons or name in self.held:
            known = self.held[name].issues if name in self.held else ()
            self.hold(name, "" if plan is None else plan.version, [*known, *reasons])

    def prove(self, plan: Plan) -> list[Issue]:
        return [*self.proof.test(plan), *self.proof.render_plan(plan)]

    # ---- parts ----------------------------------------------------------------------------------------------------

    def _texts(self, plan: Plan) -> dict[str, str]:
        return {f"{name}.yaml": decoded(self.sources.texts[f"{name}.yaml"]) for name in plan.flows}

    def _owned(self) -> Iterator[tuple[str, str]]:
        yield from ((name, f"{name}.yaml") for name in self.sources.names)
        yield from ((file, file) for file in {ENTRY, NOTICES, *self.shared, *self.held} if file.endswith(".yaml"))

    def roots(self, plans: dict[str, Plan]) -> dict[str, Flow]:
        return {name: plan.flows[name] for name, plan in plans.items()}


def _author(file: Path) -> str:
    """Who owns the file: the nearest to who saved it that a file system tells."""
    try:
        owner = os.stat(file).st_uid
        return pwd.getpwuid(owner).pw_name
    except KeyError:
        return f"uid {owner}"
    except OSError:
        return "unknown"
