"""How long `cti flow explore` takes: the hotline, and a flow of 500 nodes.

The peer is the plain walk: breadth first with the same moves, but spots told apart by everything in them (except
numbers that rise with each step), as a search does that knows nothing of which variables are still read. It gets the
time that the exploration took, and what is compared is how much of the flow each has seen by then.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from cti.app import load_flows
from cti.flow import Catalog, Plan, compile_plan, load_flow
from cti.flow.explore import Explorer
from cti.flow.explore_keys import Key, Keys
from cti.flow.explore_report import explored
from cti.flow.explore_walk import Budget, Walk
from cti.flow.explore_world import Spot
from tests.benchmarks.bigflow import big_flow

ROOT = Path(__file__).resolve().parent.parent.parent
HOTLINE_S, BIG_S = 5.0, 60.0
COUNTS = ("last_ref", "visits", "limit_ref", "limit_since", "limit_left_s", "pending")


class PlainKeys(Keys):
    """Everything counts, and nothing is taken over from another call of a subflow."""

    def of(self, spot: Spot, hour: int) -> Key:
        state = {name: value for name, value in spot.state.items() if name not in COUNTS}
        state["frames"] = [{**frame, "visit": 0} for frame in state["frames"]]
        roles = sorted(role for _, _, role in spot.state["pending"])
        due = [round(at - spot.time_s, 3) for at, _, _ in spot.due]
        return self.fault(json.dumps([state, roles, due, len(spot.asked)], sort_keys=True, default=repr))


def plain_walk(plan: Plan, seconds: float) -> Walk:
    explorer = Explorer(plan, Budget(seconds=seconds, clock=time.monotonic))
    explorer.keys = PlainKeys(plan, explorer.live)
    return explorer.walk()


def measure(name: str, plan: Plan, target_s: float) -> bool:
    begun, cpu = time.monotonic(), time.process_time()
    report = explored(plan, Budget(seconds=600, clock=time.monotonic))
    took, cpu = time.monotonic() - begun, time.process_time() - cpu
    seen = report.nodes - len(report.unreached)
    print(
        f"{name}: {report.states} states, {report.ways} ways, {seen} of {report.nodes} nodes in {took:.1f} s "
        f"({cpu:.1f} s of CPU, {report.states / cpu:.0f} states and {report.ways / cpu:.0f} ways a second of it, "
        f"{report.taken_over} ways taken over); whole: {not report.bound}"
    )
    peer = plain_walk(plan, took)
    ratio = seen / max(1, len(peer.nodes))
    done = "whole" if peer.complete else "not whole"
    print(
        f"  plain walk in the same time: {len(peer.first)} states, {len(peer.nodes)} nodes, {done}; "
        f"nodes seen {ratio:.1f} : 1, states {len(peer.first) / report.states:.1f} : 1"
    )
    met = took <= target_s and not report.bound
    print(f"  within {target_s:g} s: {'met' if met else 'MISSED'}")
    return met


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--nodes", type=int, default=500)
    options.add_argument("--repeats", type=int, default=1)
    chosen = options.parse_args()
    library = load_flows(ROOT / "ivr_flows")
    hotline = library.plans["hotline"]
    big = load_flow(big_flow(chosen.nodes), "big.yaml", catalog=Catalog(lookups=hotline.lookups)).flow
    assert big is not None
    plan = compile_plan({"big": big}, hotline.calendars, "big")
    met = True
    for _ in range(chosen.repeats):
        met &= measure("hotline", hotline, HOTLINE_S)
        met &= measure(f"{len(big.nodes)} nodes", plan, BIG_S)
    sys.exit(not met)


if __name__ == "__main__":
    main()
