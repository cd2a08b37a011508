"""``/healthz`` and ``/metrics`` alone: of a process that serves no clients, for machines that watch it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import falcon
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cti.api import problems
from cti.api.operations import Health, Metrics, Vitals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.metrics_core import Metric

    from cti.ports import Store


class LeaderCollector(Collector):
    """``leads``: does somebody?"""

    def __init__(self, leads: Callable[[], bool]) -> None:
        self._leads = leads

    def collect(self) -> Iterator[Metric]:
        says = "1 while this process knows somebody who distributes"
        yield GaugeMetricFamily("cti_cluster_leader_seen", says, value=float(self._leads()))


def create_watch(
    vitals: Vitals, store: Store, leads: Callable[[], bool], *collectors: Collector
) -> falcon.App[Any, Any]:
    app = falcon.App()
    app.add_error_handler(Exception, problems.on_bug)
    app.set_error_serializer(problems.serialize_http_error)
    app.add_route("/healthz", Health(vitals, store, lambda: {"leader": leads()}))
    app.add_route("/metrics", Metrics(vitals, store, LeaderCollector(leads), *collectors))
    return app
