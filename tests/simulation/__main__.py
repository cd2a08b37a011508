"""``python -m tests.simulation SEED|FIRST-LAST [--calls N] [--jobs N] [--trace]``: digests, and what is wrong."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tests.simulation.virtual_time import install

if TYPE_CHECKING:
    from tests.simulation.warm import Warm


def main() -> int:
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is chance too, and must be the same in each process
        os.execve(sys.executable, sys.orig_argv, os.environ | {"PYTHONHASHSEED": "0"})
    asked = _asked()
    logging.basicConfig(level=logging.CRITICAL if not asked.trace else logging.WARNING)
    time = install(0)
    from tests.simulation.warm import Warm

    warm, wrong = Warm(time, wide=asked.wide), 0
    try:
        for said in _each(warm, asked):
            wrong += "\n" in said.rpartition("seed ")[2].strip()
            print(said, end="", flush=True)
        if asked.counts is not None:
            lines, never = _totals(asked.counts)
            wrong += len(never)
            print(*lines, *never, sep="\n", flush=True)
    finally:
        warm.close()
    os._exit(1 if wrong else 0)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seeds", help="7, or 1-200")
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=1, help="seeds at a time")
    parser.add_argument("--no-faults", action="store_true")
    parser.add_argument("--wide", action="store_true", help="agents, shipped flows, a back office, every fault")
    parser.add_argument(
        "--counts",
        type=Path,
        metavar="FOLDER",
        help="what happened how often, a file for each wide seed; told at the end, and what never happened is wrong",
    )
    parser.add_argument("--trace", action="store_true", help="every event of every channel")
    return parser.parse_args()


def _each(warm: Warm, asked: argparse.Namespace) -> Iterator[str]:
    from tests.simulation.warm import forked

    first, _, last = asked.seeds.partition("-")
    running: deque[tuple[int, Callable[[], str]]] = deque()
    for seed in range(int(first), int(last or first) + 1):
        running.append((seed, forked(lambda seed=seed: _run(warm, seed, asked))))  # type: ignore[misc]
        if len(running) >= asked.jobs:
            yield _said(*running.popleft())
    while running:
        yield _said(*running.popleft())


def _totals(folder: Path) -> tuple[list[str], list[str]]:
    from tests.simulation.totals import missing, told

    counts: Counter[str] = Counter()
    for file in folder.iterdir():
        counts.update(json.loads(file.read_text(encoding="utf-8")))
    return told(counts), missing(counts)


def _said(seed: int, wait: Callable[[], str]) -> str:
    return wait() or f"seed {seed} digest - events -\nit broke, see above\n"


def _run(warm: Warm, seed: int, asked: argparse.Namespace) -> str:
    from tests.simulation.wide import WideWorld

    with tempfile.TemporaryDirectory() as folder:
        world = warm.world(seed, Path(folder), calls=asked.calls, faults=not asked.no_faults)
        wrong = world.run()
        trace = world.trace if asked.trace else []
        if asked.counts is not None and isinstance(world, WideWorld):
            asked.counts.mkdir(exist_ok=True)
            (asked.counts / str(seed)).write_text(json.dumps(world.counts), encoding="utf-8")
        again = (
            [f"again: python -m tests.simulation {seed}{' --wide' * asked.wide} --calls {asked.calls} --trace"]
            if wrong
            else []
        )
        head = f"seed {seed} digest {world.digest} events {len(world.trace)}"
        return "\n".join([*trace, head, *wrong, *again, ""])


if __name__ == "__main__":
    sys.exit(main())
