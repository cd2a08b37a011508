"""Outbound feeds of an engine: what their days are compared with, and which back ends their messages go to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cti.acd.counts import is_time
from cti.boss.feeds import FeedRunner
from cti.boss.guard.bulkhead import Priority
from cti.boss.way import Question
from cti.runtime.reports.making import Options, Period, make

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cti.boss import InterfaceServer
    from cti.boss.feeds import FeedPlan
    from cti.boss.feeds.options import SocketPlan
    from cti.boss.feeds.runner import Report
    from cti.config import Settings
    from cti.core.feeds import FeedKind, Sums
    from cti.store.feeds import Feeds
    from cti.store.report_rows import Reports


def make_feeds(
    settings: Settings,
    plans: Callable[[], Mapping[str, FeedPlan]],
    feeds: Feeds,
    reports: Reports,
    now: Callable[[], float],
    folder: Path,
    office: InterfaceServer | None,
) -> FeedRunner:
    """``folder``: from which their relative paths count. ``office``: asks socket back ends."""
    zone = ZoneInfo(settings.timezone)
    ask = None if office is None else asked_by(office)
    return FeedRunner(plans, feeds, now, zone, folder.absolute(), report_of(feeds, reports, zone, now), ask)


def report_of(feeds: Feeds, reports: Reports, zone: ZoneInfo, now: Callable[[], float]) -> Report:
    """Of queues and of agents with the medium, which their reports leave out; of calls as the report has it."""

    def report(kind: FeedKind, since: float, until: float) -> Sums:
        if kind != "calls":
            return feeds.counts(kind, int(since), int(until))
        total = make(reports, "calls", Period(since, until, zone), Options(now=now())).total
        counts = {name: value for name, value in total.items() if isinstance(value, int | float)}
        return {
            ("", "", name): round(value * 1000) if is_time(name) else round(value) for name, value in counts.items()
        }

    return report


def asked_by(office: InterfaceServer) -> Callable[[SocketPlan, Mapping[str, Any], str, float], Mapping[str, Any]]:
    def ask(plan: SocketPlan, fields: Mapping[str, Any], key: str, timeout_s: float) -> Mapping[str, Any]:
        question = Question(plan.target, fields, key, office.clock.monotonic() + timeout_s)
        return office.backend(plan.backend).ask(plan.service, question, Priority.BATCH)

    return ask
