"""Queues and agents as ``/metrics`` tells of them: names of queues, states, counts; nobody's name or number."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from cti.acd import outputs as o
from cti.acd.states import ContactState, Outcome
from cti.core.histogram import WAITS_S, Histogram

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from cti.runtime.floor import Floor

#: What an agent who is signed in spends the time with (KPIS).
SPENDS = ("ready", "not_ready", "reserved", "handling")


class FloorCollector(Collector):
    """Counts what ends from its making on; the rest is read when it is scraped."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._ended: Counter[tuple[str, str]] = Counter()
        self._waits: dict[str, Histogram] = defaultdict(lambda: Histogram(WAITS_S))
        floor.owner.listeners.append(self._hear)

    def _hear(self, fact: o.Output) -> None:
        if isinstance(fact, o.EntryEnded) and fact.counted and fact.queue:
            self._ended[fact.queue, str(fact.outcome)] += 1
            if fact.outcome is Outcome.ANSWERED:
                self._waits[fact.queue].observe(fact.wait_s)

    def collect(self) -> Iterator[Metric]:
        yield from self._queues()
        agents = GaugeMetricFamily("cti_agents", "Agents signed in, by what they do", labels=["state"])
        doing = Counter(desk.spends() for desk in self._floor.owner.acd.floor.desks.values())
        for state in SPENDS:
            agents.add_metric([state], doing[state])
        yield agents
        contacts = GaugeMetricFamily("cti_contacts", "Contacts by medium and state", labels=["medium", "state"])
        cases = Counter((case.wish.medium, case.state) for case in self._floor.owner.acd.floor.cases.values())
        for medium in sorted({"voice", *(medium for medium, _ in cases)}):
            for state in ContactState:
                if state is not ContactState.CLOSED:
                    contacts.add_metric([medium, state.value.lower()], cases[medium, state])
        yield contacts

    def _queues(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily("cti_queue_waiting", "Contacts that wait", labels=["queue"])
        longest = GaugeMetricFamily("cti_queue_longest_wait_seconds", "Of who has waited longest", labels=["queue"])
        staffed = GaugeMetricFamily("cti_queue_staffed", "Agents signed in who may serve it", labels=["queue"])
        opened = GaugeMetricFamily("cti_queue_open", "1 while it takes contacts", labels=["queue"])
        level = GaugeMetricFamily(
            "cti_queue_service_level_ratio", "Of this quarter of an hour and the one before", labels=["queue"]
        )
        ended = CounterMetricFamily("cti_queue_entries", "Entries that ended", labels=["queue", "outcome"])
        waits = HistogramMetricFamily(
            "cti_queue_answer_wait_seconds", "How long those waited who were answered", labels=["queue"]
        )
        for name, queue in self._floor.owner.acd.floor.queues.items():
            if not name:  # calls that agents place stand in no queue
                continue
            seen = self._floor.views.queue(queue)
            waiting.add_metric([name], seen["waiting"])
            longest.add_metric([name], seen["longest_wait_s"])
            staffed.add_metric([name], seen["staffed"])
            opened.add_metric([name], float(seen["opened"]))
            if seen["service_level"] is not None and seen["service_level"]["value"] is not None:
                level.add_metric([name], seen["service_level"]["value"])
            for outcome in Outcome:
                ended.add_metric([name, outcome.value], self._ended[name, outcome.value])
            waits.add_metric([name], self._waits[name].cumulated(), sum_value=self._waits[name].total)
        yield from (waiting, longest, staffed, opened, level, ended, waits)
