"""Outbound feeds as ``/metrics`` tells of them, by the engine that looks after them: names, reasons, counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from cti.boss.feeds import FeedRunner


class FeedCollector(Collector):
    """As they were at the last look: the database is not asked."""

    def __init__(self, runner: FeedRunner) -> None:
        self._runner = runner

    def collect(self) -> Iterator[Metric]:
        runner, states = self._runner, self._runner.states
        oldest = GaugeMetricFamily(
            "cti_feed_oldest_undelivered_seconds", "Age of the oldest record that has not arrived", labels=["feed"]
        )
        waiting = GaugeMetricFamily("cti_feed_waiting_batches", "Batches that have not arrived", labels=["feed"])
        delivered = CounterMetricFamily("cti_feed_delivered", "Batches that arrived", labels=["feed"])
        failures = CounterMetricFamily("cti_feed_failures", "Failed attempts", labels=["feed", "reason"])
        for name in sorted(runner.plans):
            delivered.add_metric([name], runner.delivered[name])
            if name in states:
                waiting.add_metric([name], states[name].waiting)
                oldest.add_metric([name], runner.age_s(states[name]))
        for (name, reason), count in sorted(runner.failures.items()):
            failures.add_metric([name, reason], count)
        yield from (oldest, waiting, delivered, failures)
