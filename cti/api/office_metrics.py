"""The back office's systems as ``/metrics`` tells of them: names of systems and services, reasons, counts; no data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from cti.boss.backend import LATENCY_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from cti.boss.server import InterfaceServer

_BREAKER = {"closed": 0.0, "half_open": 1.0, "open": 2.0}


class OfficeCollector(Collector):
    """Reads the figures when they are scraped. Of the histogram there is no sum: only counts are kept."""

    def __init__(self, office: InterfaceServer) -> None:
        self._office = office

    def collect(self) -> Iterator[Metric]:
        breaker = GaugeMetricFamily(
            "cti_backend_breaker", "0 closed, 1 half open, 2 open", labels=["backend", "service"]
        )
        running = GaugeMetricFamily("cti_backend_running", "Questions at the system now", labels=["backend"])
        waiting = GaugeMetricFamily("cti_backend_waiting", "Questions that wait for a place", labels=["backend"])
        asked = CounterMetricFamily("cti_backend_asked", "Questions put to the system", labels=["backend"])
        failed = CounterMetricFamily("cti_backend_failures", "Failures by reason", labels=["backend", "reason"])
        latency = HistogramMetricFamily("cti_backend_latency_seconds", "How long answers took", labels=["backend"])
        for one in self._office.facts():
            name = one["name"]
            for service, state in one["services"].items():
                breaker.add_metric([name, service], _BREAKER[state])
            running.add_metric([name], one["running"])
            waiting.add_metric([name], one["waiting"])
            asked.add_metric([name], one["asked"])
            for reason, count in sorted(one["failures"].items()):
                failed.add_metric([name, reason], count)
            latency.add_metric([name], _buckets(one["latency"]), sum_value=None)
        unread = CounterMetricFamily("cti_lookup_cache_unreadable", "Kept answers that did not open", labels=["reason"])
        for reason, count in sorted(self._office.unreadable().items()):
            unread.add_metric([reason], count)
        yield from (breaker, running, waiting, asked, failed, latency, unread)


def _buckets(counts: list[int]) -> list[tuple[str, float]]:
    """Upper bounds and how many took that long at most."""
    bounds, total, found = (*map(str, LATENCY_S), "+Inf"), 0, []
    for bound, count in zip(bounds, counts, strict=True):
        total += count
        found.append((bound, float(total)))
    return found
