"""What calls and flow runs count for in reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cti.acd.counts import DISPOSITION, WITHOUT
from cti.acd.kpis import Kpi
from cti.core.calls import TerminalCause

if TYPE_CHECKING:
    from collections import Counter

    from cti.store.report_rows import CallFacts, Reports

FLOW_COUNTS = ("runs", "ended", "contained", "goal", "queued", "errors", "seconds_s")
CALL_COUNTS = (
    "calls", "answered", "ended", "seconds_s", "queued", "handled", *(f"ended_{cause}" for cause in TerminalCause),
    "fcr_judged", "fcr_settled", WITHOUT,
)  # fmt: skip
#: The survey of the shipped flows: flow, the node that asks, and the answer of who is satisfied.
SURVEY = ("csat", "ask", "1")

DISPOSED = "handled = Σ disposition:… + without_disposition; of a call the last that an agent gave"
TOTAL_FORMULAS = {
    "transfer_rate": "passed_on / contacts_handled; passed_on: handled contacts that another agent had transferred, or "
    "asked this agent about",
    "csat": f"answers {SURVEY[2]} / all answers at {SURVEY[0]}/{SURVEY[1]}",
}


def add_run(counts: Counter[str], call: CallFacts) -> None:
    counts["runs"] += 1
    counts["goal"] += call.goal
    counts["queued"] += call.queued
    counts["contained"] += call.goal and not call.queued
    counts["errors"] += bool(call.error)
    _add_end(counts, call)


def add_call(counts: Counter[str], call: CallFacts, *, judged: bool) -> None:
    """``judged``: the window in which the caller must not call again is over."""
    counts["calls"] += 1
    counts["answered"] += call.answered_at is not None
    counts["queued"] += call.queued
    counts["handled"] += call.handled
    if call.handled:
        counts[WITHOUT if call.disposition is None else f"{DISPOSITION}{call.disposition}"] += 1
    if call.terminal_cause is not None:
        counts[f"ended_{call.terminal_cause}"] += 1
    if call.handled and call.known and judged:
        counts["fcr_judged"] += 1
        counts["fcr_settled"] += not call.again
    _add_end(counts, call)


def _add_end(counts: Counter[str], call: CallFacts) -> None:
    if call.ended_at is not None:
        counts["ended"] += 1
        # Of each call to the millisecond, as the other counts are: so a day's records of calls sum to it.
        counts["seconds_s"] += round((call.ended_at - call.started_at) * 1000) / 1000  # type: ignore[assignment]


def call_kpis(days: int) -> tuple[Kpi, ...]:
    def ratio(top: str, bottom: str) -> Any:
        return lambda c: c[top] / c[bottom] if c[bottom] else None

    return (
        Kpi("mean_s", "Σ seconds of ended calls / ended calls", ratio("seconds_s", "ended")),
        Kpi(
            "first_contact_resolution",
            f"fcr_settled / fcr_judged; settled: the same number does not call again within {days} days",
            ratio("fcr_settled", "fcr_judged"),
        ),
    )


def fcr_note(days: int) -> str:
    return f"First-contact resolution judges handled calls of known callers that began {days} days ago or earlier."


def survey(reports: Reports, since: float, until: float) -> dict[str, Any]:
    """Empty where nobody was asked."""
    flow, node, satisfied = SURVEY
    answers = {exit: n for exit, n in reports.exits(flow, node, since, until).items() if exit.isdigit()}
    asked = sum(answers.values())
    return {"csat_answers": asked, "csat": answers.get(satisfied, 0) / asked} if asked else {}
