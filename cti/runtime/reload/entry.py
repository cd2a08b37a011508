"""The entry table of a folder against the flows that are to be met, with its canaries; or the one in force."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cti.core.errors import CtiError
from cti.core.issue import Issue, Place
from cti.files import read_file
from cti.flow import EntryTable, Plan, load_entry
from cti.flow.canary import NEW
from cti.runtime.library import unreadable
from cti.runtime.reload.files import ENTRY, decoded, errors_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cti.flow import Calendar
    from cti.runtime.reload.judge import Judge


@dataclass(slots=True)
class Entered:
    """``table`` None: with findings in ``issues``, or because there was none before either."""

    table: EntryTable | None
    plans: dict[str, Plan]
    canaries: dict[str, Plan] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)


class EntryJudge:
    def __init__(self, judge: Judge) -> None:
        self._judge, self._job = judge, judge.job
        self._file = judge.folder / ENTRY

    def run(self) -> Entered:
        judge, before = self._judge, self._job.shared.get(ENTRY)
        try:
            text = decoded(read_file(self._file))
        except CtiError as error:
            found = Entered(None, judge.plans, issues=[unreadable(error, self._file)])
        else:
            bare = load_entry(text, str(self._file))
            if bare.table is not None and judge.unproven(ENTRY, text):
                found = Entered(None, judge.plans)  # whether it fits what it was saved with is seen later
            else:
                found = self._enter(text, judge.calendars)
        judge.issues += found.issues
        errors = errors_of(found.issues)
        if errors:
            judge.hold_file(ENTRY, errors)
        elif found.table is not None:
            judge.shared[ENTRY] = text
            return found
        return Entered(None, judge.plans) if before is None else self._as_it_was(before)

    def _as_it_was(self, before: str) -> Entered:
        """The table in force goes on, with flows that fit it: those that do not stay as they were."""
        judge = self._judge
        bare = load_entry(before, str(self._file), calendars=self._judge.all_calendars)
        for name in dict.fromkeys(entry.flow for entry in bare.table.entries) if bare.table is not None else ():
            plan = judge.plans.get(name)
            if plan is None:
                judge.keep(name, [])
            elif plan.version != self._job.serving.get(name) and (misfits := self._misfits(before, name, plan)):
                judge.issues += misfits
                judge.keep(name, misfits)
        judge.shared[ENTRY] = before
        return self._enter(before, judge.all_calendars)

    def _misfits(self, text: str, name: str, plan: Plan) -> list[Issue]:
        """What of the table does not fit this flow."""
        loaded = load_entry(text, str(self._file), flows={name: plan.flows[name]}, calendars=self._judge.all_calendars)
        return [issue for issue in errors_of(loaded.issues) if issue.code != "unknown-flow"]

    # ---- a table -------------------------------------------------------------------------------------------------

    def _enter(self, text: str, calendars: Mapping[str, Calendar]) -> Entered:
        """What the entry gives must fit the versions that are met, which the files may not say."""
        judge, file = self._judge, str(self._file)
        found = Entered(None, dict(judge.plans))
        bare = load_entry(text, file)
        for entry in bare.table.entries if bare.table is not None else ():
            if entry.canary is not None and entry.flow not in found.canaries:
                found.issues += self._canary(entry.flow, entry.canary.version, found)
        active, canaries = judge.roots(found.plans), judge.roots(found.canaries)
        tables = [
            load_entry(text, file, flows=flows, calendars=calendars) for flows in ({**active, **canaries}, active)
        ]
        found.issues += [self._told(issue) for table in tables for issue in table.issues]
        found.issues = list(dict.fromkeys(found.issues))
        found.table = tables[-1].table if not errors_of(found.issues) else None
        return found

    def _told(self, issue: Issue) -> Issue:
        """There may be a file that makes no flow, and no version before it."""
        names = [name for name in self._judge.held if f"no flow '{name}'" in issue.message]
        if issue.code != "unknown-flow" or not names:
            return issue
        return replace(issue, message=f"there is no flow '{names[0]}' yet: held back, and never good before")

    def _canary(self, flow: str, version: str, found: Entered) -> list[Issue]:
        """Put a canary beside the active version, unless it is the same one or was taken back."""
        judge, place = self._judge, Place(str(self._file))
        if flow not in found.plans:
            return []
        if version == NEW:
            return self._canary_of_file(flow, found, place)
        disk = judge.disk.get(flow)
        of_file = disk if disk is not None and flow not in judge.held else None
        plan = of_file if of_file is not None and of_file.version.startswith(version) else None
        plan = plan or judge.versions.find(flow, version)
        if plan is None:
            return judge.versions.why_not(flow, version, place)
        return self._beside(flow, plan, found)

    def _canary_of_file(self, flow: str, found: Entered, place: Place) -> list[Issue]:
        judge = self._judge
        disk = judge.disk.get(flow)
        if flow in judge.held or flow in judge.pending or disk is None:  # the trial that runs goes on
            trial = judge.versions.find(flow, self._job.trials[flow]) if flow in self._job.trials else None
            return [] if trial is None else self._beside(flow, trial, found)
        pin = self._job.pins.get(flow)
        if pin is not None and pin.version == disk.version and pin.file_version in (None, disk.version):
            return []  # somebody took this very version for everybody
        before = self._job.serving.get(flow)
        if found.plans[flow] is not disk or before is None or before == disk.version:
            return []  # somebody went back from what the file says, or it is what everybody meets
        stable = judge.versions.find(flow, before)
        if stable is None:
            return judge.versions.why_not(flow, before, place)
        found.plans[flow] = stable
        return self._beside(flow, disk, found)

    def _beside(self, flow: str, plan: Plan, found: Entered) -> list[Issue]:
        if plan.version == found.plans[flow].version or (flow, plan.version) in self._job.withdrawn:
            return []
        issues = [] if self._job.proven_only else self._judge.prove(plan)
        if not issues:
            found.canaries[flow] = plan
        return issues
