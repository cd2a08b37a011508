"""The child process of a reload: reads, checks, tests and renders a folder of flows, and hands over the result.

Nothing in here holds up a caller, so it may take its time; it runs at the lowest priority.
"""

from __future__ import annotations

import os
import pwd
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from cti.core.errors import CtiError
from cti.core.issue import Issue, Place, Severity
from cti.files import read_file
from cti.flow import Flow, Plan, PlanError, compile_plan, list_fixed_prompts, load_entry, load_flow
from cti.flow.canary import NEW
from cti.flow.flowtests import run_tests
from cti.prompts import Renderer, WavPrompts
from cti.runtime.library import Sources, read_folder
from cti.runtime.reload_job import (
    Checked,
    FlowHead,
    Job,
    NeedVersion,
    NodePart,
    PlanPart,
    PromptJob,
    read_frame,
    write_frame,
)
from cti.runtime.tested import tests_key

#: What a folder may cost at most; a child over it is ended by the kernel, and the old flows go on.
MEMORY = 2 << 30
CPU_S = 600

Ask = Callable[[str, str], "Mapping[str, str] | None"]  # flow, version -> the texts of its closure


@dataclass(slots=True)
class Work:
    """``plans`` and ``canaries`` by root flow; ``disk`` those that the files make."""

    disk: dict[str, Plan] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    canaries: dict[str, Plan] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return any(issue.severity is Severity.ERROR for issue in self.issues)


class Reload:
    def __init__(self, job: Job, ask: Ask) -> None:
        self._job, self._ask = job, ask
        self._folder = Path(job.folder)
        self._work = Work()
        self._sources = Sources()
        self._tested: set[str] = set()
        self._tests_run = self._rendered = 0

    def run(self) -> tuple[Work, Checked]:
        """Raises nothing for bad content."""
        work, job = self._work, self._job
        try:
            self._sources = read_folder(self._folder, job.catalog)
        except CtiError as error:  # a file went away between two looks
            return work, Checked([_issue(error, self._folder)])
        work.issues += self._sources.issues
        entry = None
        if not work.failed:
            work.disk = {name: self._compile(self._sources.flows, name) for name in self._sources.flows}
            work.plans = {name: self._pinned(name, plan) for name, plan in work.disk.items()}
            entry = self._entry()
        if not work.failed:
            self._test()
        if not work.failed and job.prompts is not None:
            self._render(job.prompts)
        return work, Checked(
            list(dict.fromkeys(work.issues)),
            None if work.failed else entry,
            self._sources.calendars,
            {name: plan.version for name, plan in work.disk.items()},
            {name: self._texts(plan) for name, plan in work.disk.items()},
            {name: _author(self._folder / f"{name}.yaml") for name in work.disk},
            {name: plan.version for name, plan in work.canaries.items()},
            frozenset(self._tested),
            self._tests_run,
            self._rendered,
        )

    # ---- versions ------------------------------------------------------------------------------------------------

    def _compile(self, flows: Mapping[str, Flow], root: str) -> Plan:
        return compile_plan(flows, self._sources.calendars, root)

    def _pinned(self, flow: str, plan: Plan) -> Plan:
        """What callers meet: what the files say, unless a person went back and they are as they were."""
        pin = self._job.pins.get(flow)
        if pin is None or pin.file_version not in (None, plan.version) or pin.version == plan.version:
            return plan
        return self._rebuild(flow, pin.version, Place(str(self._folder / f"{flow}.yaml"))) or plan

    def _rebuild(self, flow: str, version: str, place: Place) -> Plan | None:
        """A version of the history, checked against what the platform offers today; None with a finding."""
        files = self._ask(flow, version)
        if files is None:
            self._say(place, "unknown-version", f"flow {flow} has no single version {version[:12]} in its history")
            return None
        known = replace(
            self._job.catalog,
            flows=frozenset(name.removesuffix(".yaml") for name in files),
            calendars=frozenset(self._sources.calendars),
        )
        flows: dict[str, Flow] = {}
        for name, text in files.items():
            loaded = load_flow(text, f"{self._folder}/{name}", catalog=known)
            if loaded.flow is not None:
                flows[loaded.flow.id] = loaded.flow
            for issue in loaded.errors:
                self._say(place, "version-unfit", f"version {version[:12]} of {flow} no longer fits: {issue}")
        if self._work.failed:
            return None
        try:
            plan = self._compile(flows, flow)
        except PlanError as error:
            self._say(place, "version-unfit", f"version {version[:12]} of {flow} no longer fits: {error.message}")
            return None
        if not plan.version.startswith(version):
            why = "what the back office offers has changed since; edit the flow, or go back to another version"
            self._say(place, "version-unfit", f"version {version[:12]} of {flow} no longer fits: {why}")
            return None
        return plan

    def _canary(self, flow: str, version: str, place: Place) -> None:
        """Put a canary beside the active version, unless it is the same one or was taken back."""
        disk = self._work.disk[flow]
        if version == NEW:
            if self._work.plans[flow] is not disk:
                return  # somebody went back from what the files say
            before = self._job.active.get(flow)
            if before is None or before == disk.version:
                return
            stable = self._rebuild(flow, before, place)
            if stable is None:
                return
            self._work.plans[flow], plan = stable, disk
        else:
            found = disk if disk.version.startswith(version) else self._rebuild(flow, version, place)
            if found is None or found.version == self._work.plans[flow].version:
                return
            plan = found
        if (flow, plan.version) not in self._job.withdrawn:
            self._work.canaries[flow] = plan

    # ---- entry, tests, prompts ------------------------------------------------------------------------------------

    def _entry(self) -> Any:
        file = self._folder / "entry.yaml"
        try:
            text = read_file(file)
        except CtiError as error:
            self._work.issues.append(_issue(error, file))
            return None
        wanted = load_entry(text, str(file), flows=self._sources.flows, calendars=self._sources.calendars)
        self._work.issues += wanted.issues
        for entry in wanted.table.entries if wanted.table is not None else ():
            if entry.canary is not None and entry.flow not in self._work.canaries:
                self._canary(entry.flow, entry.canary.version, Place(str(file)))
        # What the entry gives must fit the versions that are met, which the files may not say.
        active = {name: plan.flows[name] for name, plan in self._work.plans.items()}
        canaries = {name: plan.flows[name] for name, plan in self._work.canaries.items()}
        tables = [
            load_entry(text, str(file), flows=flows, calendars=self._sources.calendars)
            for flows in ({**active, **canaries}, active)
        ]
        for loaded in tables:
            self._work.issues += loaded.issues
        return tables[-1].table

    def _test(self) -> None:
        for plan in (*self._work.plans.values(), *self._work.canaries.values()):
            key = tests_key(plan)
            if key not in self._job.tested:
                results = run_tests(plan)
                self._tests_run += len(results)
                failures = [failure for result in results for failure in result.failures]
                self._work.issues += failures
                if failures:
                    continue
            self._tested.add(key)

    def _render(self, how: PromptJob) -> None:
        plans = (*self._work.plans.values(), *self._work.canaries.values())
        says = dict.fromkeys(say for plan in plans for say in list_fixed_prompts(plan))
        prompts = None
        try:
            prompts = WavPrompts(
                Path(how.folder), Path(how.cache), voices=how.voices, renderer=Renderer(speed=how.speed)
            )
            report = prompts.render_ahead(says)
        except CtiError as error:
            self._work.issues.append(_issue(error, self._folder))
            return
        finally:
            if prompts is not None:
                prompts.close()
        self._rendered = report.rendered
        for say, why in report.failed:
            self._say(Place(str(self._folder)), why.code, f"{say.language} {say.text[:40]!r}: {why.message}")

    # ---- parts ---------------------------------------------------------------------------------------------------

    def _texts(self, plan: Plan) -> dict[str, str]:
        return {f"{name}.yaml": self._sources.texts[name].decode("utf-8", "replace") for name in plan.flows}

    def _say(self, place: Place, code: str, message: str) -> None:
        self._work.issues.append(Issue(place, code, message))


