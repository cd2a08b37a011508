"""What a back end that hangs costs the others, measured in short blocks in turn (used by `lookups`)."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import gevent

from cti.boss.server import InterfaceServer
from scripts.benchmarks._figures import percentile

PER_S, BLOCK_S = 200.0, 1.5
FAILED = ("timeout", "error", "throttled")
USUAL, AT_ILL = "13999999998", "13800000002"
#: (how the one named ill behaves, questions before its breaker judges) -> a context with (server, good, ill)
Site = Callable[[str, int], Any]


def steady(boss: InterfaceServer, per_s: float, seconds: float) -> list[float]:
    """How long each look-up of the good back end took."""
    took: list[float] = []

    def ask(at: float) -> None:
        assert boss.ask("good.get", {"msisdn": USUAL}, 30.0).outcome == "ok"
        took.append(time.perf_counter() - at)

    began, jobs = time.perf_counter(), []
    for n in range(int(per_s * seconds)):
        gevent.sleep(max(0.0, began + n / per_s - time.perf_counter()))
        jobs.append(gevent.spawn(ask, time.perf_counter()))
    gevent.joinall(jobs, raise_error=True)
    return took


@dataclass(frozen=True, slots=True)
class Beside:
    """How long the good one took; when the breaker of the ill one opened; the latest word to its callers. Seconds."""

    took: list[float]
    opened: float
    latest: float


def beside(boss: InterfaceServer, per_s: float, seconds: float, outcomes: tuple[str, ...]) -> Beside:
    """Both are asked."""
    began, opened, latest, jobs = time.perf_counter(), 0.0, [0.0], []

    def ask() -> None:
        at = time.perf_counter()
        outcome = boss.ask("ill.get", {"msisdn": AT_ILL}, 30.0).outcome
        assert outcome in outcomes, outcome
        latest[0] = max(latest[0], time.perf_counter() - at)

    def all_of_them() -> None:
        nonlocal opened
        for n in range(int(per_s * seconds)):
            gevent.sleep(max(0.0, began + n / per_s - time.perf_counter()))
            jobs.append(gevent.spawn(ask))
            if (
                n % 10 == 0
                and not opened
                and any(one["name"] == "ill" and one["breaker"] == "open" for one in boss.facts())
            ):
                opened = time.perf_counter() - began

    asking = gevent.spawn(all_of_them)
    took = steady(boss, per_s, seconds)
    asking.join()
    gevent.joinall(jobs, raise_error=True)
    return Beside(took, opened, latest[0])


@dataclass(slots=True)
class Blocks:
    """Of one kind of neighbour: how long each look-up took, block by block, and the process's CPU, seconds."""

    blocks: list[list[float]] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)

    @property
    def took(self) -> list[float]:
        return list(chain.from_iterable(self.blocks))

    @property
    def cpu_us(self) -> float:
        """Of one look-up and its neighbour's, the median of the blocks."""
        return 1e6 * statistics.median(self.cpu_s) / int(PER_S * BLOCK_S)


def neighbours(site: Site, blocks: int, min_calls: int) -> tuple[Blocks, Blocks, float]:
    """Beside one that answers, beside one that hangs, and the p99 of the second to that of the first. Short blocks in
    turn, the first of each pair changing: what else the machine does falls on both."""
    well, hangs = Blocks(), Blocks()
    with site("answers", min_calls) as (first, *_), site("hangs", min_calls) as (second, *_):
        pair = [(first, well, ("ok",)), (second, hangs, FAILED)]
        for boss, _, outcomes in pair:
            beside(boss, PER_S, BLOCK_S, outcomes)  # connections; the breaker opens
        for _ in range(blocks):
            pair.reverse()
            for boss, into, outcomes in pair:
                began = time.process_time()
                into.blocks.append(beside(boss, PER_S, BLOCK_S, outcomes).took)
                into.cpu_s.append(time.process_time() - began)
    return well, hangs, percentile(0.99, hangs.took) / percentile(0.99, well.took)


def between(well: Blocks, hangs: Blocks) -> tuple[float, float]:
    """Where nine of ten ratios lie when pairs of blocks are drawn anew, with repetition (Efron's bootstrap)."""
    drawn, chance, count = [], random.Random(1), len(well.blocks)
    for _ in range(200):
        chosen = [chance.randrange(count) for _ in range(count)]
        p99 = [percentile(0.99, list(chain.from_iterable(of.blocks[n] for n in chosen))) for of in (hangs, well)]
        drawn.append(p99[0] / p99[1])
    return percentile(0.05, drawn), percentile(0.95, drawn)
