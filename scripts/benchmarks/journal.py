"""What durable calls cost: calls for each CPU-second of the engine with snapshots and without, in turn, in one process.

The demo's hotline on an embedded switch in another process; each caller asks for the balance and hangs up. Prints the
CPU of the engine per call, threads included, of both kinds of blocks, the share that snapshots cost, how many a call
has, and their size: what `Run` and runtime write, and what stands in the database.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import sys
import tempfile
import time
from base64 import urlsafe_b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
import orjson
from _figures import load, spread
from engine import CONFIG, ROOT, start_switch

from cti.app import Application
from cti.config import load_settings
from cti.store import snapshots

MOST = 0.15
SCRIPT = ["1", {"hear": "余额"}, {"wait": 1}, "h"]


class Sizes:
    """Bytes of each snapshot: as made, and as a row (body and key, sealed)."""

    def __init__(self) -> None:
        self.made: list[int] = []
        self.stored: list[int] = []
        original = snapshots.SnapshotRows._row

        def seen(rows: Any, one: Any) -> Any:
            row = original(rows, one)
            self.made.append(len(one.body))
            if row is not None:
                self.stored.append(len(row["body_sealed"]) + len(row["key_sealed"]))
            return row

        snapshots.SnapshotRows._row = seen  # type: ignore[method-assign]


def block(application: Application, calls: int, per_s: float) -> float:
    """CPU seconds of this process for so many calls."""
    links, engine = application.switches_by_name["bench"].links, application.engine
    target = engine.figures().started + calls
    began = time.process_time()
    for number in range(calls):
        wish = {"number": f"1380000000{number % 4}", "called": "10086", "script": SCRIPT}
        links.submit_api("cti_call", urlsafe_b64encode(orjson.dumps(wish)).decode())
        gevent.sleep(1 / per_s)
    deadline = time.monotonic() + 120
    while (engine.figures().started < target or engine.figures().active) and time.monotonic() < deadline:
        gevent.sleep(0.05)
    assert application.store.flush(30.0)
    return time.process_time() - began


def measure(calls: int, per_s: float, pairs: int) -> bool:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        switch, port = start_switch(folder)
        try:
            (folder / "cti.yaml").write_text(CONFIG.format(flows=ROOT / "ivr_flows", port=port))
            sizes = Sizes()
            application = Application(load_settings(folder / "cti.yaml"))
            application.start()
            application.wait_until_up(30.0)
            engine = application.engine
            kinds = {True: engine._services, False: replace(engine._services, durable=None)}
            found: dict[bool, list[float]] = {True: [], False: []}
            block(application, calls // 2, per_s)  # warm
            sizes.made.clear()
            sizes.stored.clear()
            for turn in range(pairs):
                for kept in (True, False) if turn % 2 else (False, True):
                    engine._services = kinds[kept]
                    found[kept].append(block(application, calls, per_s) / calls)
            ended = engine.figures().ended
            application.stop()
        finally:
            switch.terminate()
            switch.wait(20)
    shares = [1 - without / kept for kept, without in zip(found[True], found[False], strict=True)]
    share = statistics.median(shares)
    print(f"{2 * pairs} blocks of {calls} calls at {per_s:g}/s, endings {dict(ended)}, load {load():.1f}")
    print(f"CPU of the engine a call, with snapshots:    {spread(found[True], 'ms', 1e3, 2)} (min / median / max)")
    print(f"CPU of the engine a call, without:           {spread(found[False], 'ms', 1e3, 2)}")
    print(f"calls per CPU-second that snapshots cost:    {spread(shares, '%', 100)}")
    print(f"snapshots written a call: {len(sizes.made) / calls / pairs:.1f}")
    print(f"bytes of a snapshot as made: {spread(sizes.made, 'bytes', digits=0)}")
    print(f"bytes of its row, body and key: {spread(sizes.stored, 'bytes', digits=0)}")
    return share <= MOST


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=500)
    options.add_argument("--per-second", type=float, default=60.0)
    options.add_argument("--pairs", type=int, default=7)
    chosen = options.parse_args()
    logging.basicConfig(level=logging.ERROR)
    met = measure(chosen.calls, chosen.per_second, chosen.pairs)
    print(f"at most {MOST:.0%}: {'met' if met else 'MISSED'}")
    sys.exit(not met)


if __name__ == "__main__":
    main()
