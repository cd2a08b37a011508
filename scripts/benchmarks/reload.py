"""How late the hub's timers are while a flow of 500 nodes is reloaded, beside the same engine with nothing to do.

What a running call notices of a reload is the time for which the hub is held: a timer due every 5 ms stands for it.
The child process, the history in a real database and the taking of the plans are all part of it.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import gevent

from cti.app import SystemClock, demo_catalog
from cti.runtime.collector import set_aside
from cti.runtime.library import FlowLibrary, load_folder
from cti.runtime.notices import NoticeBoard
from cti.runtime.reload.reloader import Reloader, ReloadSetup
from cti.store import open_store

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.benchmarks.bigflow import big_flow  # noqa: E402 - the generator is no part of the package

TICK_S = 0.005
LIMIT_MS = 20.0


@dataclass
class Lateness:
    """Milliseconds by which each tick came late (wall clock, so that other work on the machine counts), and for which
    the hub's own thread computed between two ticks (what this engine alone is to blame for)."""

    found: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)
    _stop: bool = False

    def run(self) -> None:
        while not self._stop:
            due, cpu = time.perf_counter() + TICK_S, time.thread_time()
            gevent.sleep(TICK_S)
            self.found.append((time.perf_counter() - due) * 1e3)
            self.held.append((time.thread_time() - cpu) * 1e3)

    def during(self, work: Callable[[], object]) -> float:
        """Tick while ``work`` goes on; how long that took."""
        ticking = gevent.spawn(self.run)
        began = time.perf_counter()
        work()
        took = time.perf_counter() - began
        self._stop = True
        ticking.join()
        self._stop = False
        return took

    def __str__(self) -> str:
        return f"{len(self.found)} ticks: late {_shares(self.found)}; hub computing {_shares(self.held)}"


def _shares(values: list[float]) -> str:
    ordered = sorted(values)
    p50, p99 = (ordered[int((len(ordered) - 1) * share)] for share in (0.5, 0.99))
    worst = " ".join(f"{value:.1f}" for value in ordered[-3:][::-1])
    return f"p50 {p50:.2f}, p99 {p99:.2f}, worst {worst} ms"


def measure(folder: Path, nodes: int, rounds: int) -> bool:
    flows = folder / "flows"
    shutil.copytree(ROOT / "ivr_flows", flows)
    text = big_flow(nodes)
    (flows / "big.yaml").write_text(text, encoding="utf-8")
    library: FlowLibrary = load_folder(flows, demo_catalog())
    store = open_store(f"sqlite:///{folder / 'cti.db'}", folder / "keys.json")
    setup = ReloadSetup(flows, demo_catalog(), folder / "tested.json")
    reloader = Reloader(library, store.flows, SystemClock(), setup, NoticeBoard())
    reloader.attempt()  # the first loads what Python loads once
    set_aside()  # as the engine does at its start
    busy, idle, whole = Lateness(), Lateness(), []
    for number in range(rounds):
        before = library.plans["big"].version
        (flows / "big.yaml").write_text(text.replace("欢迎", f"欢迎{number}", 1) + f"# {number}\n", encoding="utf-8")
        _changed(flows / "big.yaml", number)
        took = busy.during(reloader.attempt)
        last = reloader.standing.last
        assert last is not None
        if not last.taken or library.plans["big"].version == before:
            print("not taken:", *last.issues, sep="\n  ")
            return False
        whole.append(took)
        idle.during(lambda took=took: gevent.sleep(took))  # type: ignore[misc]
    reloader.stop()
    store.close(5.0)
    count = len(library.plans["big"].flows["big"].nodes)
    print(f"{count} nodes, {rounds} reloads of {min(whole):.1f} to {max(whole):.1f} s")
    print(f"idle:      {idle}")
    print(f"reloading: {busy}")
    return max(busy.found) <= LIMIT_MS


def _changed(file: Path, number: int) -> None:
    """Whatever the generator writes, the flow says something else each time."""
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("Little is left.", f"Little is left, {number}."), encoding="utf-8")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--nodes", type=int, default=500)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        met = measure(Path(folder), chosen.nodes, chosen.rounds)
    print(f"no timer late by more than {LIMIT_MS:g} ms: {'met' if met else 'MISSED'}")
    sys.exit(not met)


if __name__ == "__main__":
    main()
