"""The interface server's own speed, and what one back end costs the others. One core computes; offices are processes.

a) cached: the same look-up of some thousand subscribers, fresh in the cache (sealed, as always), beside the least that
   could stand there: a dictionary with the time of each answer;
b) uncached, over one multiplexed socket, beside a bare socket that sends and reads the same bytes (`_lookups_socket`);
c) a thousand callers ask the same question while the back end takes a second: how often is it asked?
d) one back end hangs: the p99 of another one beside it, and beside the same questions to one that answers (what hanging
   costs; with nothing beside it is shown too); how long until the first one's breaker is open, and by when its callers
   are told.

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

CACHED_PER_S, UNCACHED_PER_S, MOST_SLOWER, TRIPS_S = 20_000.0, 3_000.0, 0.10, 3.0
SUBSCRIBERS, CALLERS, DEADLINE_S = 5_000, 1_000, 2.0
SLOW, USUAL = "13999999999", "13999999998"
TAKES_S = {SLOW: 1.0, USUAL: 0.020}
FILE = """
backends:
  good: {{way: http, url: "http://127.0.0.1:{good}", operations: {{B: {{method: GET, path: "/{{msisdn}}"}}}},
         concurrency: {{max: 64, queue: 5000, queue_ms: 5000}}}}
  ill: {{way: http, url: "http://127.0.0.1:{ill}", operations: {{B: {{method: GET, path: "/{{msisdn}}"}}}},
        concurrency: {{max: 64, queue: 64, queue_ms: 300}},
        breaker: {{min_calls: 20, failure_pct: 50, slow_ms: 1000, open_s: 60}}}}
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
def site(how: str = "hangs") -> Iterator[tuple[InterfaceServer, HttpOffice, HttpOffice]]:
    """``how`` the back end named ill behaves."""
    good, ill = HttpOffice("answers"), HttpOffice(how)
    text = FILE.format(good=good.port, ill=ill.port, deadline_ms=int(DEADLINE_S * 1000))
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


def beside(boss: InterfaceServer, per_s: float, seconds: float, outcomes: tuple[str, ...]) -> dict[str, float]:
    """Both are asked: p99 of the good one; when the breaker of the ill one opened; the latest word to its callers."""
    began, opened, latest, jobs = time.perf_counter(), 0.0, [0.0], []

    def ask() -> None:
        at = time.perf_counter()
        outcome = boss.ask("ill.get", {"msisdn": number(2)}, 30.0).outcome
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
    return {"p99": percentile(0.99, took), "opened": opened, "latest": latest[0]}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
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
    print("one back end hangs; 200 a second of each")
    to_alone, to_well, found = [], [], []
    for _ in range(told.rounds):
        with site("answers") as (boss, _good, _ill):
            steady(boss, 200, 1.0)
            alone = percentile(0.99, steady(boss, 200, 2 * told.seconds))
            well = beside(boss, 200, 2 * told.seconds, ("ok",))["p99"]
        with site("hangs") as (boss, _good, _ill):
            steady(boss, 200, 1.0)
            found.append(beside(boss, 200, 2 * told.seconds, ("timeout", "error", "throttled")))
        hangs = found[-1]["p99"]
        to_alone.append(hangs / alone)
        to_well.append(hangs / well)
        print(
            f"  p99 {1000 * alone:.2f} ms alone, {1000 * well:.2f} beside a healthy one, {1000 * hangs:.2f} beside it"
        )
    print(f"  to p99 alone {spread(to_alone, '', digits=2)}")
    goal(statistics.median(to_well) <= 1 + MOST_SLOWER, f"to p99 beside a well one {spread(to_well, '', digits=2)}")
    opened = [one["opened"] for one in found]
    goal(all(0 < at <= TRIPS_S for at in opened), f"the breaker opens after {spread(opened, 's', digits=2)}")
    latest = [one["latest"] for one in found]
    goal(max(latest) <= DEADLINE_S + 0.1, f"callers are told after {spread(latest, 's', digits=2)} at the latest")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
