"""The interpreter alone, on the virtual clock: nodes a second with a snapshot at each wait, and a paused run's weight.

    python scripts/benchmarks/flow.py [--rounds 9] [--seconds 0.5] [--runs 10000]

The flow is a caller's way through a menu of three levels with branches, assignments and a look-up; every wait is
answered at once. The peer is the same dialogue written out in Python (`flow_by_hand.py`), in the same rounds.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter, process_time
from typing import NamedTuple

import flow_by_hand
import orjson

from cti.core import commands as c
from cti.core import events as e
from cti.flow import Catalog, LookupSignature, Plan, Run, compile_plan, load_flow

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
FLOW = """
flow: bench
start: begin
languages: {default: zh-CN, also: [en-US]}
inputs: {caller: "phone?!"}
vars: {n: "int = 0", balance: "decimal = 0", tier: "enum[standard, vip] = standard", last: "text?"}
nodes:
  begin: {type: set, set: {n: "= n + 1"}}
  round: {type: branch, cases: [{when: "n > 25", to: bye}], default: who}
  who:
    type: lookup
    ask: subscriber.get
    with: {msisdn: =caller}
    save: {balance: =result.balance, tier: =result.tier}
    to: {ok: rich, else: main}
  rich: {type: branch, cases: [{when: "balance > 1000 and tier == 'vip'", to: main}], default: note}
  note: {type: set, set: {last: "= tier"}}
  main:
    type: menu
    say: {zh-CN: "查话费请按1，人工请按0。", en-US: "For your balance press 1."}
    keys: {1: sub, 0: bye}
    to: {else: bye}
  sub: {type: menu, say: {zh-CN: "本月请按1。", en-US: "This month, press 1."}, keys: {1: month}, to: {else: bye}}
  month: {type: branch, cases: [{when: n == 0, to: bye}], default: tell}
  tell: {type: play, say: {zh-CN: "余额${money(balance)}。", en-US: "Your balance is ${money(balance)}."}}
  count: {type: set, set: {n: "= n + 1"}, next: round}
  bye: {type: end, outcome: done}
"""
SIGNATURE = LookupSignature.parse({"msisdn": "phone"}, {"balance": "decimal", "tier": "enum[standard, vip]"})
ANSWER = {"balance": "88.50", "tier": "standard"}


def make_plan() -> Plan:
    loaded = load_flow(FLOW, "bench.yaml", catalog=Catalog(lookups={"subscriber.get": SIGNATURE}))
    assert loaded.flow is not None, loaded.issues
    return compile_plan({"bench": loaded.flow}, {}, "bench")


def answer(run: Run) -> e.Event:
    """The event that brings the run on."""
    for ref, (kind, _) in run.pending.items():
        if kind == "lookup":
            return e.LookupEnded(ref, "ok", ANSWER)
        if kind == "play" and run.node.type == "play":
            return e.PlayEnded(ref)
    return e.DigitPressed("1")


def call(plan: Plan, wait: Callable[[Run], Run], keep: list[c.Work] | None = None) -> int:
    """One call to its end; how many nodes were entered. ``keep`` gets all that it emitted."""
    run = Run(plan, {"caller": "13800000000"}, now=NOW)
    sprint = run.start(NOW)
    while True:
        if keep is not None:
            keep += sprint
        if run.ended:
            return sum(run.visits.values())
        run = wait(run)
        sprint = run.feed(answer(run), NOW)


def plain(run: Run) -> Run:
    return run


def snapshot(run: Run) -> Run:
    run.dump()
    return run


def restored(run: Run) -> Run:
    return Run.load(run.plan, run.dump())


def ways(plan: Plan) -> dict[str, Callable[[], int]]:
    """One call each."""
    return {
        "plain": lambda: call(plan, plain),
        "snapshot": lambda: call(plan, snapshot),
        "restored": lambda: call(plan, restored),
        "by hand, plain": lambda: flow_by_hand.call(ANSWER, lambda _machine: None),
        "by hand, snapshot": lambda: flow_by_hand.call(ANSWER, lambda machine: orjson.dumps(machine.state())),
    }


def check_same(plan: Plan) -> int:
    """All of them do the same work, so that their rates compare; how much it is in one call."""
    whole: list[c.Work] = []
    restarted: list[c.Work] = []
    peer: list[c.Work] = []
    call(plan, plain, whole)
    call(plan, restored, restarted)
    flow_by_hand.call(ANSWER, lambda _machine: None, peer)
    assert whole == restarted, "a run that was restored at each wait went another way"
    assert whole == peer, "the peer's dialogue is another one"
    return len(whole)


class Rates(NamedTuple):
    """Nodes a second: of the processor's time that this process had, and of time as it passed."""

    processor: float
    wall: float


def rate(one: Callable[[], int], seconds: float) -> Rates:
    """Other programs count for the time that passed; for the processor's only by the caches and the core they share."""
    nodes, begun, wall = 0, process_time(), perf_counter()
    while process_time() - begun < seconds:
        nodes += one()
    return Rates(nodes / (process_time() - begun), nodes / (perf_counter() - wall))


def weigh(plan: Plan, count: int) -> tuple[float, float]:
    """(bytes of memory, bytes of JSON) of a run that waits in its menu, of ``count`` such."""
    gc.collect()
    tracemalloc.start()
    runs = []
    for _ in range(count):
        run = Run(plan, {"caller": "13800000000"}, now=NOW)
        run.start(NOW)
        run.feed(answer(run), NOW)
        runs.append(run)
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / count, len(runs[0].dump())


def spread(found: list[float]) -> str:
    return f"{statistics.median(found):,.0f} ({min(found):,.0f} to {max(found):,.0f})"


EXPLAINED = """\
node execution: a node entered, its expressions evaluated, its prompt rendered, its commands emitted (`NodeEntered`).
snapshot: at each wait the whole run is written as JSON text, all that `Run.restore` needs besides the plan.
restored: and the run is made from that text again, as after a change of process.
by hand: the same dialogue as a state machine in Python, emitting the same work; its snapshot is its own state."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="at least 5")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each way in each round")
    parser.add_argument("--runs", type=int, default=10_000)
    options = parser.parse_args()
    if options.rounds < 5:
        parser.error("a figure needs at least 5 rounds")
    plan = make_plan()
    print(EXPLAINED)
    print(f"checked: all ways emit the same {check_same(plan):,} pieces of work in a call of {call(plan, plain)} nodes")
    rates: dict[str, list[Rates]] = {name: [] for name in ways(plan)}
    for _ in range(options.rounds):
        for name, one in ways(plan).items():
            rates[name].append(rate(one, options.seconds))
    print(f"nodes/s, median of {options.rounds} rounds (least to most)")
    print(f"{'':18} {'of processor time':>32} {'of time that passed':>32}")
    for name, found in rates.items():
        print(f"{name:18} {spread([one.processor for one in found]):>32} {spread([one.wall for one in found]):>32}")
    for name in ("plain", "snapshot"):
        pairs = zip(rates[name], rates[f"by hand, {name}"], strict=True)
        times = statistics.median(peer.processor / ours.processor for ours, peer in pairs)
        print(f"{name}: by hand is {times:.1f} times as fast")
    memory, text = weigh(plan, options.runs)
    print(f"a paused run: {memory:,.0f} bytes of memory, {text:,} bytes of JSON ({options.runs:,} runs)")


if __name__ == "__main__":
    main()
