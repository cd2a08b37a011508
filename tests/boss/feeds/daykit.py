"""Feeds of a day over a real store."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from cti.app.feeding import report_of
from cti.boss.feeds import FeedPlan, FeedRunner, FeedSection
from cti.core import floor_records as f
from cti.core.issue import Place
from cti.core.records import CallStarted
from cti.store import SqlStore
from tests.store.conftest import Folder

ZONE = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 3, 2)
BEGIN = datetime(2026, 3, 2, tzinfo=ZONE).timestamp()
NEXT = BEGIN + 86_400 + 7_200
FIRST, SECOND = "CONTACTS_20260302_001.txt", "CONTACTS_20260302_002.txt"


def plan(**options: Any) -> FeedPlan:
    section = FeedSection(kind="contacts", to="out", days=1, **options)
    return FeedPlan("daily", section, Place("i.yaml"), 3, 4, whole=False)


def runner(store: SqlStore, folder: Folder, **options: Any) -> FeedRunner:
    return runner_of(store, folder, lambda: {"daily": plan(**options)})


def runner_of(store: SqlStore, folder: Folder, plans: Any, ask: Any = None) -> FeedRunner:
    feeds = store.accounts.feeds
    report = report_of(feeds, store.reports, ZONE, lambda: NEXT)
    return FeedRunner(plans, feeds, lambda: NEXT, ZONE, folder.path, report, ask)


def entry(number: int, at: float, outcome: str = "answered", queue: str = "bills") -> f.EntryClosed:
    return f.EntryClosed(
        entry_id=f"e{number}", worker="n/0", run="r", contact=f"c{number}", call_id=f"c{number}", queue=queue,
        medium="voice", began_at=at, ended_at=at + 7.25, outcome=outcome, reason="", wait_s=7.2501, agent="1001",
    )  # fmt: skip


def handled(number: int, at: float) -> f.ContactHandled:
    return f.ContactHandled(
        fact_id=f"h{number}", contact=f"c{number}", call_id=f"c{number}", agent="1001", queue="bills", medium="voice",
        ended_at=at, talk_s=60.0005 + number / 7, hold_s=1.0, work_s=0.1, ended_by="agent", disposition="a|b\n\"c\"",
    )  # fmt: skip


def keep(store: SqlStore, *records: Any) -> None:
    for record in records:
        store.record(record)
    assert store.flush(30.0)


def a_day(store: SqlStore) -> None:
    keep(store, *(CallStarted(f"c{n}", "fs", "10086", BEGIN, caller="13800001234") for n in range(1, 5)))
    keep(store, entry(1, BEGIN), handled(1, BEGIN + 90), entry(2, BEGIN + 86_399, "abandoned"), handled(2, BEGIN - 1))
    keep(store, entry(3, BEGIN + 86_400), handled(3, BEGIN + 86_399.9), entry(4, BEGIN - 0.5))


def names(folder: Folder) -> list[str]:
    return sorted(path.name for path in (folder.path / "out").iterdir())
