"""Versions of the history, built again from their texts and held against what the platform offers today."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from cti.core.issue import Issue, Place
from cti.flow import Calendar, Flow, Plan, PlanError, compile_plan, load_flow
from cti.runtime.reload.job import Job

Ask = Callable[[str, str], "Mapping[str, str] | None"]  # flow, version -> the texts of its closure
Earlier = Callable[[str], Iterable[str]]  # flow -> the versions that callers met, the newest first


class Versions:
    def __init__(self, job: Job, ask: Ask, calendars: Mapping[str, Calendar]) -> None:
        """``calendars``: all that a version may look into, those included that no file names any more."""
        self._job, self._ask, self._calendars = job, ask, calendars
        self._built: dict[tuple[str, str], Plan | list[tuple[str, str]]] = {}

    def find(self, flow: str, version: str) -> Plan | None:
        """``version``: the whole of it, or its beginning."""
        found = self._find(flow, version)
        return found if isinstance(found, Plan) else None

    def why_not(self, flow: str, version: str, place: Place) -> list[Issue]:
        """Why `find` gives none, told at ``place``."""
        found = self._find(flow, version)
        return [] if isinstance(found, Plan) else [Issue(place, code, message) for code, message in found]

    def _find(self, flow: str, version: str) -> Plan | list[tuple[str, str]]:
        if (flow, version) not in self._built:
            self._built[flow, version] = self._build(flow, version)
        return self._built[flow, version]

    def _build(self, flow: str, version: str) -> Plan | list[tuple[str, str]]:
        """The plan, or (code, message) of what is wrong."""
        files = self._ask(flow, version)
        if files is None:
            return [("unknown-version", f"flow {flow} has no single version {version[:12]} in its history")]
        known = replace(
            self._job.catalog,
            flows=frozenset(name.removesuffix(".yaml") for name in files),
            calendars=frozenset(self._calendars),
        )
        flows: dict[str, Flow] = {}
        wrong: list[str] = []
        for name, text in files.items():
            loaded = load_flow(text, f"{self._job.folder}/{name}", catalog=known)
            if loaded.flow is not None:
                flows[loaded.flow.id] = loaded.flow
            wrong += [str(issue) for issue in loaded.errors]
        plan = None
        if not wrong:
            try:
                plan = compile_plan(flows, self._calendars, flow)
            except PlanError as error:
                wrong = [str(issue) for issue in error.issues]
        if plan is not None and not plan.version.startswith(version):
            wrong = ["what the back office offers has changed since; edit the flow, or go back to another version"]
        if plan is None or wrong:
            return [("version-unfit", f"version {version[:12]} of {flow} no longer fits: {why}") for why in wrong]
        return plan
