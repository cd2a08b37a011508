"""50,000 asynchronous requests outstanding: how much memory the engine needs, and what is lost when it is killed.

`cti serve` is one process; clients and the back office (HTTP) are this one. In each round
a) the engine starts on a database in which most are outstanding already, and clients order the rest by the API, each
   with an Idempotency-Key (more than an engine remembers in memory); the back office takes what it is sent and never
   answers;
b) the engine stays so for a while: the most memory that it had so far (VmHWM) and what it has now (VmRSS) are read;
c) the engine is killed (SIGKILL) and started, the back office answers, and for a while requests are done: how many a
   second, whether every one is still in the database, and whether any that was answered was sent again. (The back
   office writes nothing while it hangs: what becomes of a write that is cut off is for tests/boss/test_async_killed.)
The peer of a) is the least that could keep an order: a row of the same size in SQLite, one commit each, durable as ours
are, on the same disk, in turn.

Exit status 1: the goal is missed, something is lost, or something is written twice.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event
from gevent.pywsgi import WSGIServer
from sqlalchemy import insert

from cti.app.parts import store_place
from cti.config import load_settings
from cti.core.async_requests import AsyncRequest
from cti.store import open_store
from cti.store.schema_office import async_requests
from scripts.benchmarks._api_site import ENTRY, Site
from scripts.benchmarks._figures import cpu_s, load, spread

MEMORY_MB = 200.0
_CLIENTS = 20
_OFFICE = """\
backends:
  crm:
    way: http
    url: "http://127.0.0.1:{port}"
    operations: {{ORDER: {{path: /orders, body: {{codec: json}}}}}}
requests:
  package.order:
    in: {{msisdn: {{type: phone, class: msisdn}}, package: text}}
    out: {{ticket: text}}
    deadline_ms: 60000
    policy: change
    to: {{backend: crm, operation: ORDER, idempotent: true}}
policies:
  change: {{}}
security:
  classes: {{msisdn: {{mask: "3+4"}}}}
