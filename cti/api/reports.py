"""``/v1/reports/{name}``: queues, agents, flows and calls by period, with the formulas, as JSON or CSV.

Who may see some teams or queues only sees the rows of their agents and queues, and no report of flows and calls.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cti.api.guard import access_of
from cti.api.paging import known_only, time_of
from cti.api.problems import Problem
from cti.core.access import Permission
from cti.core.errors import CtiError
from cti.runtime.reports.as_csv import write_csv
from cti.runtime.reports.making import NAMES, Interval, Options, Period, make

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import falcon

    from cti.api.guard import Access
    from cti.ports import Clock
    from cti.runtime.reports.making import Report
    from cti.store.agents import Agents
    from cti.store.report_rows import Reports

PARAMETERS = ("from", "to", "interval", "within", "fcr_days", "format")


class ReportResource:
    """``GET /v1/reports/{name}?from=&to=&interval=&within=&fcr_days=&format=json|csv``

    ``live``: the queues as they are now, which the report of queues shows beside the counts, as ``now``."""

    def __init__(
        self,
        reports: Reports,
        agents: Agents,
        clock: Clock,
        zone: ZoneInfo,
        live: Callable[[], Mapping[str, Mapping[str, Any]]],
    ) -> None:
        self._reports, self._agents, self._clock, self._zone, self._live = reports, agents, clock, zone, live

    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        known_only(req, PARAMETERS)
        access = access_of(req)
        if name not in NAMES:
            access.visible(Permission.REPORTS_READ)
            raise Problem("not-found", f"no report {name[:40]!r}; there are {', '.join(NAMES)}")
        only = self._only(access, name)
        as_csv = _one_of(req, "format", ("json", "csv")) == "csv"
        report = self._make(req, name, only)
        if as_csv:
            text = io.StringIO()
            write_csv(report, text)
            resp.content_type, resp.text = "text/csv; charset=utf-8", text.getvalue()
            return
        shown = report.as_dict()
        if name == "queues":
            shown["now"] = {queue: row for queue, row in self._live().items() if only is None or queue in only}
        resp.media = shown

    on_head = on_get

    def _only(self, access: Access, name: str) -> Collection[str] | None:
        """The queues or agents whose rows may be shown; None: all. Raises Problem (forbidden)."""
        what = access.visible(Permission.REPORTS_READ)
        if what.everything:
            return None
        if name == "agents":
            return frozenset(agent.agent_id for agent in self._agents.list_agents(what))
        if name == "queues":
            return what.queues
        access.note(Permission.REPORTS_READ, f"report:{name}", allowed=False, reason="scope")
        raise Problem("forbidden", f"the report of {name} is for who may see all teams")

    def _make(self, req: falcon.Request, name: str, only: Collection[str] | None) -> Report:
        since, until = time_of(req, "from"), time_of(req, "to")
        if since is None or until is None:
            raise Problem("bad-request", "a report takes from and to, ISO 8601 with an offset")
        interval = Interval(_one_of(req, "interval", tuple(Interval)) or Interval.WHOLE)
        try:
            period = Period(since, until, self._zone, interval)
            options = Options(
                within=_whole(req, "within", 20), fcr_days=_whole(req, "fcr_days", 7), only=only, now=self._clock.now()
            )
        except CtiError as error:
            raise Problem("bad-request", error.message) from error
        return make(self._reports, name, period, options)


def _one_of(req: falcon.Request, name: str, known: tuple[str, ...]) -> str | None:
    found = req.get_param(name)
    if found is not None and found not in known:
        raise Problem("bad-request", f"{name} must be one of {', '.join(known)}")
    return found


def _whole(req: falcon.Request, name: str, default: int) -> int:
    found = req.get_param(name)
    if found is None:
        return default
    if not re.fullmatch("[0-9]{1,3}", found):
        raise Problem("bad-request", f"{name} must be a whole number")
    return int(found)
