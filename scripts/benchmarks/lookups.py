"""The interface server's own speed, and what one back end costs the others. One core computes; offices are processes.

a) cached: the same look-up of some thousand subscribers, fresh in the cache (sealed, as always), beside the least that
   could stand there: a dictionary with the time of each answer;
b) uncached, over one multiplexed socket, beside a bare socket that sends and reads the same bytes (`_lookups_socket`);
c) a thousand callers ask the same question while the back end takes a second: how often is it asked?
d) one back end hangs: the p99 of another one beside it, to that beside the same questions to one that answers (what
   hanging costs), and CPU; once with its breaker open, once with a breaker that never opens, so that callers wait all
   the time; how long until its breaker is open, and by when its callers are told.

Exit status 1: a goal is missed.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent
from gevent.pool import Pool
from gevent.pywsgi import WSGIHandler, WSGIServer

from cti.boss.configuration import parse_office
from cti.boss.server import InterfaceServer
from cti.boss.ways import WAYS
from cti.boss.writes import MemoryWriteLog
from cti.store.sealing import Sealer
from scripts.benchmarks import _lookups_socket
from scripts.benchmarks._figures import load, percentile, spread
from scripts.benchmarks._lookups_neighbours import BLOCK_S, FAILED, PER_S, USUAL, beside, between, neighbours

CACHED_PER_S, UNCACHED_PER_S, MOST_SLOWER, TRIPS_S = 20_000.0, 3_000.0, 0.10, 3.0
SUBSCRIBERS, CALLERS, DEADLINE_S = 5_000, 1_000, 2.0
SLOW = "13999999999"
TAKES_S = {SLOW: 1.0, USUAL: 0.020}
FILE = """
backends:
  good: {{way: http, url: "http://127.0.0.1:{good}", operations: {{B: {{method: GET, path: "/{{msisdn}}"}}}},
         concurrency: {{max: 64, queue: 5000, queue_ms: 5000}}}}
  ill: {{way: http, url: "http://127.0.0.1:{ill}", operations: {{B: {{method: GET, path: "/{{msisdn}}"}}}},
        concurrency: {{max: 64, queue: 64, queue_ms: 300}},
        breaker: {{min_calls: {min_calls}, failure_pct: 50, slow_ms: 1000, open_s: 60}}}}
policies:
  kept: {{cache: {{ttl_s: 3600}}}}
  plain: {{collapse: false}}
lookups:
  kept.get: {{in: {{msisdn: phone}}, out: {{balance: decimal}}, policy: kept, to: {{backend: good, operation: B}}}}
  good.get: {{in: {{msisdn: phone}}, out: {{balance: decimal}}, policy: plain, to: {{backend: good, operation: B}}}}
  ill.get: {{in: {{msisdn: phone}}, out: {{balance: decimal}}, policy: plain, deadline_ms: {deadline_ms},
            to: {{backend: ill, operation: B}}}}
"""


class RealClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class Handler(WSGIHandler):
    def handle(self) -> None:
        """Without it the kernel holds an answer back for 40 ms (RFC 896, RFC 1122 4.2.3.2), and that is measured."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().handle()


