"""The plan that a run began with: one that callers meet today, or an earlier version, built again from its texts."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import gevent
from gevent.lock import BoundedSemaphore

from cti.core.errors import CtiError
from cti.runtime.reload.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cti.flow import Plan
    from cti.ports import FlowHistory
    from cti.runtime.library import FlowLibrary
    from cti.runtime.reload.job import Job

log = logging.getLogger("cti.engine")


class PlanSource:
    """``job``: what versions are built with, as of now."""

    def __init__(self, library: FlowLibrary, history: FlowHistory, job: Callable[[], Job]) -> None:
        self._library, self._history, self._job = library, history, job
        self._built: dict[tuple[str, str], Plan | None] = {}
        self._one = BoundedSemaphore(1)

    def find(self, flow: str, version: str) -> Plan | None:
        """None: it is not to be had any more. Blocks when it has to be built, which is done on a thread: a large flow
        takes half a second."""
        for plans in (self._library.plans, self._library.canaries):
            plan = plans.get(flow)
            if plan is not None and plan.version == version:
                return plan
        with self._one:
            if (flow, version) not in self._built:
                self._built[flow, version] = self._build(flow, version)
        return self._built[flow, version]

    def _build(self, flow: str, version: str) -> Plan | None:
        try:
            found = self._history.find(flow, version)
        except CtiError as error:
            log.error("flow %s: version %s cannot be asked for: %s", flow, version[:12], error)
            return None
        texts = {(one.flow, one.version): one.files for one in found}

        def ask(name: str, which: str) -> Mapping[str, str] | None:
            return texts.get((name, which))

        versions = Versions(self._job(), ask, self._library.calendars)
        plan: Plan | None = gevent.get_hub().threadpool.apply(versions.find, (flow, version))
        return plan
