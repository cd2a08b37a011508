"""The flows that calls meet: loaded from a folder, checked, compiled, matched by the entry table.

`load_folder` is all or nothing: with any error nothing is taken and every finding is reported. An engine takes what is
good instead (`cti.runtime.reload.judge`).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cti.core.calls import Medium
from cti.core.errors import ConfigError, CtiError
from cti.core.issue import Issue, Place, Severity
from cti.files import read_file
from cti.flow import (
    Catalog,
    Plan,
    check_closure,
    compile_plan,
    list_fixed_prompts,
    load_calendar,
    load_entry,
    load_flow,
)
from cti.flow.canary import is_chosen, place_of
from cti.flow.flowtests import TestResult, run_tests
from cti.flow.load_entry import EntryLoad

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime
    from pathlib import Path

    from cti.core.calls import NewCall
    from cti.core.commands import Say
    from cti.flow import Calendar, EntryMatch, EntryTable, Flow

#: The flow that a call over a limit, or to a number without an entry, is met by.
REJECT_FLOW = "busy"
#: The flow that a blocked number is met by; without it the one above.
BLOCKED_FLOW = "blocked"
#: Files beside the flows that are none.
NO_FLOWS = ("entry", "queues", "notices")


@dataclass(frozen=True, slots=True)
class Meeting:
    """What a new call is met with."""

    plan: Plan
    inputs: Mapping[str, Any]
    entry: str
    rejected: bool = False


@dataclass(slots=True)
class FlowLibrary:
    """``plans`` by flow name; ``entry`` decides which one a call meets; ``chance`` gives numbers in [0, 1)."""

    plans: Mapping[str, Plan]
    entry: EntryTable
    chance: Callable[[], float] = random.random
    issues: list[Issue] = field(default_factory=list)
    direct: Mapping[str, str] = field(default_factory=dict)
    canaries: Mapping[str, Plan] = field(default_factory=dict)  # flow -> the version that some callers meet
    calendars: dict[str, Calendar] = field(default_factory=dict)  # the one that all plans look into
    asked_by_settings: dict[str, str] = field(default_factory=dict)  # what asks one beside the flows -> calendar

    def __post_init__(self) -> None:
        self.plans = {name: replace(plan, calendars=self.calendars) for name, plan in self.plans.items()}

    def take(
        self,
        plans: Mapping[str, Plan],
        canaries: Mapping[str, Plan],
        entry: EntryTable | None,
        calendars: Mapping[str, Calendar],
    ) -> None:
        """All at once: the next call meets the new ones, calls that are up keep their plans. Without ``entry`` the
        table stays. What can be met and is not among ``plans`` stays, too.

        Calendars hold for running calls at once; one that no file names any more stays for those who still ask it.
        """
        self.calendars.update(calendars)
        table = self.entry if entry is None else entry
        stay = {name: self.plans[name] for name in self.needed(table) if name in self.plans}
        self.plans = {name: replace(plan, calendars=self.calendars) for name, plan in {**stay, **plans}.items()}
        self.canaries = {name: replace(plan, calendars=self.calendars) for name, plan in canaries.items()}
        self.entry = table

    def needed(self, entry: EntryTable) -> set[str]:
        """Flows that a call can come to."""
        return {REJECT_FLOW, *self.direct.values(), *(one.flow for one in entry.entries)}

    def withdraw(self, flow: str) -> None:
        """From the next call on nobody meets the canary."""
        self.canaries = {name: plan for name, plan in self.canaries.items() if name != flow}

    def told_apart(self, call: NewCall) -> NewCall:
        """A call to a number for faxes, of which the switch knows only that it is a call."""
        medium = Medium(self.entry.medium_of(call.medium, call.caller.called))
        return call if medium is call.medium else replace(call, medium=medium)

    def meet(self, call: NewCall, now: datetime) -> Meeting:
        if call.flow:
            return self._meet_directly(call.flow, call) if call.flow in self.plans else self.reject("no flow")
        if call.caller.called in self.direct:
            return self._meet_directly(self.direct[call.caller.called], call)
        found = self.entry.match(
            medium=call.medium,
            called=call.caller.called,
            caller=call.caller.number,
            attributes=call.attributes,
            now=now,
            chance=place_of(call.caller.number) if call.caller.number else self.chance(),
        )
        if found is None:
            return self.reject("no entry")
        return Meeting(self._version(found, call.caller.number), found.inputs, found.rule)

    def _version(self, found: EntryMatch, caller: str | None) -> Plan:
        canary = self.canaries.get(found.flow)
        if canary is not None and found.canary is not None:
            place = None if caller else self.chance()
            if is_chosen(found.canary, canary.version, place, caller):
                return canary
        return self.plans[found.flow]

    def _meet_directly(self, flow: str, call: NewCall) -> Meeting:
        caller = call.caller
        inputs = {"caller": caller.number, "called": caller.called, "medium": call.medium.value}
        return Meeting(self.plans[flow], inputs, call.why or f"flow {flow}")

    def fixed_prompts(self) -> list[Say]:
        """Every fixed text of every flow, once."""
        return list(dict.fromkeys(say for plan in self.plans.values() for say in list_fixed_prompts(plan)))

    def run_tests(self) -> dict[str, list[TestResult]]:
        """The tests that the flows carry, by flow. Takes no real time."""
        return {name: run_tests(plan) for name, plan in sorted(self.plans.items())}

    def reject(self, reason: str) -> Meeting:
        """``blocked`` has a flow of its own, where there is one of that name."""
        plan = self.plans.get(BLOCKED_FLOW) if reason == BLOCKED_FLOW else None
        return Meeting(plan or self.plans[REJECT_FLOW], {}, reason, rejected=True)


@dataclass(slots=True)
class Sources:
    """What a folder of flows holds, by kind."""

    flows: dict[str, Flow] = field(default_factory=dict)
    calendars: dict[str, Calendar] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    texts: dict[str, bytes] = field(default_factory=dict)  # file name below the folder -> what it says
    findings: dict[str, list[Issue]] = field(default_factory=dict)  # the same -> what is wrong in it, warnings too
    names: tuple[str, ...] = ()  # of the flows that have a file, good or not

    @property
    def refused(self) -> set[str]:
        """Flows with a file that makes none."""
        return set(self.names) - self.flows.keys()

    def add(self, file: str, issues: list[Issue]) -> None:
        self.findings[file] = issues
        self.issues += issues


def load_folder(folder: Path, catalog: Catalog, *, direct: Mapping[str, str] | None = None) -> FlowLibrary:
    """Load every flow, calendar and the entry table below ``folder``.

    Raises ConfigError (``flows-refused``) whose ``issues`` holds all findings when any of them is an error.
    """
    need_folder(folder)
    sources = read_folder(folder, catalog)
    issues = sources.issues
    entry_file = folder / "entry.yaml"
    try:
        entry = load_entry(read_file(entry_file), str(entry_file), flows=sources.flows, calendars=sources.calendars)
    except ConfigError as error:  # one finding among the others
        entry = EntryLoad(None, [unreadable(error, entry_file)])
    issues += entry.issues
    # What several flows call is found once for each of them; a flow with findings of its own is there all the same.
    issues[:] = [issue for issue in dict.fromkeys(issues) if not misses(issue, sources.refused)]
    refuse_errors(issues)
    assert entry.table is not None
    plans = {name: compile_plan(sources.flows, sources.calendars, name) for name in sources.flows}
    return FlowLibrary(plans, entry.table, issues=issues, direct=dict(direct or {}), calendars=sources.calendars)


def need_folder(folder: Path) -> None:
    """Raises ConfigError."""
    if not folder.is_dir():
        raise ConfigError(f"no folder {folder}", code="no-flows", remedy="set `flows:` in the configuration")


def read_folder(folder: Path, catalog: Catalog) -> Sources:
    """All flows and calendars, checked alone and together; raises nothing for bad content."""
    sources = read_sources(folder, catalog)
    if REJECT_FLOW not in sources.names:
        sources.issues.append(no_reject_flow(folder))
    for name in sources.flows:
        sources.issues += check_closure(sources.flows, sources.calendars, name)
    return sources


def no_reject_flow(folder: Path) -> Issue:
    return Issue(Place(str(folder)), "no-reject-flow", f"there is no {REJECT_FLOW}.yaml for refused calls")


def read_sources(folder: Path, catalog: Catalog) -> Sources:
    """All flows and calendars below the folder, with all findings; raises nothing for bad content, nor for a file that
    cannot be read."""
    sources = Sources()
    for file in sorted((folder / "calendars").glob("*.yaml")):
        name = f"calendars/{file.name}"
        text = _text(file, name, sources)
        if text is not None:
            calendar = load_calendar(text, str(file))
            sources.add(name, calendar.issues)
            if calendar.calendar is not None:
                sources.calendars[file.stem] = calendar.calendar
    files = [f for f in sorted(folder.glob("*.yaml")) if f.stem not in NO_FLOWS and not f.name.startswith(".")]
    sources.names = tuple(f.stem for f in files)
    calendars = frozenset(file.stem for file in (folder / "calendars").glob("*.yaml"))
    known = replace(catalog, flows=frozenset(sources.names), calendars=calendars)
    for file in files:
        text = _text(file, file.name, sources)
        if text is not None:
            loaded = load_flow(text, str(file), catalog=known)
            sources.add(file.name, loaded.issues)
            if loaded.flow is not None:
                sources.flows[file.stem] = loaded.flow
    return sources


def _text(file: Path, name: str, sources: Sources) -> bytes | None:
    try:
        sources.texts[name] = read_file(file)
    except ConfigError as error:
        sources.add(name, [unreadable(error, file)])
        return None
    return sources.texts[name]


def unreadable(error: CtiError, file: Path) -> Issue:
    return Issue(error.place or Place(str(file)), error.code, error.message)


def misses(issue: Issue, refused: AbstractSet[str]) -> bool:
    """Does it only say that there is no flow of a name whose file has findings of its own?"""
    return issue.code == "unknown-flow" and any(f"no flow '{name}'" in issue.message for name in refused)


def refuse_errors(issues: list[Issue]) -> None:
    errors = [issue for issue in issues if issue.severity is Severity.ERROR]
    if errors:
        raise FlowsRefused(errors, issues)


class FlowsRefused(ConfigError):
    """At least one flow has an error; ``issues`` lists them, ``findings`` has the warnings beside them."""

    code = "flows-refused"

    def __init__(self, issues: list[Issue], findings: list[Issue] | None = None) -> None:
        super().__init__(f"{len(issues)} finding(s) in the flows", remedy="mend them; `cti flow check` shows them")
        self.issues = issues
        self.findings = findings or issues