class HttpOffice:
    """A process that answers with a balance: at once, or as long as `TAKES_S`; one that hangs never."""

    def __init__(self, how: str) -> None:
        command = [sys.executable, __file__, "--office", how]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    @property
    def asked(self) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/asked", timeout=30) as answer:
            return int(answer.read())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    @staticmethod
    def serve(how: str) -> None:
        asked = 0

        def answer(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
            nonlocal asked
            path = environ["PATH_INFO"]
            start("200 OK", [("Content-Type", "application/json")])
            if path == "/asked":
                return [str(asked).encode()]
            asked += 1
            gevent.sleep(600.0 if how == "hangs" else TAKES_S.get(path[1:], 0.0))
            return [b'{"balance": "12.50"}']

        server = WSGIServer(("127.0.0.1", 0), answer, log=None, handler_class=Handler)
        server.start()
        print(server.server_port, flush=True)
        server.serve_forever()


@contextmanager
def site(how: str = "hangs", min_calls: int = 20) -> Iterator[tuple[InterfaceServer, HttpOffice, HttpOffice]]:
    """``how`` the back end named ill behaves."""
    good, ill = HttpOffice("answers"), HttpOffice(how)
    text = FILE.format(good=good.port, ill=ill.port, deadline_ms=int(DEADLINE_S * 1000), min_calls=min_calls)
    with tempfile.TemporaryDirectory() as folder:
        server = InterfaceServer(
            parse_office(text, "bench.yaml", WAYS),
            RealClock(),
            folder=Path(folder),
            sealing=Sealer({"k1": b"k" * 32}, "k1", b"b" * 32),
            writes=MemoryWriteLog(),
        )
        try:
            yield server, good, ill
        finally:
            server.close()
            good.close()
            ill.close()


def number(of: int) -> str:
    return f"138{of:08}"


def cached(boss: InterfaceServer, seconds: float) -> float:
    """Look-ups a second, each answered from the cache."""
    numbers = [number(n) for n in range(SUBSCRIBERS)]
    for found in Pool(60).imap_unordered(lambda one: boss.ask("kept.get", {"msisdn": one}, 30.0), numbers):
        assert found.outcome == "ok", boss.facts()
    count, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < seconds:
        for one in numbers[:500]:
            found = boss.ask("kept.get", {"msisdn": one}, 30.0)
        assert found.outcome == "ok"
        numbers = numbers[500:] + numbers[:500]
        count += 500
    return count / took


def dictionary(seconds: float) -> float:
    """The peer: what is a second old or less, by name and arguments."""
    kept = {("kept.get", number(n)): ({"balance": "12.50"}, time.time() + 3600) for n in range(SUBSCRIBERS)}
    numbers, count, began = [number(n) for n in range(SUBSCRIBERS)], 0, time.perf_counter()
    while (took := time.perf_counter() - began) < seconds:
        for one in numbers:
            values, until = kept["kept.get", one]
            assert until > time.time()
            assert values
        count += len(numbers)
    return count / took


def together(boss: InterfaceServer, office: HttpOffice) -> int:
    """How often the back end is asked what a thousand callers want to know."""
    before = office.asked
    jobs = [gevent.spawn(boss.ask, "kept.get", {"msisdn": SLOW}, 30.0) for _ in range(CALLERS)]
    gevent.joinall(jobs)
    assert {job.value.outcome for job in jobs} == {"ok"}
    return office.asked - before


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--blocks", type=int, default=12, help="of each kind, beside one that answers or hangs")
    parser.add_argument("--office", choices=("answers", "hangs"), help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.office:
        HttpOffice.serve(told.office)
    before, missed = load(), []

    def goal(met: bool, what: str) -> None:
        print(f"  {what}: {'met' if met else 'MISSED'}")
        if not met:
            missed.append(what)

    ours, theirs = [], []
    for _ in range(told.rounds):
        with site() as (boss, _good, _ill):
            ours.append(cached(boss, told.seconds))
        theirs.append(dictionary(told.seconds / 3))
    print(f"cached, {SUBSCRIBERS:,} subscribers, load {before:.1f} before")
    print(f"  interface server {spread(ours, '/s', digits=0)}; a dictionary {spread(theirs, '/s', digits=0)}")
    goal(statistics.median(ours) >= CACHED_PER_S, f"at least {CACHED_PER_S:,.0f} a second")
    pairs = _lookups_socket.measure(runs=told.rounds)
    print("uncached, one multiplexed socket")
    by_way, bare = spread([a for a, _ in pairs], "/s", digits=0), spread([b for _, b in pairs], "/s", digits=0)
    print(f"  the way {by_way}; a bare socket {bare}")
    goal(statistics.median(a for a, _ in pairs) >= UNCACHED_PER_S, f"at least {UNCACHED_PER_S:,.0f} a second")
    with site() as (boss, good, _ill):
        asked = [together(boss, good)]
    print(f"{CALLERS:,} callers with one question: the back end was asked {asked[0]} times")
    goal(asked == [1], "once")
    print(
        f"one back end hangs; {PER_S:.0f} a second of each, {told.blocks} blocks of {BLOCK_S} s of each kind, in turn"
    )
    for what, min_calls in (("its breaker opens", 20), ("its breaker never opens", 100_000)):
        well, hangs, to = neighbours(site, told.blocks, min_calls)
        for name, one in (("answers", well), ("hangs", hangs)):
            shown = ", ".join(f"{1000 * percentile(share, one.took):.1f}" for share in (0.5, 0.9, 0.99))
            print(f"  {what}; the neighbour {name}: {shown} ms (50, 90, 99 %), {one.cpu_us:,.0f} us of CPU a pair")
        low, high = between(well, hangs)
        goal(to <= 1 + MOST_SLOWER, f"{what}: p99 beside one that hangs to beside one that answers {to:.2f}")
        print(f"  (nine of ten resamplings of the blocks: {low:.2f} to {high:.2f})")
        cpu = hangs.cpu_us / well.cpu_us
        goal(cpu <= 1 + MOST_SLOWER, f"{what}: CPU beside one that hangs to beside one that answers {cpu:.2f}")
    found = []
    for _ in range(told.rounds):
        with site("hangs") as (boss, _good, _ill):
            found.append(beside(boss, PER_S, TRIPS_S + 1, FAILED))
    opened = [one.opened for one in found]
    goal(all(0 < at <= TRIPS_S for at in opened), f"the breaker opens after {spread(opened, 's', digits=2)}")
    latest = [one.latest for one in found]
    goal(max(latest) <= DEADLINE_S + 0.1, f"callers are told after {spread(latest, 's', digits=2)} at the latest")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
