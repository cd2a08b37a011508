"""What an engine stands on, as ``/metrics`` tells of it: links, database, flows, webhooks, the process itself.

Label values come from the configuration or are words of the program, so there is a bounded number of them; none is of a
caller, an agent or a call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from cti import __version__
from cti.core.webhooks import DeliveryState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client.metrics_core import Metric

    from cti.core.histogram import Histogram
    from cti.runtime.overload import Overload
    from cti.runtime.reload.reloader import Reloader
    from cti.runtime.webhooks.desk import WebhookDesk
    from cti.store import SqlStore
    from cti.switch.driver import FreeSwitch

#: Of `SwitchLinks.stats`: count -> name and what it tells.
_LINK_COUNTS = {
    "connects": ("cti_switch_connects", "Times that the links came up"),
    "losses": ("cti_switch_losses", "Times that they were lost"),
    "resyncs": ("cti_switch_resyncs", "Times that events were missed, and the state of the switch was read again"),
    "refused_commands": ("cti_switch_refused_commands", "Commands that the switch refused"),
}


class LinkCollector(Collector):
    def __init__(self, switches: Mapping[str, FreeSwitch]) -> None:
        self._switches = switches

    def collect(self) -> Iterator[Metric]:
        backlog = GaugeMetricFamily(
            "cti_switch_backlog", "Events not handled and commands not answered", labels=["switch"]
        )
        idle = GaugeMetricFamily("cti_switch_idle_ratio", "Of its machine's processors", labels=["switch"])
        first = "1: the switch is on this machine and reads commands before it serves its calls"
        ahead = GaugeMetricFamily("cti_switch_commands_ahead", first, labels=["switch"])
        counts = {
            count: CounterMetricFamily(name, says, labels=["switch"]) for count, (name, says) in _LINK_COUNTS.items()
        }
        for name, driver in self._switches.items():
            backlog.add_metric([name], driver.backlog)
            if driver.idle_pct is not None:
                idle.add_metric([name], driver.idle_pct / 100.0)
            stats = driver.links.stats()
            ahead.add_metric([name], float(stats["ahead"]))
            for count, family in counts.items():
                family.add_metric([name], stats[count])
        yield from (backlog, idle, ahead, *counts.values())


class DatabaseCollector(Collector):
    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        times = self._store.times
        yield _histogram("cti_database_statement_seconds", "How long statements took", times.statements)
        written = "How long groups of records took until they were on disk"
        yield _histogram("cti_store_write_seconds", written, self._store.written_s)
        errors = CounterMetricFamily("cti_database_errors", "Statements that failed, by kind", labels=["kind"])
        for kind, count in sorted({"OperationalError": 0, **times.errors}.items()):
            errors.add_metric([kind], count)
        yield errors


class FlowCollector(Collector):
    def __init__(self, reloader: Reloader) -> None:
        self._reloader = reloader

    def collect(self) -> Iterator[Metric]:
        standing = self._reloader.standing
        held = "Flows and files that are not what their files say, because of findings"
        yield GaugeMetricFamily("cti_flows_held_back", held, value=len(standing.held))
        pending = "Flows saved while the engine was down and not judged yet"
        yield GaugeMetricFamily("cti_flows_pending", pending, value=len(standing.pending))
        if standing.last is not None:
            at, took = standing.last.at, standing.last.took_s
            yield GaugeMetricFamily("cti_flow_reload_timestamp_seconds", "When files were taken up last", value=at)
            yield GaugeMetricFamily("cti_flow_reload_duration_seconds", "How long that took", value=took)
            taken = float(standing.last.taken)
            yield GaugeMetricFamily("cti_flow_reload_successful", "1: all of them are live", value=taken)


class WebhookCollector(Collector):
    def __init__(self, desk: WebhookDesk) -> None:
        self._desk = desk

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("cti_webhooks_active", "Webhooks that are sent to", value=len(self._desk.board.hooks))
        attempts = "Attempts by outcome; pending: it will be tried again"
        family = CounterMetricFamily("cti_webhook_attempts", attempts, labels=["outcome"])
        for state in DeliveryState:
            family.add_metric([state.value], self._desk.board.outcomes[state.value])
        yield family


class ProcessFigures(Collector):
    """Memory, processor time and open files by the names that Prometheus' own clients use, and the event loop."""

    def __init__(self, overload: Overload, node: str, slot: int) -> None:
        self._overload = overload
        self._labels = {"version": __version__, "node": node, "slot": str(slot)}
        self._process = ProcessCollector(registry=None)

    def collect(self) -> Iterator[Metric]:
        yield from self._process.collect()
        info = GaugeMetricFamily("cti_engine_info", "Always 1", labels=list(self._labels))
        info.add_metric(list(self._labels.values()), 1.0)
        yield info
        late, reading = "By how much the engine's timers were late", self._overload.reading
        yield _histogram("cti_event_loop_late_seconds", late, self._overload.late_s)
        yield GaugeMetricFamily("cti_engine_cpu_ratio", "Of one core, in the last look", value=reading.cpu_pct / 100.0)


def _histogram(name: str, says: str, kept: Histogram) -> Metric:
    family = HistogramMetricFamily(name, says)
    family.add_metric([], kept.cumulated(), sum_value=kept.total)
    return family
