"""The flows that calls meet: loaded from a folder, checked, compiled, matched by the entry table.

Loading is all or nothing: with any error nothing is taken and every finding is reported.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cti.core.errors import ConfigError
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
from cti.flow.flowtests import TestResult, run_tests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from cti.core.calls import NewCall
    from cti.core.commands import Say
    from cti.flow import Calendar, EntryTable, Flow

#: The flow that a call over a limit, or to a number without an entry, is met by.
REJECT_FLOW = "busy"
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

    def meet(self, call: NewCall, now: datetime) -> Meeting:
        if call.caller.called in self.direct:
            return self._meet_directly(self.direct[call.caller.called], call)
        found = self.entry.match(
            medium=call.medium,
            called=call.caller.called,
            caller=call.caller.number,
            attributes=call.attributes,
            now=now,
            chance=self.chance(),
        )
        if found is None:
            return self.reject("no entry")
        return Meeting(self.plans[found.flow], found.inputs, found.rule)

    def _meet_directly(self, flow: str, call: NewCall) -> Meeting:
        caller = call.caller
        inputs = {"caller": caller.number, "called": caller.called, "medium": call.medium.value}
        return Meeting(self.plans[flow], inputs, f"flow {flow}")

    def fixed_prompts(self) -> list[Say]:
        """Every fixed text of every flow, once."""
        return list(dict.fromkeys(say for plan in self.plans.values() for say in list_fixed_prompts(plan)))

    def run_tests(self) -> dict[str, list[TestResult]]:
        """The tests that the flows carry, by flow. Takes no real time."""
        return {name: run_tests(plan) for name, plan in sorted(self.plans.items())}

    def reject(self, reason: str) -> Meeting:
        return Meeting(self.plans[REJECT_FLOW], {}, reason, rejected=True)


@dataclass(slots=True)
class Sources:
    """What a folder of flows holds, by kind."""

    flows: dict[str, Flow] = field(default_factory=dict)
    calendars: dict[str, Calendar] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)


def load_folder(folder: Path, catalog: Catalog, *, direct: Mapping[str, str] | None = None) -> FlowLibrary:
    """Load every flow, calendar and the entry table below ``folder``.

    Raises ConfigError (``flows-refused``) whose ``issues`` holds all findings when any of them is an error.
    """
    if not folder.is_dir():
        raise ConfigError(f"no folder {folder}", code="no-flows", remedy="set `flows:` in the configuration")
    sources = read_sources(folder, catalog)
    issues = sources.issues
    entry_file = folder / "entry.yaml"
    entry = load_entry(_text(entry_file), str(entry_file), flows=sources.flows, calendars=sources.calendars)
    issues += entry.issues
    if REJECT_FLOW not in sources.flows:
        issues.append(Issue(Place(str(folder)), "no-reject-flow", f"there is no {REJECT_FLOW}.yaml for refused calls"))
    for name in sources.flows:
        issues += check_closure(sources.flows, sources.calendars, name)
    issues[:] = dict.fromkeys(issues)  # what several flows call is found once for each of them
    refuse_errors(issues)
    assert entry.table is not None
    plans = {name: compile_plan(sources.flows, sources.calendars, name) for name in sources.flows}
    return FlowLibrary(plans, entry.table, issues=issues, direct=dict(direct or {}))


def read_sources(folder: Path, catalog: Catalog) -> Sources:
    """All flows and calendars below the folder, with all findings; raises nothing for bad content."""
    sources = Sources()
    for file in sorted((folder / "calendars").glob("*.yaml")):
        calendar = load_calendar(_text(file), str(file))
        sources.issues += calendar.issues
        if calendar.calendar is not None:
            sources.calendars[file.stem] = calendar.calendar
    names = [f for f in sorted(folder.glob("*.yaml")) if f.stem not in NO_FLOWS]
    known = replace(catalog, flows=frozenset(f.stem for f in names), calendars=frozenset(sources.calendars))
    for file in names:
        loaded = load_flow(_text(file), str(file), catalog=known)
        sources.issues += loaded.issues
        if loaded.flow is not None:
            sources.flows[file.stem] = loaded.flow
    return sources


def refuse_errors(issues: list[Issue]) -> None:
    errors = [issue for issue in issues if issue.severity is Severity.ERROR]
    if errors:
        raise FlowsRefused(errors)


class FlowsRefused(ConfigError):
    """At least one flow has an error; ``issues`` lists them all."""

    code = "flows-refused"

    def __init__(self, issues: list[Issue]) -> None:
        super().__init__(f"{len(issues)} finding(s) in the flows", remedy="mend them; `cti flow check` shows them")
        self.issues = issues


def _text(file: Path) -> bytes:
    return read_file(file)
