"""The child process of a reload: judges a folder of flows (`judge`) and hands over the verdict.

Nothing in here holds up a caller, so it may take its time; it runs at the lowest priority.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import IO

from cti.flow import Flow
from cti.runtime.reload.job import FlowHead, NeedVersion, NodePart, PlanPart, read_frame, write_frame
from cti.runtime.reload.judge import Verdict, judge

#: What a folder may cost at most; a child over it is ended by the kernel, and the old flows go on.
MEMORY = 2 << 30
CPU_S = 600


def hand_over(verdict: Verdict, out: IO[bytes]) -> None:
    """The plans in small frames, then what was checked."""
    keys: dict[int, str] = {}
    for role, plans in (("active", verdict.plans), ("canary", verdict.canaries)):
        for plan in plans.values():
            for flow in plan.flows.values():
                if id(flow) not in keys:
                    keys[id(flow)] = str(len(keys))
                    _hand_flow(keys[id(flow)], flow, out)
            named = {name: keys[id(flow)] for name, flow in plan.flows.items()}
            write_frame(out, PlanPart(plan.root, plan.version, named, plan.lookups, role))
    write_frame(out, verdict.checked)


def _hand_flow(key: str, flow: Flow, out: IO[bytes]) -> None:
    write_frame(out, FlowHead(key, replace(flow, nodes={}, tests=()), len(flow.nodes)))
    for name, node in flow.nodes.items():
        write_frame(out, NodePart(name, node))


def main() -> int:
    with contextlib.suppress(OSError):  # the engine's real-time priority is for callers who wait
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    os.nice(19)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not get between the frames
    job = read_frame(sys.stdin.buffer)

    def ask(flow: str, version: str) -> Mapping[str, str] | None:
        write_frame(out, NeedVersion(flow, version))
        found: Mapping[str, str] | None = read_frame(sys.stdin.buffer)
        return found

    hand_over(judge(job, ask), out)
    return 0
