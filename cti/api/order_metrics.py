"""Orders of other systems as ``/metrics`` tells of them: sources, codes, counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from cti.boss.orders.runner import OrderRunner


class OrderCollector(Collector):
    def __init__(self, runner: OrderRunner) -> None:
        self._runner = runner

    def collect(self) -> Iterator[Metric]:
        accepted = CounterMetricFamily("cti_orders_accepted", "Orders that were accepted", labels=["source"])
        rejected = CounterMetricFamily("cti_orders_rejected", "Orders that were rejected", labels=["source", "code"])
        ill = GaugeMetricFamily("cti_order_source_ill", "1 while something is wrong with it", labels=["source"])
        for one in self._runner.facts():
            accepted.add_metric([one["name"]], one["accepted"])
            ill.add_metric([one["name"]], float(bool(one["problem"])))
            for code, count in sorted(one["rejected"].items()):
                rejected.add_metric([one["name"], code], count)
        yield from (accepted, rejected, ill)
