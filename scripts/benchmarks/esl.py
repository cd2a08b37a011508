"""Event socket: our link beside greenswitch's own, on one stream of recorded events from another process.

CPU time is this process's; three headers are read in the handler. Figures are ratios within one run, because the
machine's speed is not ours; min, median and max over the repeats stand beside them. Exit status 1: a figure is missed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event as Flag

from cti.esl import FrameParser

sys.path.insert(0, str(Path(__file__).parent))
import _esl_load as load
import _esl_sender as sender
from _esl_load import greenswitch_link, our_link

HEADERS = ("Event-Name", "Unique-ID", "Channel-State")
missed: list[str] = []


@contextmanager
def sending() -> Iterator[int]:
    """A sender in a process of its own; yields its port."""
    with subprocess.Popen(
        [sys.executable, sender.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield int(process.stdout.readline().split()[0])
        process.stdin.close()
        process.wait(10)


class Reader:
    """The handler: reads three headers of each event, and notes the last one."""

    def __init__(self) -> None:
        self.count = 0
        self.end = Flag()

    def __call__(self, event: Any) -> None:
        headers = event.headers
        for name in HEADERS:
            headers.get(name)
        self.count += 1

    def last(self, event: Any) -> None:
        self.end.set()


def dispatch_rate(make: Callable[[int], Any], port: int, count: int) -> float:
    """Events per second of CPU, from the socket to the end of the handler."""
    with make(port) as link:
        reader = Reader()
        link.register_handle("*", reader)
        link.register_handle("BENCH_END", reader.last)
        gevent.sleep(0.05)
        started = time.process_time()
        link.send(f"api flood {count}")
        if not reader.end.wait(120):
            raise SystemExit("the flood did not end within 120 s")
        while reader.count < count:  # our handlers are independent: the end may overtake the rest
            gevent.sleep(0.001)
        return count / (time.process_time() - started)


def parser_rate(events: list[bytes], count: int) -> float:
    """Events per second of CPU for parser and dispatch without a socket."""
    reader = Reader()
    handlers: dict[str, Callable[[Any], None]] = {}
    stream = b"".join(events)
    chunk = 64 * 1024
    parser = FrameParser()
    rounds = max(1, count // len(events))
    started = time.process_time()
    for _ in range(rounds):
        for at in range(0, len(stream), chunk):
            for frame in parser.feed(stream[at : at + chunk]):
                event = frame.event()
                handlers.get(event.name, reader)(event)
    assert reader.count == rounds * len(events)
    return reader.count / (time.process_time() - started)


def spread(values: list[float], unit: str) -> str:
    return f"{min(values):,.0f} / {statistics.median(values):,.0f} / {max(values):,.0f} {unit}"


def verdict(what: str, value: float, bound: float, *, at_least: bool) -> None:
    met = value >= bound if at_least else value <= bound
    sign = "at least" if at_least else "at most"
    print(f"{'met   ' if met else 'MISSED'} {what}: {value:.2f} ({sign} {bound:g})", flush=True)
    if not met:
        missed.append(what)


def throughput(port: int, repeats: int, count: int) -> None:
    events = sender.recorded_events()
    print(f"events: {len(events)} recorded, {sum(map(len, events)) / len(events):,.0f} bytes on average")
    base, link, bare = [], [], []
    for _ in range(repeats):  # taken in turns, so that what slows the machine slows all three
        base.append(dispatch_rate(greenswitch_link, port, count // 8))
        link.append(dispatch_rate(our_link, port, count))
        bare.append(parser_rate(events, count))
    print("events per second of CPU time (min / median / max):")
    print(f"  greenswitch          {spread(base, 'ev/s')}")
    print(f"  our link             {spread(link, 'ev/s')}")
    print(f"  parser and dispatch  {spread(bare, 'ev/s')}")
    middle = statistics.median(base)
    verdict("link / greenswitch", statistics.median(link) / middle, 9, at_least=True)
    verdict("parser and dispatch / greenswitch", statistics.median(bare) / middle, 12, at_least=True)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--events", type=int, default=40_000, help="per measurement of throughput")
    args = options.parse_args()
    with sending() as port:
        throughput(port, args.repeats, args.events)
        print("under load:")
        load.latency(port, args.repeats, verdict)
        load.pipelining(port, args.repeats, verdict)
        load.pause(port, verdict)
    if missed:
        print(f"missed: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
