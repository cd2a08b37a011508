"""1, 2 and 4 flow workers on one switch: how many calls an engine carries for each second of CPU.

Three embedded switches, each a process, with one, two and four engines (worker slots, processes with a database each)
that share its calls by the dialplan's hash. Each of the three in turn gets as many calls a second for each of its
workers as the others, the order turned round every time; what counts is the CPU of the engines alone, while their calls
last. The callers of the shipped hotline ask for their balance and hang up. What an engine takes without calls is told
beside.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from _figures import load, spread
from _worker_groups import Group

from tests.real.esl import wait_until

WITHIN = 0.10
COUNTS = (1, 2, 4)
SCRIPT: list[object] = ["1", {"hear": "余额"}, {"wait": 1}, "h"]
QUIET_S, IDLE_S = 1.0, 5.0


def block(group: Group, calls: int, per_s: float) -> float:
    """CPU seconds of the group's engines, from the first call until the records of the last are written; ``calls`` and
    ``per_s``: of each worker."""
    calls, per_s = calls * group.slots, per_s * group.slots
    before, began = sum(group.cpu_s()), time.monotonic()
    for number in range(calls):
        group.place(f"1380000000{number % 3}", SCRIPT)
        time.sleep(max(0.0, (number + 1) / per_s - (time.monotonic() - began)))
    wait_until(lambda: group.channels() == 0, 120, "the calls are over", 0.1)
    time.sleep(QUIET_S)
    return sum(group.cpu_s()) - before


def measure(calls: int, per_s: float, rounds: int) -> bool:
    found: dict[int, list[float]] = {count: [] for count in COUNTS}
    groups: list[Group] = []
    with tempfile.TemporaryDirectory(prefix="cti-workers-") as name:
        folder = Path(name)
        try:
            for count in COUNTS:
                groups.append(Group(folder / str(count), count, folder / "prompts"))
            for group in groups:
                block(group, calls // 2, per_s)  # warm
            for turn in range(rounds):
                for group in groups if turn % 2 == 0 else reversed(groups):
                    found[group.slots].append(calls * group.slots / block(group, calls, per_s))
            idle, since = groups[-1].cpu_s(), time.monotonic()
            time.sleep(IDLE_S)
            spent = sum(groups[-1].cpu_s()) - sum(idle)
            print(f"without calls an engine takes {spent / 4 / (time.monotonic() - since):.2%} of a core")
            records = {group.slots: group.records() for group in groups}
        finally:
            for group in groups:
                group.stop()
    each = calls // 2 + rounds * calls
    whole = True
    for count, of in records.items():
        ended = [sum(cause == "caller_hangup" for cause, _, _ in one) for one in of]
        whole = whole and sum(ended) == each * count
        print(
            f"{count} workers: {spread(found[count], 'calls per CPU-second')} (min / median / max); calls each {ended}"
        )
    one = statistics.median(found[1])
    shares = {count: statistics.median(found[count]) / one for count in COUNTS}
    met = all(abs(share - 1) <= WITHIN for share in shares.values())
    print(
        f"{rounds} rounds of {calls} calls at {per_s:g}/s for each worker, load {load():.1f}; to one worker:", end=" "
    )
    print(", ".join(f"{count}: {share:.3f}" for count, share in shares.items()), end="; ")
    print(f"within {WITHIN:.0%}: {'met' if met else 'MISSED'}")
    print(f"{each} calls for each worker on record as they went: {'met' if whole else 'MISSED'}")
    return met and whole


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=60)
    options.add_argument("--per-second", type=float, default=10.0)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    sys.exit(not measure(chosen.calls, chosen.per_second, chosen.rounds))


if __name__ == "__main__":
    main()
