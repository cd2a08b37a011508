"""Reports of queues, agents, flows and calls by period and interval; each brings the formulas that it used."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from cti.acd import kpis
from cti.acd.counts import AGENT_COUNTS, DISPOSITION, INTERVAL_S, QUEUE_COUNTS, WITHIN_S
from cti.core.errors import CtiError
from cti.runtime.reports import calls as report_calls
from cti.runtime.reports.contacts import contact_counts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from zoneinfo import ZoneInfo

    from cti.acd.kpis import Kpi
    from cti.store.report_rows import Reports

NAMES = ("queues", "agents", "flows", "calls")
DAY_S = 86_400
_MOST_S = 400 * DAY_S

RECONCILES = "offered = answered + abandoned + flow_out + callback + lost + in_progress"
DISPOSED = "handled = Σ disposition:… + without_disposition"


class Interval(StrEnum):
    QUARTER = "15min"
    HOUR = "hour"
    DAY = "day"
    WHOLE = "period"


@dataclass(frozen=True, slots=True)
class Period:
    """[since, until), seconds since the epoch. Raises CtiError (bad-period): not on quarters of an hour, empty, or
    more than 400 days."""

    since: float
    until: float
    zone: ZoneInfo
    interval: Interval = Interval.WHOLE

    def __post_init__(self) -> None:
        remedy = "such as 2026-03-02 to 2026-03-03, or 2026-03-02T09:00 to 2026-03-02T09:15"
        if self.since % INTERVAL_S or self.until % INTERVAL_S:
            raise CtiError(
                "a report begins and ends on a quarter of an hour, as the counts do", code="bad-period", remedy=remedy
            )
        if not 0 < self.until - self.since <= _MOST_S:
            raise CtiError("a report covers more than nothing and 400 days at most", code="bad-period", remedy=remedy)

    def begins(self, at: float) -> float:
        """Of the interval that holds ``at``; the first one begins with the period."""
        if self.interval is Interval.WHOLE:
            return self.since
        local = datetime.fromtimestamp(at, self.zone).replace(second=0, microsecond=0)
        if self.interval is Interval.DAY:
            local = local.replace(hour=0, minute=0, fold=0)
        elif self.interval is Interval.HOUR:
            local = local.replace(minute=0)
        else:
            local -= timedelta(minutes=local.minute % 15)
        return max(self.since, local.timestamp())

    def iso(self, at: float) -> str:
        return datetime.fromtimestamp(at, self.zone).isoformat()


@dataclass(frozen=True, slots=True)
class Report:
    """``rows`` and ``total`` hold counts and KPIs by name (None: nothing to divide by); ``notes``: what to know."""

    name: str
    since: str
    until: str
    interval: str
    rows: list[dict[str, Any]]
    total: dict[str, Any]
    formulas: dict[str, str]
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        shown = asdict(self)
        return {
            "report": shown.pop("name"), "from": shown.pop("since"), "to": shown.pop("until"),
            "interval": shown.pop("interval"), "items": shown.pop("rows"), **shown,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Options:
    """``within``: the N of service levels, one of `WITHIN_S`. ``fcr_days``: the window of first-contact resolution.
    ``only``: queues or agents that may be shown; None: all. ``now``: what calls again only later is not judged yet."""

    within: int = 20
    fcr_days: int = 7
    only: Collection[str] | None = None
    now: float = 0.0

    def __post_init__(self) -> None:
        if self.within not in WITHIN_S:
            known = ", ".join(map(str, WITHIN_S))
            raise CtiError(f"service levels are counted within {known} s", code="bad-period", remedy="name one of them")
        if not 1 <= self.fcr_days <= 90:
            raise CtiError("the window is from 1 to 90 days", code="bad-period", remedy="such as 7")


def make(reports: Reports, name: str, period: Period, options: Options) -> Report:
    """``name``: one of `NAMES`. Raises StoreUnavailable."""
    makers: Mapping[str, Callable[[Reports, Period, Options], Report]] = {
        "queues": queues, "agents": agents, "flows": flows, "calls": calls,
    }  # fmt: skip
    return makers[name](reports, period, options)


def queues(reports: Reports, period: Period, options: Options) -> Report:
    found = _by_interval(reports, "queue", period, options)
    told: dict[tuple[float, str], list[tuple[float, float]]] = defaultdict(list)
    for row in reports.told(int(period.since), int(period.until)):
        told[period.begins(row.began_at), row.queue].append((row.told_s, row.actual_s))
    used = (kpis.service_level(options.within), kpis.answered_within(options.within), *kpis.QUEUE_KPIS)
    names = (*QUEUE_COUNTS, *_dispositions(found.values()))
    rows = []
    for (begins, queue), counts in sorted(found.items()):
        shown = _row(period, begins, {"queue": queue}, counts, names, used)
        shown["in_progress"] = kpis.in_progress(counts)
        shown["ewt_error"] = kpis.ewt_error(told[begins, queue])
        shown["ewt_told"] = len(told[begins, queue])
        rows.append(shown)
    contacts = contact_counts(reports.contacts(int(period.since), int(period.until), options.only))
    total: dict[str, Any] = {"queue": "all, by contact", **contacts, "in_progress": kpis.in_progress(contacts)}
    by_contact = [kpi for kpi in used if kpi.name not in ("aht_s", "ring_no_answer_rate")]
    total |= {kpi.name: kpi.of(contacts) for kpi in by_contact}
    formulas = {"offered": RECONCILES, "handled": DISPOSED, **_formulas(used), "ewt_error": kpis.EWT_ERROR}
    notes = ["Rows count queue entries, in the interval in which they were offered; the total counts contacts."]
    return _report("queues", period, rows, total, formulas, notes)


def agents(reports: Reports, period: Period, options: Options) -> Report:
    found = _by_interval(reports, "agent", period, options)
    names = (*AGENT_COUNTS, *_dispositions(found.values()))
    rows = [
        _row(period, begins, {"agent": agent}, counts, names, kpis.AGENT_KPIS)
        for (begins, agent), counts in sorted(found.items())
    ]
    whole: Counter[str] = Counter()
    for counts in found.values():
        whole.update(counts)
    total = {"agent": "all", **_shown(whole, names, kpis.AGENT_KPIS)}
    formulas = {
        "handled": DISPOSED,
        "logged-in": "handling_s + reserved_s + ready_s + not_ready_s",
        **_formulas(kpis.AGENT_KPIS),
    }
    notes = ["Time is counted when the agent goes over to another state, or the engine stops."]
    return _report("agents", period, rows, total, formulas, notes)


def flows(reports: Reports, period: Period, options: Options) -> Report:
    found: dict[tuple[float, str], Counter[str]] = defaultdict(Counter)
    whole: Counter[str] = Counter()
    for call in reports.calls(period.since, period.until, 0.0):
        if call.flow:
            for counts in (found[period.begins(call.started_at), call.flow], whole):
                report_calls.add_run(counts, call)
    names = report_calls.FLOW_COUNTS
    rows = [
        _row(period, begins, {"flow": flow}, counts, names, kpis.FLOW_KPIS)
        for (begins, flow), counts in sorted(found.items())
    ]
    total = {"flow": "all", **_shown(whole, names, kpis.FLOW_KPIS)}
    return _report("flows", period, rows, total, _formulas(kpis.FLOW_KPIS), [])


def calls(reports: Reports, period: Period, options: Options) -> Report:
    found: dict[float, Counter[str]] = defaultdict(Counter)
    whole: Counter[str] = Counter()
    window_s = options.fcr_days * DAY_S
    for call in reports.calls(period.since, period.until, window_s):
        for counts in (found[period.begins(call.started_at)], whole):
            report_calls.add_call(counts, call, judged=call.started_at + window_s <= options.now)
    used = report_calls.call_kpis(options.fcr_days)
    names = (*report_calls.CALL_COUNTS, *_dispositions([whole]))
    rows = [_row(period, begins, {}, counts, names, used) for begins, counts in sorted(found.items())]
    passed, handled = reports.passed_on(period.since, period.until)
    survey = report_calls.survey(reports, period.since, period.until)
    total = {**_shown(whole, names, used), "passed_on": passed, "contacts_handled": handled}
    total["transfer_rate"] = passed / handled if handled else None
    total |= survey
    formulas = {"handled": report_calls.DISPOSED, **_formulas(used), **report_calls.TOTAL_FORMULAS}
    return _report("calls", period, rows, total, formulas, [report_calls.fcr_note(options.fcr_days)])


# ---- parts -----------------------------------------------------------------------------------------------------------


def _by_interval(
    reports: Reports, kind: str, period: Period, options: Options
) -> dict[tuple[float, str], Counter[str]]:
    found: dict[tuple[float, str], Counter[str]] = defaultdict(Counter)
    for row in reports.counts(kind, int(period.since), int(period.until)):
        if options.only is None or row.name in options.only:
            found[period.begins(row.begins), row.name][row.what] += row.value  # type: ignore[assignment]
    return found


def _dispositions(counts: Iterable[Counter[str]]) -> list[str]:
    """Those that were given, in the order of their codes."""
    return sorted({name for some in counts for name in some if name.startswith(DISPOSITION)})


def _row(
    period: Period,
    begins: float,
    of: Mapping[str, str],
    counts: Counter[str],
    names: Iterable[str],
    used: Iterable[Kpi],
) -> dict[str, Any]:
    return {"begins": period.iso(begins), **of, **_shown(counts, names, used)}


def _shown(counts: Counter[str], names: Iterable[str], used: Iterable[Kpi]) -> dict[str, Any]:
    return {**{name: counts[name] for name in names}, **{kpi.name: kpi.of(counts) for kpi in used}}


def _formulas(used: Iterable[Kpi]) -> dict[str, str]:
    return {kpi.name: kpi.formula for kpi in used}


def _report(
    name: str,
    period: Period,
    rows: list[dict[str, Any]],
    total: dict[str, Any],
    formulas: dict[str, str],
    notes: list[str],
) -> Report:
    return Report(
        name, period.iso(period.since), period.iso(period.until), str(period.interval), rows, total, formulas, notes
    )
