"""Feeds of a platform, which look only when a test says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

from cti.app.feeding import report_of
from cti.boss.feeds import FeedPlan, FeedRunner, FeedSection
from cti.core.issue import Place
from cti.store import SqlStore

ZONE = ZoneInfo("Asia/Shanghai")


class QuietFeeds(FeedRunner):
    """``asked``: which were to be looked after."""

    def __init__(self, store: SqlStore, now: Callable[[], float], folder: Path) -> None:
        feeds = store.accounts.feeds
        section = FeedSection(kind="calls", to="feeds", days=1, rows=1)
        plans = {"daily": FeedPlan("daily", section, Place("i.yaml"))}
        super().__init__(lambda: plans, feeds, now, ZONE, folder, report_of(feeds, store.reports, ZONE, now))
        self.asked: list[str] = []

    def look(self, name: str) -> None:
        self.asked.append(name)