"""


@dataclass(frozen=True)
class Size:
    outstanding: int = 50_000
    ordered: int = 12_000
    stay_s: float = 10.0
    done_s: float = 20.0
    peer_s: float = 3.0
    rounds: int = 3


QUICK = Size(outstanding=1_000, ordered=400, stay_s=2.0, done_s=5.0, peer_s=1.0, rounds=1)


@dataclass
class Found:
    """Megabytes (10^6) and seconds. ``before``: before the clients came. ``cpu``: of the
    engine, for each. ``wrong``: what should not be."""

    before_mb: float
    most_mb: float
    now_mb: float
    restarted_mb: float
    accepted_per_s: float
    peer_per_s: float
    done_per_s: float
    accepted_cpu_ms: float
    done_cpu_ms: float
    wrong: list[str]


class BackOffice:
    """Takes orders; while ``answers`` is clear it never answers. ``done``: key -> how often it was written."""

    def __init__(self) -> None:
        self.answers = Event()
        self.done: Counter[str] = Counter()
        self.server = WSGIServer(("127.0.0.1", 0), self._order, log=None, error_log=None)
        self.server.start()

    def _order(self, environ: dict[str, Any], start: Any) -> list[bytes]:
        environ["wsgi.input"].read()
        if not self.answers.is_set():
            gevent.sleep(600)
        key = environ["HTTP_IDEMPOTENCY_KEY"]
        self.done[key] += 1
        start("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"ticket": f"T{len(self.done)}"}).encode()]


def order(site: Site, count: int) -> float:
    """By so many clients at once, each with its own account; how many were accepted a second."""
    share, began = count // _CLIENTS, time.monotonic()

    def client(number: int) -> None:
        headers = {"Authorization": f"Bearer {site.people[number]['token']}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", site.api_port, timeout=60)
        for one in range(share):
            body = {"request": "package.order", "arguments": {"msisdn": f"138{one:08d}", "package": "fibre 500"}}
            more = {"Idempotency-Key": f"order-{number}-{one}"}
            while True:
                connection.request("POST", "/v1/requests", json.dumps({**body, "expires_s": 86400}), headers | more)
                answer = connection.getresponse()
                told = answer.read()
                if answer.status == http.client.ACCEPTED:
                    break
                if answer.status != http.client.TOO_MANY_REQUESTS:
                    raise RuntimeError(told.decode())
                time.sleep(float(answer.getheader("Retry-After") or 1))
        connection.close()

    with ThreadPoolExecutor(_CLIENTS) as threads:
        clients = [threads.submit(client, number) for number in range(_CLIENTS)]
        while not all(one.done() for one in clients):
            gevent.sleep(0.05)  # the back office is on this thread
        for one in clients:
            one.result()
    return count / (time.monotonic() - began)


def peer(folder: Path, seconds: float) -> float:
    """Rows a second."""
    with closing(sqlite3.connect(folder / "peer.db", isolation_level=None)) as database:
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            database.execute(f"PRAGMA {pragma}")
        database.execute("CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, body TEXT)")
        began, count = time.monotonic(), 0
        while time.monotonic() - began < seconds:
            database.execute("INSERT INTO orders VALUES (?, ?)", (os.urandom(16).hex(), "x" * 400))
            count += 1
        return count / (time.monotonic() - began)


def memory(site: Site) -> tuple[float, float]:
    """The most that it had, and what it has (proc(5))."""
    assert site.engine is not None
    lines = Path(f"/proc/{site.engine.pid}/status").read_text().splitlines()
    told = {name: value for name, _, value in (line.partition(":") for line in lines)}
    most, now = (float(told[name].split()[0]) * 1024 / 1e6 for name in ("VmHWM", "VmRSS"))
    return most, now


def cpu(site: Site) -> float:
    assert site.engine is not None
    return cpu_s(site.engine.pid)


def kept(site: Site, count: int) -> None:
    """Orders of an engine of before, put into the database at once."""
    store = open_store(*store_place(load_settings(site.folder / "cti.yaml")))
    requests, now = store.accounts.async_requests, time.time()
    rows = []
    for number in range(count):
        id_, inputs = f"r-{number}", {"msisdn": f"139{number:08d}", "package": "fibre 500"}
        one = AsyncRequest(id_, "u-agent0", "package.order", f"u-agent0/{id_}", inputs, now, now + 86_400.0)
        one = replace(one, lane=one.name, due_at=now)
        rows.append({"request_id": id_, "worker": "", "lease_until": 0.0, **requests._columns(one)})
    with store._engine.begin() as connection:
        connection.execute(insert(async_requests), rows)
    store.close(30.0)


@contextmanager
def standing(office: BackOffice, already: int) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="cti-bench-") as name:
        site = Site(Path(name), _CLIENTS)
        try:
            for path in (site.folder / "flows").glob("*.yaml"):
                if path.name not in ("bench.yaml", "busy.yaml"):
                    path.unlink()
            (site.folder / "flows" / "entry.yaml").write_text(ENTRY)
            (site.folder / "interfaces.yaml").write_text(_OFFICE.format(port=office.server.server_port))
            with (site.folder / "cti.yaml").open("a") as file:
                file.write("boss: {file: interfaces.yaml}\n")
            kept(site, already)
            site.start()
            site.wait_up()
            yield site
        finally:
            site.close()


def one_round(size: Size) -> Found:
    office = BackOffice()
    with standing(office, size.outstanding - size.ordered) as site:
        before, _ = memory(site)
        written = peer(site.folder, size.peer_s)
        worked = cpu(site)
        accepted = order(site, size.ordered)
        accepted_cpu = (cpu(site) - worked) / size.ordered
        gevent.sleep(size.stay_s)
        most, now = memory(site)
        site.kill()
        office.answers.set()
        site.start()
        site.wait_up()
        began, had, worked = time.monotonic(), len(office.done), cpu(site)
        gevent.sleep(size.done_s)
        done = (len(office.done) - had) / (time.monotonic() - began)
        done_cpu = (cpu(site) - worked) / max(1, len(office.done) - had)
        restarted, _ = memory(site)
        wrong = proved(site, office, size.outstanding)
    office.server.stop()
    return Found(before, most, now, restarted, accepted, written, done, accepted_cpu * 1000, done_cpu * 1000, wrong)


def proved(site: Site, office: BackOffice, count: int) -> list[str]:
    """Every order is in the database, and done where it says so; the engine has ended by then."""
    site.kill()
    states = {row["state"]: row["n"] for row in site.rows("SELECT state, count(*) n FROM async_requests GROUP BY 1")}
    keys = {row["key"] for row in site.rows("SELECT key FROM async_requests WHERE state = 'done'")}
    wrong = [f"{key} was written {times} times" for key, times in office.done.items() if times > 1]
    wrong += [f"{key} is said to be done and was not written" for key in sorted(keys - office.done.keys())]
    if sum(states.values()) != count or set(states) - {"waiting", "done"}:
        wrong.append(f"{count} were accepted; in the database are {states}")
    return wrong


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="a small one, to see that it works")
    options.add_argument("--rounds", type=int)
    asked = options.parse_args()
    size = QUICK if asked.quick else Size()
    if asked.rounds:
        size = Size(**{**vars(size), "rounds": asked.rounds})
    print(f"{size}, load before: {load():.1f}", flush=True)
    found = []
    for _ in range(size.rounds):
        found.append(one_round(size))
        print(f"  {found[-1]}", flush=True)
    most = max(max(one.most_mb, one.restarted_mb) for one in found)
    print(f"{size.outstanding} outstanding, min / median / max of {size.rounds} rounds:")
    for name, unit in (
        ("before_mb", "MB"), ("most_mb", "MB"), ("now_mb", "MB"), ("restarted_mb", "MB"),
        ("accepted_per_s", "a second"), ("peer_per_s", "a second"), ("done_per_s", "a second"),
        ("accepted_cpu_ms", "ms"), ("done_cpu_ms", "ms"),
    ):  # fmt: skip
        print(f"  {name:<16} {spread([getattr(one, name) for one in found], unit)}")
    ratio = statistics.median(one.accepted_per_s / one.peer_per_s for one in found)
    print(f"  accepted by the API for each row of the peer: {ratio:.3f}")
    wrong = [text for one in found for text in one.wrong]
    for text in wrong[:10]:
        print(f"  {text}")
    print(f"  {MEMORY_MB:g} MB: {'met' if most <= MEMORY_MB else 'MISSED'}; none lost, none twice: "
          f"{'met' if not wrong else 'MISSED'}")  # fmt: skip
    return 0 if most <= MEMORY_MB and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
