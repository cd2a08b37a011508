"""Slow ways to walk through a plan, against which the quick one is held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path

from cti.app import load_flows
from cti.flow import Plan
from cti.flow.explore import Explorer
from cti.flow.explore_findings import findings
from cti.flow.explore_keys import Key, Keys
from cti.flow.explore_live import NOW
from cti.flow.explore_moves import Moves
from cti.flow.explore_walk import Budget, Walk
from cti.flow.explore_world import Spot
from cti.flow.model import NodeRef

FLOWS = Path(__file__).resolve().parents[2] / "ivr_flows"


@cache
def delivered() -> Mapping[str, Plan]:
    """The plans of the flows that are delivered, by name."""
    return load_flows(FLOWS).plans


class Apart(Keys):
    """No two moments are one."""

    def __init__(self, explorer: Explorer) -> None:
        super().__init__(explorer.plan, explorer.live)
        self._next = count()

    def of(self, spot: Spot, hour: int) -> Key:
        return (next(self._next),)


class Each(Keys):
    """Nothing is taken over from another call of a subflow."""

    def inside(self, key: Key) -> Key | None:
        return None


def unmerged(plan: Plan, budget: Budget) -> Walk:
    """Brute force: the same moves, every moment by itself."""
    explorer = Explorer(plan, budget)
    explorer.keys = Apart(explorer)
    return explorer.walk()


def whole(plan: Plan, budget: Budget | None = None) -> Walk:
    """Every variable counts at every node, every value is tried, and every step is carried out."""
    explorer = Explorer(plan, budget or Budget())
    explorer.outside.judged = frozenset((flow.id, name) for flow in plan.flows.values() for name in flow.variables)
    live = {flow.id: dict.fromkeys(flow.nodes, frozenset(flow.variables) | {NOW}) for flow in plan.flows.values()}
    explorer.live = live
    explorer.moves = Moves(plan, explorer.samples, live)
    explorer.keys = Each(plan, live)
    return explorer.walk()


def carried_out(plan: Plan) -> Walk:
    """As `explore`, but every step is carried out."""
    explorer = Explorer(plan, Budget())
    explorer.keys = Each(plan, explorer.live)
    return explorer.walk()


def found_in(walk: Walk) -> set[tuple[str, str, str, str]]:
    """(code, cause, flow, node) of each finding."""
    return {(found.code, found.cause, found.flow, found.node) for found in findings(walk)}


def rewired(plan: Plan, node: str, flow: str = "", **exits: str) -> Plan:
    """The plan with ``exits`` of a node leading elsewhere ('': nowhere), past what the checker would say."""
    changed = plan.flows[flow or plan.root]
    found = changed.nodes[node]
    targets = {**found.exits, **{name: NodeRef(target, found.place) for name, target in exits.items()}}
    targets = {name: target for name, target in targets.items() if target.name}
    nodes = {**changed.nodes, node: replace(found, exits=targets)}
    return replace(plan, flows={**plan.flows, changed.id: replace(changed, nodes=nodes)})
