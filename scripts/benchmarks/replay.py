"""Replay of recorded calls: from the database to the last difference, beside the same runs in the simulator.

The calls are random ones of the shipped hotline, recorded as an engine records them. Timed are: reading and opening
the journals; replaying against the recorded version; replaying against a changed one, where every call parts from its
recording at the first prompt or later. The peer runs the flow's own tests as often, without any journal.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from cti.app import load_flows  # noqa: E402
from cti.core.calls import TerminalCause  # noqa: E402
from cti.core.records import CallEnded, CallStarted, JournalPart  # noqa: E402
from cti.flow import Plan, compile_plan, load_flow  # noqa: E402
from cti.flow.flowtests import run_tests  # noqa: E402
from cti.flow.replay import replay  # noqa: E402
from cti.flow.replay_recording import Recording, read_recording  # noqa: E402
from cti.store import SqlStore, open_store  # noqa: E402
from tests.flow.callmaker import CallMaker  # noqa: E402


def changed(plan: Plan) -> Plan:
    """The hotline with two prompts and a waiting time altered."""
    text = (ROOT / "ivr_flows" / "hotline.yaml").read_text(encoding="utf-8")
    text = text.replace("暂时无法查询", "现在无法查询").replace("wait: 5s", "wait: 7s").replace("系统繁忙", "系统很忙")
    from cti.app import demo_catalog

    loaded = load_flow(text, "hotline.yaml", catalog=demo_catalog())
    assert loaded.flow is not None, loaded.issues
    return compile_plan({**plan.flows, "hotline": loaded.flow}, plan.calendars, "hotline")


def record(store: SqlStore, plan: Plan, count: int) -> tuple[int, int]:
    """How many events and nodes the calls have."""
    events = nodes = 0
    for seed in range(count):
        maker = CallMaker(plan, {"caller": "13800000000", "line": "mobile"}, Random(seed))
        recording, _ = maker.make()
        events += len(recording.steps)
        nodes += sum(item[0] == "enter" for step in recording.steps for item in step.items)
        entries, _ = maker.recorder.take()
        store.record(CallStarted(f"c{seed}", "fs", "10086", float(seed), flow="hotline", flow_version=plan.version))
        store.record(JournalPart(f"c{seed}", float(seed), 1, entries))
        store.record(CallEnded(f"c{seed}", seed + 60.0, TerminalCause.CALLER_HANGUP))
    assert store.flush(60.0)
    return events, nodes


def timed(rounds: int, work: Callable[[], object]) -> str:
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return f"{statistics.median(taken):6.2f} s  ({min(taken):.2f} to {max(taken):.2f} in {rounds} rounds)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    plan = load_flows(ROOT / "ivr_flows").plans["hotline"]
    other = changed(plan)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/cti.db", Path(folder) / "keys.json")
        events, nodes = record(store, plan, options.calls)
        recordings: list[Recording] = []

        def read() -> None:
            recordings.clear()
            journals = store.find_journals([f"c{seed}" for seed in range(options.calls)])
            recordings.extend(read_recording(found.entries, found.secrets) for found in journals.values())

        print(f"{options.calls} calls of the hotline: {events} events, {nodes} nodes")
        print(f"read and opened            {timed(options.rounds, read)}")
        same = [replay(one, plan).same for one in recordings]
        assert all(same), f"{same.count(False)} calls differ from themselves"
        print(f"against the recorded       {timed(options.rounds, lambda: [replay(one, plan) for one in recordings])}")
        different = sum(not replay(one, other).same for one in recordings)
        print(f"against a changed flow     {timed(options.rounds, lambda: [replay(one, other) for one in recordings])}"
              f", {different} differ")  # fmt: skip
        store.close(5.0)
    tests = len(plan.flows["hotline"].tests)
    rounds = -(-options.calls // tests)
    print(
        f"peer: {rounds * tests} flow tests   {timed(options.rounds, lambda: [run_tests(plan) for _ in range(rounds)])}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
