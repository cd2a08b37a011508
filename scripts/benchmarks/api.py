"""The API under 500 agents: how long a change of state takes, when an offer is told, and what a herd of clients misses.

`cti serve` is one process, the embedded switch another, all clients a third. Every agent has a session, a stream and a
seat. In each round, in turn with a peer:
a) states: `PUT /v1/me/state` at 200 a second while 100 calls are on the hotline; answered when it is on disk;
b) offers: callers come to a queue at a steady rate, the first free agent is offered each; from the moment in the event
   until it is at that agent's client;
c) herds (`_api_reconnect`): all clients lose their connections at once, and must know everything afterwards.
Requests are sent at their time whether others are answered or not, and measured from that time.

The peer (`_api_peer`) is the least that could stand there, on the same server and machine, asked by the same clients at
the same rate while the same calls go on: Falcon on pywsgi with one synchronous SQLite write, and a dictionary of queues
for the streams. It is what the framework costs, so the ratio is what the platform adds.

Exit status 1: a goal is missed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.benchmarks import _api_reconnect as reconnect
from scripts.benchmarks._api_reconnect import Herd
from scripts.benchmarks._api_site import Child, Clients, Site, peer
from scripts.benchmarks._figures import cpu_s, load, percentile, spread

STATE_P99_S, OFFER_P99_S = 0.020, 0.200


@dataclass(frozen=True)
class Size:
    agents: int = 500
    calls: int = 100
    states_per_s: float = 200.0
    states_s: float = 15.0
    offers_per_s: float = 20.0
    offers_s: float = 15.0
    call_s: float = 5.0
    rest_s: float = 2.0
    rounds: int = 3


QUICK = Size(agents=50, calls=20, states_per_s=50, states_s=4, offers_per_s=5, offers_s=4, rounds=1)


@dataclass
class Load:
    """Of one side of one round. ``cpu_s``: of its server, each request or offer. ``bad``: what was not as it should."""

    took: list[float]
    cpu_s: float
    load: float
    bad: list[str] = field(default_factory=list)

    @property
    def p99(self) -> float:
        return percentile(0.99, self.took)


@dataclass
class Found:
    states: dict[str, list[Load]]
    offers: dict[str, list[Load]]
    herds: list[Herd]


class Bench:
    def __init__(self, site: Site, clients: Clients, other: Child, other_port: int, size: Size) -> None:
        self._site, self._clients, self._other, self._size = site, clients, other, size
        clients.do("engine", "make", port=site.api_port, people=site.people, events="/v1/events")
        clients.do("peer", "make", port=other_port, people=site.people[:-1], events="/events?agent={agent}")

    def run(self) -> Found:
        for of in ("engine", "peer"):
            self._clients.do(of, "connect")
        self._clients.do("engine", "every", method="POST", path="/v1/me/sign-in", body={})
        found = Found({"engine": [], "peer": []}, {"engine": [], "peer": []}, [])
        for turn in range(self._size.rounds):
            order = ("engine", "peer") if turn % 2 == 0 else ("peer", "engine")
            with self._calls():
                for of in order:
                    found.states[of].append(self._states(of))
            self._clients.do("engine", "every", method="PUT", path="/v1/me/state", body={"state": "READY"})
            for of in order:
                found.offers[of].append(self._offers(of))
            found.herds += self._herds()
        return found

    @contextmanager
    def _calls(self) -> Iterator[None]:
        """On the hotline, until both sides are through."""
        size = self._size
        self._site.switch.ask(f"talk {size.calls} {2 * size.states_s + 60:g}")
        time.sleep(size.rest_s)
        yield
        up = int(self._site.switch.ask("hangup"))
        if up < size.calls:
            raise RuntimeError(f"only {up} of {size.calls} calls were up at the end")
        time.sleep(size.rest_s)

    def _states(self, of: str) -> Load:
        path = "/v1/me/state" if of == "engine" else "/state?agent={agent}"
        load = {"rate": self._size.states_per_s, "seconds": self._size.states_s}
        return self._measured(of, lambda: self._clients.do(of, "put_states", path=path, turn=1, **load))

    def _offers(self, of: str) -> Load:
        rate, seconds = self._size.offers_per_s, self._size.offers_s
        self._clients.do(of, "forget")

        def make() -> Any:
            if of == "peer":
                return self._clients.do(of, "post_offers", path="/offers", rate=rate, seconds=seconds)
            self._site.switch.ask(f"queue {rate:g} {seconds:g} {self._size.call_s:g}")
            return {"took": [], "answers": []}

        count = int(rate * seconds)
        found = self._measured(of, make, lambda: self._clients.do(of, "wait_offers", count=count))
        self._site.switch.ask("hangup")
        found.took = self._clients.do(of, "offers")["took"]
        if len(found.took) != count:
            found.bad.append(f"{len(found.took)} offers came of {count}")
        return found

    def _measured(self, of: str, work: Callable[[], Any], rest: Callable[[], Any] = lambda: None) -> Load:
        assert self._site.engine is not None
        pid = self._site.engine.pid if of == "engine" else self._other.process.pid
        before = cpu_s(pid)
        found = work()
        rest()
        used = cpu_s(pid) - before
        statuses = Counter((status, str(told) if status != 200 else "") for _, status, told in found["answers"])
        bad = [f"{count} answers {status} {told}" for (status, told), count in statuses.items() if status != 200]
        return Load(found["took"], used, load(), bad)

    def _herds(self) -> list[Herd]:
        old = self._clients.do("engine", "forget")["last_id"]
        site, clients = self._site, self._clients
        return [reconnect.cut(site, clients), reconnect.restart(site, clients), reconnect.too_old(site, clients, old)]


def measure(size: Size) -> Found:
    """Starts everything, and leaves nothing behind."""
    with tempfile.TemporaryDirectory(prefix="cti-api-") as name:
        folder = Path(name)
        site = Site(folder, size.agents)
        clients = None
        try:
            site.start()
            site.wait_up()
            clients = Clients()
            with peer(folder) as (other, port):
                return Bench(site, clients, other, port, size).run()
        finally:
            if clients is not None:
                clients.end()
            site.close()


def told(name: str, what: str, sides: dict[str, list[Load]], most_s: float) -> bool:
    """Prints; whether the goal is met in the round in the middle, with nothing wrong in any."""
    bad = [f"round {turn + 1}: {text}" for turn, one in enumerate(sides["engine"]) for text in one.bad]
    for side, rounds in sides.items():
        every = [value for one in rounds for value in one.took]
        print(
            f"  {side:<7} p50 {percentile(0.5, every) * 1e3:6.1f} ms; p99 by round, min / median / max: "
            f"{spread([one.p99 for one in rounds], 'ms', 1e3)}; most {max(every) * 1e3:.0f} ms; "
            f"CPU of the server {spread([one.cpu_s / len(one.took) for one in rounds], 'ms', 1e3, 2)} each; "
            f"load {spread([one.load for one in rounds], '')}"
        )
    ratio = [ours.p99 / other.p99 for ours, other in zip(sides["engine"], sides["peer"], strict=True)]
    p99 = statistics.median(one.p99 for one in sides["engine"])
    met = p99 < most_s and not bad
    print(f"  p99 to the peer's, by round: {spread(ratio, '', digits=2)}")
    print(f"  {name}, {what}: p99 {p99 * 1e3:.1f} ms (under {most_s * 1e3:.0f} ms): {'met' if met else 'MISSED'}")
    for text in bad:
        print(f"    {text}")
    return met


def told_herds(herds: list[Herd], agents: int) -> bool:
    names = dict.fromkeys(herd.name for herd in herds)
    for name in names:
        some = [herd for herd in herds if herd.name == name]
        away = [herd.away_s for herd in some if herd.away_s]
        gone = f"; {spread(away, 's', digits=1)} from the end of the engine" if away else ""
        print(
            f"  {name}: all {agents + 1} connected after {spread([h.seconds for h in some], 's', digits=2)}{gone}; "
            f"{sum(h.events for h in some)} events compared, {sum(len(h.wrong) for h in some)} wrong"
        )
        for text in [text for herd in some for text in herd.wrong][:10]:
            print(f"    {text}")
    met = all(herd.events and not herd.wrong for herd in herds)
    print(f"  no event is lost: {'met' if met else 'MISSED'}")
    return met


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="a small one, to see that it works")
    options.add_argument("--rounds", type=int)
    asked = options.parse_args()
    size = QUICK if asked.quick else Size()
    if asked.rounds:
        size = Size(**{**vars(size), "rounds": asked.rounds})
    print(f"{size}, load before: {load():.1f}", flush=True)
    found = measure(size)
    print(f"states, {size.states_per_s:g} a second with {size.calls} calls and {size.agents} streams:")
    met = told("change of state", f"{size.states_per_s:g} a second", found.states, STATE_P99_S)
    print(f"offers, {size.offers_per_s:g} a second, {size.agents} streams:")
    met &= told("offer at the client", f"{size.agents} connected", found.offers, OFFER_P99_S)
    print("clients that lose their connections at once:")
    met &= told_herds(found.herds, size.agents)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
