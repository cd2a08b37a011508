"""What a call and an agent cost: the constants of docs/sizing.md.

The engine is this process, the embedded switch another. Two kinds of callers of the shipped hotline, in blocks of their
own: who asks for the balance and hangs up, and who talks with an agent for three seconds, with whisper and survey. Told
of each: CPU of the engine with all its threads, rows and bytes in the database, events and commands between engine and
switch with their bytes. Then so many agents sign in: memory of each, and CPU of a change of state.
"""

from __future__ import annotations

import argparse
import gc
import logging
import shutil
import sqlite3
import tempfile
import time
import tracemalloc
from base64 import urlsafe_b64encode
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import gevent
import orjson
from _figures import load
from engine import CONFIG, ROOT, resident_kib, start_switch

from cti.acd import Profile
from cti.app import Application
from cti.config import load_settings
from cti.core.legs import Phone
from cti.runtime.floor.hunting import PERSON

ALWAYS_OPEN = "calendar: hotline\ntitle: Always open\ntimezone: Asia/Shanghai\nweek:\n  mon-sun: 00:00-24:00\n"
PHONES = [str(number) for number in range(1001, 1021)]
KINDS: dict[str, list[object]] = {
    "asks for the balance": ["1", {"hear": "余额"}, {"wait": 3}, "h"],
    "talks with an agent": ["0", {"wait": 4.5}, {"hear": "打分"}, "1", {"quiet": 2}, "h"],
}


class Traffic:
    """Events that came from the switch, and commands that went there; bytes of both."""

    def __init__(self, driver: Any) -> None:
        self.count: Counter[str] = Counter()
        on_event, submit = driver.on_event, driver.links.submit

        def seen(event: Any) -> None:
            self.count["events"] += 1
            on_event(event)

        def sent(command: bytes) -> Any:
            self.count["commands"] += 1
            self.count["command bytes"] += len(command)
            return submit(command)

        driver.links._sink = driver
        driver.on_event, driver.links.submit = seen, sent


class Site:
    def __init__(self, application: Application, folder: Path) -> None:
        self.application = application
        self.driver = application.switches_by_name["bench"]
        self.traffic = Traffic(self.driver)
        self._file = folder / "cti.db"
        self.idle = 0.0  # share of a core that the engine takes anyway

    def api(self, command: str, argument: str) -> None:
        self.driver.links.submit(f"api {command} {argument}\n\n".encode())

    def block(self, script: list[object], calls: int, per_s: float) -> None:
        engine = self.application.engine
        target = engine.figures().started + calls
        for number in range(calls):
            wish = {"number": f"1380000000{number % 3}", "called": "10086", "script": script}
            self.api("cti_call", urlsafe_b64encode(orjson.dumps(wish)).decode())
            gevent.sleep(1 / per_s)
        until = time.monotonic() + 90
        while (engine.figures().started < target or engine.figures().active) and time.monotonic() < until:
            gevent.sleep(0.05)
        assert self.application.store.flush(30.0)

    def stored(self) -> tuple[Counter[str], int]:
        """Rows by table; bytes of pages in use."""
        with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True)) as database:
            names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            rows = Counter({name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names})
            size, pages, free = (
                database.execute(f"PRAGMA {what}").fetchone()[0]
                for what in ("page_size", "page_count", "freelist_count")
            )
        return rows, size * (pages - free)


def calls(site: Site, name: str, count: int, per_s: float) -> None:
    site.block(KINDS[name], count // 4, per_s)  # warm
    (rows, size), traffic = site.stored(), site.traffic.count.copy()
    since, cpu = time.monotonic(), time.process_time()
    site.block(KINDS[name], count, per_s)
    cpu = time.process_time() - cpu - site.idle * (time.monotonic() - since)
    later, bigger = site.stored()
    came = site.traffic.count - traffic
    grown = {table: round(number / count, 1) for table, number in (later - rows).items() if number >= count / 4}
    print(f"who {name}, {count} calls at {per_s:g}/s:")
    print(f"  CPU of the engine {cpu / count * 1e3:.1f} ms beside that; events {came['events'] / count:.1f},", end=" ")
    print(f"commands {came['commands'] / count:.1f} with {came['command bytes'] / count:.0f} bytes")
    print(f"  rows {sum(grown.values()):.1f}: {grown}; database {(bigger - size) / count / 1024:.1f} KiB")


def agents(site: Site, count: int) -> None:
    lines = site.application.floor.lines
    tracemalloc.start()
    for number in range(count):
        lines.sign_in(Profile(f"a{number}", PERSON), Phone(f"user/{20_000 + number}"))
    gevent.sleep(1)
    gc.collect()
    each, cpu = tracemalloc.get_traced_memory()[0] / 1024 / count, time.process_time()
    tracemalloc.stop()
    for number in range(count):
        lines.set_ready(f"a{number}")
        gevent.sleep(0)
    gevent.sleep(2)
    site.application.store.flush(30.0)
    cpu = time.process_time() - cpu
    print(f"{count} agents sign in: {each:.1f} KiB each; one becomes READY: {cpu / count * 1e3:.2f} ms of CPU")


def measure(count: int, per_s: float, people: int) -> None:
    with tempfile.TemporaryDirectory(prefix="cti-costs-") as name:
        folder = Path(name)
        shutil.copytree(ROOT / "ivr_flows", folder / "flows")
        (folder / "flows" / "calendars" / "hotline.yaml").write_text(ALWAYS_OPEN)
        switch, port = start_switch(folder)
        try:
            config = CONFIG.format(flows=folder / "flows", port=port)
            (folder / "cti.yaml").write_text(config.replace("[1001]", f"[{', '.join(PHONES)}]"))
            application = Application(load_settings(folder / "cti.yaml"))
            site = Site(application, folder)
            application.start()
            application.wait_until_up(60.0)
            for phone in PHONES:
                site.api("cti_phone", f'{phone} {{"answer_after": 0.3, "hangup_after": 3}}')
            since, spent = time.monotonic(), time.process_time()
            gevent.sleep(5)
            site.idle = (time.process_time() - spent) / (time.monotonic() - since)
            print(f"an engine without calls: {site.idle:.2%} of a core, {resident_kib() / 1024:.0f} MiB")
            calls(site, "asks for the balance", count, per_s)
            calls(site, "talks with an agent", count // 3, min(per_s, 3.0))
            agents(site, people)
            ended = application.engine.figures().ended
            application.stop()
        finally:
            switch.terminate()
            switch.wait(20)
    print(f"ends of all calls: {dict(ended)}; load {load():.1f}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=200)
    options.add_argument("--per-second", type=float, default=15.0)
    options.add_argument("--agents", type=int, default=500)
    chosen = options.parse_args()
    logging.basicConfig(level=logging.ERROR)
    measure(chosen.calls, chosen.per_second, chosen.agents)


if __name__ == "__main__":
    main()
