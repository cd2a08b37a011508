"""Outbound feeds: what happened goes to other systems in numbered batches, by any of the ways (docs/feeds.md)."""

from cti.boss.feeds.options import FeedPlan, FeedSection, name_of
from cti.boss.feeds.runner import FeedRunner

__all__ = ["FeedPlan", "FeedRunner", "FeedSection", "name_of"]
