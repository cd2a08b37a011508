"""Orders of other systems as ``/metrics`` tells of them: sources, codes, counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from cti.boss.orders.runner import OrderRunner
    from cti.runtime.order_keeping import OrderKeeper


class OrderCollector(Collector):
    def __init__(self, runner: OrderRunner, keeper: OrderKeeper) -> None:
        self._runner, self._keeper = runner, keeper

    def collect(self) -> Iterator[Metric]:
        accepted = CounterMetricFamily("cti_orders_accepted", "Orders that were accepted", labels=["source"])
        rejected = CounterMetricFamily("cti_orders_rejected", "Orders that were rejected", labels=["source", "code"])
        ill = GaugeMetricFamily("cti_order_source_ill", "1 while something is wrong with it", labels=["source"])
        for name, facts in sorted(self._runner.counts().items()):
            accepted.add_metric([name], facts.accepted)
            for code, count in sorted(facts.codes.items()):
                rejected.add_metric([name, code], count)
        for one in self._runner.facts():
            ill.add_metric([one["name"]], float(bool(one["problem"])))
        deleted = CounterMetricFamily("cti_orders_deleted", "Orders that were kept for as long as `orders` says")
        deleted.add_metric([], self._keeper.deleted)
        yield from (accepted, rejected, ill, deleted)
