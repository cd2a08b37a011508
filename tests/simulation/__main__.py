"""``python -m tests.simulation SEED [--calls N] [--trace]``: one seed, its digest, and what is wrong with it."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
from pathlib import Path

from tests.simulation.virtual_time import install


def main() -> int:
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is chance too, and must be the same in each process
        os.execve(sys.executable, sys.orig_argv, os.environ | {"PYTHONHASHSEED": "0"})
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--no-faults", action="store_true")
    parser.add_argument("--trace", action="store_true", help="every event of every channel")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL if not asked.trace else logging.WARNING)
    time = install(asked.seed)
    from tests.simulation.world import World

    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), time, calls=asked.calls, faults=not asked.no_faults)
        wrong = world.run()
        if asked.trace:
            print("\n".join(world.trace))
        print("\n".join([f"seed {asked.seed} digest {world.digest} events {len(world.trace)}", *wrong]), flush=True)
    os._exit(1 if wrong else 0)  # the engine's greenlets are left as they are: nothing outlives the process


if __name__ == "__main__":
    sys.exit(main())
