"""Requests by interface tables on PostgreSQL: how many a second, and what a kill -9 of the collector loses or repeats.

The database is a server of its own (with fsync), the back office (`tests/boss/offices/table_office.py`) a process, the
collector (the interface server's way) another. In each round, in turn with a peer: so many requests, some hundreds
under way at any time. The peer is the least that could stand there: one psycopg connection that inserts a group of
rows, commits, and looks every 2 ms until all are answered; without keys that may be asked again, deadlines or types.

Then the collector is killed (SIGKILL) in the middle of as many requests, and another one asks for all of them again.

Exit status 1: the goal is missed, something is lost, or something is done twice.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from gevent.pool import Pool
from sqlalchemy import create_engine, text

from cti.boss.way import Question, Surroundings
from cti.boss.ways.table import KIND
from cti.boss.ways.table.options import TableBackend, TableTarget
from scripts.benchmarks._figures import load, spread
from tests.boss.offices.table_office import create, office
from tests.store.test_postgresql import Server, _programs

PER_S = 1_000.0
UNDER_WAY, GROUP = 400, 400
OPTIONS: dict[str, Any] = {
    "request": {"table": "if_req", "key": "serial", "op": "op", "at": "created_at", "state": "state"},
    "response": {"table": "if_rsp", "key": "serial", "poll_ms": [2, 50], "batch": 500},
}


def collect(url: str, keys: list[str], tell_at: int = 0) -> tuple[float, float]:
    """Seconds, and seconds of the processor, until all are answered; says so on stdout when ``tell_at`` are."""
    way = KIND.open(TableBackend.model_validate({**OPTIONS, "url": url}), Surroundings("bench", Path(), 1000))
    target, done = TableTarget(op="TOPUP"), 0

    def ask(key: str) -> None:
        nonlocal done
        fields = {"msisdn": f"1380{key[-7:]}"[:10] + "1", "amount": Decimal("10.50")}
        answer = way.ask(Question(target, fields, key, time.monotonic() + 60))
        assert answer["rc"] == "0000"
        done += 1
        if done == tell_at:
            print("some", flush=True)

    began, cpu = time.perf_counter(), _cpu()
    pool = Pool(UNDER_WAY)
    for key in keys:
        pool.spawn(ask, key)
    pool.join(raise_error=True)
    took = time.perf_counter() - began, _cpu() - cpu
    way.close()
    return took


def bare(url: str, keys: list[str]) -> float:
    """As `collect`, by the peer; seconds."""
    began = time.perf_counter()
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection, connection.cursor() as cursor:
        for at in range(0, len(keys), GROUP):
            group = keys[at : at + GROUP]
            cursor.executemany(
                "INSERT INTO if_req (serial, op, state, created_at, msisdn, amount)"
                " VALUES (%s, 'TOPUP', '0', now(), '13800000001', 10.5)",
                [(key,) for key in group],
            )
            connection.commit()
            missing = set(group)
            while missing:
                cursor.execute("SELECT serial, rc FROM if_rsp WHERE serial = ANY(%s)", (list(missing),))
                missing -= {serial for serial, _ in cursor}
                connection.commit()
                if missing:
                    time.sleep(0.002)
    return time.perf_counter() - began


def killed(url: str, requests: int) -> dict[str, int]:
    """Rows, and keys, of both tables, after a collector was killed half way and another asked for everything again."""
    create(url)
    with office(url):
        for tell_at in (requests // 2, requests):
            command = [sys.executable, __file__, "--collect", url, str(requests), str(tell_at)]
            running = subprocess.Popen(
                command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": "."}
            )
            assert running.stdout is not None
            assert running.stdout.readline() == "some\n"
            if tell_at < requests:
                os.kill(running.pid, signal.SIGKILL)
            running.communicate()
    engine = create_engine(url)
    found = {}
    with engine.connect() as connection:
        for name in ("if_req", "if_rsp"):
            counts = connection.execute(text(f"SELECT count(*), count(DISTINCT serial) FROM {name}")).one()
            found[f"{name} rows"], found[f"{name} keys"] = counts
    engine.dispose()
    return found


@contextmanager
def database() -> Iterator[str]:
    programs = _programs()
    if programs is None:
        sys.exit("no initdb found: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="cti-pg-") as name:
        server = Server(programs, Path(name))
        server.start(fsync="on")
        try:
            yield server.url
        finally:
            server.stop()


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--collect", nargs=3, metavar=("URL", "REQUESTS", "TELL_AT"), help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.collect:
        url, requests, tell_at = told.collect
        collect(url, [f"k{n:08}" for n in range(int(requests))], int(tell_at))
        return 0
    ours: list[tuple[float, float]] = []
    theirs: list[float] = []
    before = load()
    with database() as url:
        for turn in range(told.rounds):
            create(url)
            with office(url, pause_s=0.001):
                keys = [f"r{turn}-{n:08}" for n in range(told.requests)]
                for side in ("ours", "theirs") if turn % 2 == 0 else ("theirs", "ours"):
                    if side == "ours":
                        ours.append(collect(url, keys))
                    else:
                        theirs.append(bare(url, [f"p{key}" for key in keys]))
        rates = [told.requests / seconds for seconds, _ in ours]
        cpus = [1e6 * cpu / told.requests for _, cpu in ours]
        print(
            f"{told.requests:,} requests a round, {UNDER_WAY} under way, load {before:.1f} before, {load():.1f} after"
        )
        print(f"  interface tables  {spread(rates, 'requests/s', digits=0)}; CPU {spread(cpus, 'µs each', digits=0)}")
        print(f"  bare psycopg      {spread([told.requests / s for s in theirs], 'requests/s', digits=0)}")
        ratios = [their / our for (our, _), their in zip(ours, theirs, strict=True)]
        print(f"  ratio             {spread(ratios, '', digits=2)}")
        good = statistics.median(rates) >= PER_S
        print(f"  at least {PER_S:,.0f} a second: {'met' if good else 'MISSED'}")
        counts = killed(url, told.requests)
        whole = set(counts.values()) == {told.requests}
        print(f"  killed half way: {counts}: {'nothing lost, nothing twice' if whole else 'MISSED'}")
    return int(not (good and whole))


if __name__ == "__main__":
    sys.exit(main())
