"""The event-socket figures that are about time: answers and timers in a flood, pipelining, a pause of the client."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import greenswitch
from _esl_sender import recorded_events
from gevent.event import Event as Flag

from cti.esl import PlainEvent
from cti.switch.links import Link

PASSWORD = "bench-password"
FLOOD = 6_000  # events per second
FLOOD_S = 4.0
TICK_S = 0.010
GREENLETS = 100
COMMANDS = 100  # per greenlet
PAUSE_RATE = 2_000
PAUSE_S = 5.0

Make = Callable[[int], Any]
Verdict = Callable[..., None]


def greenswitch_link(port: int) -> Any:
    return greenswitch.InboundESL("127.0.0.1", port, PASSWORD)


def our_link(port: int) -> Any:
    return Link("127.0.0.1", port, PASSWORD, mailbox_limit=100_000)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@contextmanager
def late_timers(found: list[float]) -> Iterator[None]:
    """Collects by how many seconds a 10 ms timer is late."""

    def tick() -> None:
        while True:
            due = time.perf_counter() + TICK_S
            gevent.sleep(TICK_S)
            found.append(time.perf_counter() - due)

    greenlet = gevent.spawn(tick)
    try:
        yield
    finally:
        greenlet.kill()


def flood(make: Make, port: int, *, two_links: bool) -> tuple[float, float, int]:
    """(p99 of api, p99 of the lateness of timers, both in ms; events handled) with 6,000 events a second arriving."""
    answers: list[float] = []
    late: list[float] = []
    count = 0
    end = Flag()

    def handle(event: Any) -> None:
        nonlocal count
        count += 1
        for name in ("Event-Name", "Unique-ID", "Channel-State"):
            event.headers.get(name)

    with make(port) as events, make(port) as other:
        events.register_handle("*", handle)
        events.register_handle("BENCH_END", lambda _: end.set())
        commands = other if two_links else events
        events.send(f"api pace {FLOOD} {FLOOD_S}")
        with late_timers(late):
            while not end.is_set():
                started = time.perf_counter()
                commands.send("api ping")
                answers.append(time.perf_counter() - started)
                gevent.sleep(0.002)
    return percentile(answers, 0.99) * 1000, percentile(late, 0.99) * 1000, count


def latency(port: int, repeats: int, verdict: Verdict) -> None:
    kinds: dict[str, list[tuple[float, float, int]]] = {"greenswitch, one link": [], "our link, one": [], "our two": []}
    for _ in range(repeats):
        kinds["greenswitch, one link"].append(flood(greenswitch_link, port, two_links=False))
        kinds["our link, one"].append(flood(our_link, port, two_links=False))
        kinds["our two"].append(flood(our_link, port, two_links=True))
    print(f"  {FLOOD:,} events/s arriving (min / median / max of the repeats' p99, ms):")
    for kind, runs in kinds.items():
        for at, what in ((0, "api"), (1, "timers late by")):
            values = [float(run[at]) for run in runs]
            shown = f"{min(values):.2f} / {statistics.median(values):.2f} / {max(values):.2f}"
            print(f"    {kind:<22} {what:<15} {shown}")
        print(f"    {kind:<22} events handled  {min(run[2] for run in runs):,} of {int(FLOOD * FLOOD_S):,}")
    for kind in ("our link, one", "our two"):
        verdict(f"{kind}: api p99, ms", statistics.median(r[0] for r in kinds[kind]), 5, at_least=False)
        verdict(f"{kind}: timers late, p99, ms", statistics.median(r[1] for r in kinds[kind]), 5, at_least=False)


def pipeline_rate(make: Make, port: int) -> float:
    """Commands per second of 100 greenlets that each send one after the other on the same link."""
    with make(port) as link:

        def work() -> None:
            for _ in range(COMMANDS):
                link.send("api ping")

        started = time.perf_counter()
        gevent.joinall([gevent.spawn(work) for _ in range(GREENLETS)], raise_error=True)
        return GREENLETS * COMMANDS / (time.perf_counter() - started)


def pipelining(port: int, repeats: int, verdict: Verdict) -> None:
    base, ours = [], []
    for _ in range(repeats):
        base.append(pipeline_rate(greenswitch_link, port))
        ours.append(pipeline_rate(our_link, port))
    print(f"  {GREENLETS} greenlets pipelining (min / median / max):")
    for name, values in (("greenswitch", base), ("our link", ours)):
        middle = statistics.median(values)
        print(f"    {name:<12} {min(values):,.0f} / {middle:,.0f} / {max(values):,.0f} commands/s")
    verdict("pipelining / greenswitch", statistics.median(ours) / statistics.median(base), 1.2, at_least=True)


def paused_run(port: int, stand_still: Callable[[float], object]) -> tuple[list[str], float]:
    """(Event-Sequence of every event handled, seconds from the last one sent to the last one handled)."""
    total = int(PAUSE_RATE * (PAUSE_S + 1))
    seen: list[str] = []
    end = Flag()

    def handle(event: Any) -> None:
        seen.append(event.headers.get("Event-Sequence"))
        if len(seen) == PAUSE_RATE:
            stand_still(PAUSE_S)
        if len(seen) == total:
            end.set()

    with our_link(port) as link:
        link.register_handle("*", handle)
        for name in ("BENCH_END", "DISCONNECT"):
            link.register_handle(name, lambda _: None)
        started = time.perf_counter()
        link.send(f"api pace {PAUSE_RATE} {PAUSE_S + 1}")
        end.wait(30)
        return seen, time.perf_counter() - started - (PAUSE_S + 1)


def pause(port: int, verdict: Verdict) -> None:
    """The whole client stands still for 5 s (then: only its handler does) while 2,000 events a second are sent."""
    sent = [PlainEvent(b"\n" + frame.partition(b"\n\n")[2], 0)["Event-Sequence"] for frame in recorded_events()]
    total = int(PAUSE_RATE * (PAUSE_S + 1))
    expected = [sent[at % len(sent)] for at in range(total)]
    stands: dict[str, Callable[[float], object]] = {"client": time.sleep, "handler": gevent.sleep}
    for what, stand_still in stands.items():
        seen, drained = paused_run(port, stand_still)
        same = seen == expected
        order = "in order" if same else "NOT what was sent"
        print(f"  {what} stands still for {PAUSE_S:g} s: {len(seen):,} of {total:,} events, {order}")
        verdict(f"events lost ({what})", 0 if same else max(1, total - len(seen)), 0, at_least=False)
        verdict(f"backlog drained after, s ({what})", max(0.0, drained), 5, at_least=False)
