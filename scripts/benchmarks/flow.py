"""The interpreter alone, on the virtual clock: nodes a second with a snapshot at each wait, and a paused run's weight.

    python scripts/benchmarks/flow.py [--rounds 5] [--runs 10000]

Node executions are counted as `NodeEntered`. The flow is a caller's way through a menu of three levels with branches,
assignments and a look-up; every wait is answered at once. ``snapshot``: at each wait the whole state is written to
JSON; ``restored``: and the run made from it again, as after a change of process.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from time import process_time

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


def call(plan: Plan, wait: Callable[[Run], Run]) -> int:
    """One call to its end; how many nodes were entered."""
    run = Run(plan, {"caller": "13800000000"}, now=NOW)
    nodes = sum(isinstance(work, c.NodeEntered) for work in run.start(NOW))
    while not run.ended:
        run = wait(run)
        nodes += sum(isinstance(work, c.NodeEntered) for work in run.feed(answer(run), NOW))
    return nodes


def plain(run: Run) -> Run:
    return run


def snapshot(run: Run) -> Run:
    json.dumps(run.state())
    return run


def restored(run: Run) -> Run:
    return Run.restore(run.plan, json.loads(json.dumps(run.state())))


def rate(plan: Plan, wait: Callable[[Run], Run], seconds: float) -> float:
    """By the time of the processor: other programs on the machine do not count."""
    nodes, begun = 0, process_time()
    while process_time() - begun < seconds:
        nodes += call(plan, wait)
    return nodes / (process_time() - begun)


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
    return size / count, len(json.dumps(runs[0].state()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--runs", type=int, default=10_000)
    options = parser.parse_args()
    plan = make_plan()
    for wait in (plain, snapshot, restored):
        rates = [rate(plan, wait, options.seconds) for _ in range(options.rounds)]
        middle = statistics.median(rates)
        print(f"{wait.__name__:10} {middle:9,.0f} nodes/s  (of {len(rates)}: {min(rates):,.0f} to {max(rates):,.0f})")
    memory, text = weigh(plan, options.runs)
    print(f"a paused run: {memory:,.0f} bytes of memory, {text:,} bytes of JSON ({options.runs:,} runs)")


if __name__ == "__main__":
    main()
