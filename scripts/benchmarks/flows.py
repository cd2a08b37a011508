"""5,000 calls at once in one engine process, each in a flow of its own; the embedded switch in another process.

The shipped hotline, whose callers have heard the welcome, were looked up, and sit in the main menu with its prompt over
(the wait for a key is made long, so that all of them are there together). What a call takes is how much the memory of
the engine has grown over what it had after a hundred calls came and went: resident, and its own (USS: what ending the
process would free). Then all hang up, and each must be on record.
"""

from __future__ import annotations

import argparse
import gc
import logging
import shutil
import sys
import tempfile
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import gevent
import orjson
from _figures import load
from engine import CONFIG, ROOT, resident_kib, start_switch

from cti.app import Application
from cti.config import load_settings
from cti.core.records import CallFilter
from cti.store.reader import make_cursor
from cti.switch.links.errors import LinkLost

MOST_KIB = 60.0
WARM, REST_S, LEAVE_S = 100, 25.0, 40.0
PROMPTS_S = 20.0  # welcome and menu
ALWAYS_OPEN = "calendar: hotline\ntitle: Always open\ntimezone: Asia/Shanghai\nweek:\n  mon-sun: 00:00-24:00\n"


class Lost(Exception):
    """The machine is too busy for this."""


def own_kib() -> int:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def hotline(folder: Path) -> Path:
    """The shipped flows, always open, with a long wait in the main menu."""
    flows = folder / "flows"
    shutil.copytree(ROOT / "ivr_flows", flows)
    (flows / "calendars" / "hotline.yaml").write_text(ALWAYS_OPEN)
    file = flows / "hotline.yaml"
    text = file.read_text()
    assert text.count("    wait: 5s\n") == 1
    file.write_text(text[: text.index("\ntests:")].replace("    wait: 5s\n", "    wait: 20m\n") + "\n")
    return flows


def place(links: Any, number: int, stay_s: float) -> None:
    wish = {"number": f"1380000000{number % 4}", "called": "10086", "script": [{"wait": round(stay_s, 1)}, "h"]}
    for _ in range(50):
        try:
            links.submit_api("cti_call", urlsafe_b64encode(orjson.dumps(wish)).decode())
            return
        except LinkLost:  # a machine that is busy with other things
            gevent.sleep(0.2)
    raise Lost(f"after {number} calls engine and switch do not reach each other, for want of a processor")


def wait_idle(application: Application, within_s: float) -> None:
    until = time.monotonic() + within_s
    while application.figures().active and time.monotonic() < until:
        gevent.sleep(0.5)


def measure(calls: int, per_s: float) -> bool:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        switch, port = start_switch(folder)
        try:
            (folder / "cti.yaml").write_text(CONFIG.format(flows=hotline(folder), port=port))
            application = Application(load_settings(folder / "cti.yaml"))
            application.start()
            application.wait_until_up(30.0)
            links = application.switches_by_name["bench"].links
            for number in range(WARM):
                place(links, number, 3)
                gevent.sleep(1 / per_s)
            wait_idle(application, 60)
            gevent.sleep(1)
            before, own_before = resident_kib(), own_kib()
            began, cpu = time.monotonic(), time.process_time()
            over = calls / per_s + REST_S
            for number in range(calls):
                at = time.monotonic() - began
                place(links, number, over - at + number / calls * LEAVE_S)
                gevent.sleep(max(0.0, (number + 1) / per_s - (time.monotonic() - began)))
            placed = time.monotonic() - began
            while time.monotonic() - began < over - 3:
                gevent.sleep(0.5)
            gc.collect()
            peak, at_peak, own_at_peak = application.figures().active, resident_kib(), own_kib()
            cpu = time.process_time() - cpu
            wait_idle(application, LEAVE_S + 120)
            gc.collect()
            after = resident_kib()
            application.store.flush(60.0)
            good, cursor = 0, None
            while rows := application.store.list_calls(limit=1000, before=cursor, where=CallFilter()):
                good += sum(row.terminal_cause == "caller_hangup" and row.flow == "hotline" for row in rows)
                cursor = make_cursor(rows[-1].started_at, rows[-1].call_id)
            application.stop()
        except Lost as lost:
            print(f"MISSED: {lost}; load {load():.1f}")
            return False
        finally:
            switch.kill()
            switch.wait(20)
    good -= WARM
    each, own_each = (at_peak - before) / calls, (own_at_peak - own_before) / calls
    print(f"calls placed {calls} in {placed:.0f} s, at once {peak}, on record as they went {good}; load {load():.1f}")
    print(f"memory of the engine: {before} KiB before, {at_peak} KiB with all, {after} KiB after")
    print(f"CPU of the engine a call, up to its wait in the menu: {cpu / calls * 1e3:.1f} ms")
    met = each <= MOST_KIB and own_each <= MOST_KIB
    print(f"a call takes {each:.1f} KiB resident, {own_each:.1f} KiB of its own (at most {MOST_KIB:g}):", end=" ")
    print("met" if met else "MISSED")
    whole = peak == calls == good
    print(f"all at once, each on record: {'met' if whole else 'MISSED'}")
    return met and whole


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=5000)
    options.add_argument("--per-second", type=float, default=50.0)
    chosen = options.parse_args()
    logging.basicConfig(level=logging.ERROR)
    sys.exit(not measure(chosen.calls, chosen.per_second))


if __name__ == "__main__":
    main()