def hand_over(work: Work, checked: Checked, out: IO[bytes]) -> None:
    """The plans in small frames, then ``checked``. Of what failed, ``checked`` alone."""
    if not work.failed:
        keys: dict[int, str] = {}
        for role, plans in (("active", work.plans), ("canary", work.canaries)):
            for plan in plans.values():
                for flow in plan.flows.values():
                    if id(flow) not in keys:
                        keys[id(flow)] = str(len(keys))
                        _hand_flow(keys[id(flow)], flow, out)
                named = {name: keys[id(flow)] for name, flow in plan.flows.items()}
                write_frame(out, PlanPart(plan.root, plan.version, named, plan.lookups, role))
    write_frame(out, checked)


def _hand_flow(key: str, flow: Flow, out: IO[bytes]) -> None:
    write_frame(out, FlowHead(key, replace(flow, nodes={}, tests=()), len(flow.nodes)))
    for name, node in flow.nodes.items():
        write_frame(out, NodePart(name, node))


def _author(file: Path) -> str:
    """Who owns the file: the nearest to who saved it that a file system tells."""
    try:
        owner = file.stat().st_uid
        return pwd.getpwuid(owner).pw_name
    except KeyError:
        return f"uid {owner}"
    except OSError:
        return "unknown"


def _issue(error: CtiError, where: Path) -> Issue:
    return Issue(error.place or Place(str(where)), error.code, error.message)


def main() -> int:
    os.nice(19)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not get between the frames
    job = read_frame(sys.stdin.buffer)

    def ask(flow: str, version: str) -> Mapping[str, str] | None:
        write_frame(out, NeedVersion(flow, version))
        found: Mapping[str, str] | None = read_frame(sys.stdin.buffer)
        return found

    hand_over(*Reload(job, ask).run(), out)
    return 0


__all__ = ["Reload", "hand_over"]
