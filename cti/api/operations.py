"""``/healthz`` and ``/metrics``: what machines that watch this server read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector as RegistryCollector

from cti.core.calls import TerminalCause

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import falcon
    from prometheus_client.metrics_core import Metric

    from cti.ports import Store
    from cti.runtime.engine import Figures


class Vitals(Protocol):
    """What the engine tells of itself. ``switches``: name -> link state (up, connecting, refused, …)."""

    def figures(self) -> Figures: ...

    def switches(self) -> dict[str, str]: ...

    def overloads(self) -> dict[tuple[str, str], bool]:
        """(cpu, late, backlog or switch_cpu; the switch, or empty for the engine) -> are new callers refused for it?"""


class Health:
    """200 while every part works, 503 with the same body when one does not. ``more``: told besides."""

    def __init__(self, vitals: Vitals, store: Store, more: Callable[[], dict[str, Any]] = dict) -> None:
        self._vitals = vitals
        self._store = store
        self._more = more

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        switches, store = self._vitals.switches(), self._store.health()
        healthy = store.healthy and all(state == "up" for state in switches.values())
        resp.status = 200 if healthy else 503
        resp.media = {
            "status": "ok" if healthy else "degraded",
            "switches": switches,
            "store": {"healthy": store.healthy, "queued": store.queued, "lost": store.lost, "error": store.error},
            "calls": self._vitals.figures().active,
            **self._more(),
        }

    on_head = on_get


class Collector(RegistryCollector):
    """Reads the figures when they are scraped; nothing is counted twice."""

    def __init__(self, vitals: Vitals, store: Store) -> None:
        self._vitals = vitals
        self._store = store

    def collect(self) -> Iterator[Metric]:
        figures, store = self._vitals.figures(), self._store.health()
        yield GaugeMetricFamily("cti_calls_active", "Calls with an owner now", value=figures.active)
        yield GaugeMetricFamily("cti_calls_unanswered", "Of these, not answered yet", value=figures.unanswered)
        setup = HistogramMetricFamily("cti_call_setup_seconds", "From a call's arrival until it was answered")
        setup.add_metric([], figures.setup_s.cumulated(), sum_value=figures.setup_s.total)
        yield setup
        yield CounterMetricFamily("cti_calls_started", "Calls met by this engine", value=figures.started)
        yield CounterMetricFamily("cti_calls_rejected", "Calls over a limit", value=figures.rejected)
        yield CounterMetricFamily("cti_events_unknown", "Events of calls nobody owns", value=figures.unknown_events)
        ended = CounterMetricFamily("cti_calls_ended", "Calls by terminal cause", labels=["cause"])
        for cause in TerminalCause:  # all of them, so that a rate has something to begin from
            ended.add_metric([cause.value], figures.ended.get(cause.value, 0))
        yield ended
        up = GaugeMetricFamily("cti_switch_up", "1 while both links to the switch are up", labels=["switch"])
        for name, state in sorted(self._vitals.switches().items()):
            up.add_metric([name], 1.0 if state == "up" else 0.0)
        yield up
        over = GaugeMetricFamily("cti_overload", "1 while new callers are refused for it", labels=["what", "switch"])
        for key, true in sorted(self._vitals.overloads().items()):
            over.add_metric(key, float(true))
        yield over
        yield GaugeMetricFamily("cti_store_healthy", "0 while records cannot be written", value=float(store.healthy))
        yield GaugeMetricFamily("cti_store_queued", "Records not yet in the database", value=store.queued)
        yield GaugeMetricFamily("cti_store_spilled", "Records kept in the spill file", value=store.spilled)
        yield CounterMetricFamily("cti_store_written", "Records written", value=store.written)
        yield CounterMetricFamily("cti_store_rejected", "Records that the database refuses", value=store.rejected)
        yield CounterMetricFamily("cti_store_lost", "Records lost for good", value=store.lost)


class Metrics:
    """``more``: whoever else has figures."""

    def __init__(self, vitals: Vitals, store: Store, *more: RegistryCollector) -> None:
        self._registry = CollectorRegistry()
        for collector in (Collector(vitals, store), *more):
            self._registry.register(collector)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = "text/plain; version=0.0.4; charset=utf-8"
        resp.data = generate_latest(self._registry)

    on_head = on_get
