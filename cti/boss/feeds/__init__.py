"""Feeds by file, outbound: what happened goes to other systems in numbered daily files (docs/feeds.md)."""

from cti.boss.feeds.options import FeedPlan, FeedSection, name_of
from cti.boss.feeds.runner import FeedRunner

__all__ = ["FeedPlan", "FeedRunner", "FeedSection", "name_of"]
