"""Where the plans of a replay come from: today's files, one file of choice, or the version that a call was met by."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cti.core.errors import CtiError
from cti.files import read_file
from cti.flow import compile_plan, load_flow
from cti.runtime.library import FlowsRefused, read_sources, refuse_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cti.flow import Catalog, Flow, Plan


class ReplayPlans:
    """``folder`` holds today's flows. Calendars are always today's: they are no part of a version, and a replay takes
    what they said then from the recording."""

    def __init__(
        self, folder: Path, catalog: Catalog, find_files: Callable[[str, str], Mapping[str, str] | None]
    ) -> None:
        self._sources = read_sources(folder, catalog)
        self._folder, self._catalog, self._find_files = folder, catalog, find_files
        self._recorded: dict[tuple[str, str], Plan | None] = {}
        self._today: dict[str, Plan] = {}

    def today(self, flow: str) -> Plan:
        """Raises FlowsRefused (an error in the files), CtiError (no such flow any more)."""
        if flow not in self._today:
            refuse_errors([issue for issue in self._sources.issues if flow not in self._sources.flows])
            if flow not in self._sources.flows:
                raise CtiError(
                    f"there is no flow '{flow}' in {self._folder} any more",
                    code="unknown-flow",
                    remedy="name its file: --flow FILE, or replay the recorded version: --recorded",
                )
            self._today[flow] = compile_plan(self._sources.flows, self._sources.calendars, flow)
        return self._today[flow]

    def of_file(self, file: Path) -> Plan:
        """The flow in ``file`` in place of the one of its name. Raises FlowsRefused."""
        return self._plan({file.name: read_file(file)}, file.stem, str(file.parent))

    def find(self, flow: str, version: str) -> Plan | None:
        """The plan of a recorded version; None when its texts are not kept, or no longer make it (a signature of a
        look-up has changed)."""
        key = (flow, version)
        if key not in self._recorded:
            self._recorded[key] = self._find(flow, version)
        return self._recorded[key]

    def _find(self, flow: str, version: str) -> Plan | None:
        if flow in self._sources.flows:
            today = self.today(flow)
            if today.version == version:
                return today
        files = self._find_files(flow, version)
        if files is None:
            return None
        try:
            plan = self._plan(files, flow, str(self._folder))
        except FlowsRefused:
            return None
        return plan if plan.version == version else None

    def _plan(self, files: Mapping[str, str] | Mapping[str, bytes], root: str, folder: str) -> Plan:
        flows: dict[str, Flow] = dict(self._sources.flows)
        names = {name.removesuffix(".yaml") for name in files}
        catalog = replace(
            self._catalog, flows=frozenset({*flows, *names}), calendars=frozenset(self._sources.calendars)
        )
        for name, text in files.items():
            loaded = load_flow(text, f"{folder}/{name}", catalog=catalog)
            refuse_errors(loaded.issues)
            assert loaded.flow is not None
            flows[loaded.flow.id] = loaded.flow
        return compile_plan(flows, self._sources.calendars, root)
