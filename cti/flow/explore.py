"""A systematic walk through a plan: every key, silence, wrong input and hang-up, every answer of the outside.

Breadth first over spots (moments at which something else can happen next); spots from which the same can happen are
one. So the first way to a spot is a shortest one. Pure: time is asked of ``budget``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cti.core import commands as c
from cti.flow.explore_circles import in_circles
from cti.flow.explore_keys import hangup_key, key_of
from cti.flow.explore_live import live_variables
from cti.flow.explore_moves import BEGIN, HANG_UP, LIMIT, Move, Moves
from cti.flow.explore_outside import Outside
from cti.flow.explore_values import Samples
from cti.flow.explore_walk import Beginning, Budget, Trouble, Walk, Way, make, replay
from cti.flow.explore_world import Choices, Spot, World, is_human
from cti.flow.model import Flow
from cti.flow.plan import Plan
from cti.flow.runcall import BY_TEXT

NOW = datetime.fromisoformat("2026-03-02T10:00+08:00")  # a Monday


def explore(plan: Plan, budget: Budget | None = None) -> Walk:
    """Walk through ``plan``. Raises nothing for what a flow does; that is a `Trouble`."""
    return Explorer(plan, budget or Budget()).walk()


class Explorer:
    def __init__(self, plan: Plan, budget: Budget) -> None:
        self.plan, self.budget = plan, budget
        self.samples = Samples(plan, NOW)
        self.outside = Outside(plan, self.samples)
        self.live = live_variables(plan)
        self.moves = Moves(plan, self.samples, self.live)
        self.found = Walk(plan)
        self._numbers: dict[bytes, int] = {}
        self._spots: dict[int, Spot] = {}
        self._todo: deque[int] = deque()
        self._entered: set[int] = set()  # spots at which a node has just been entered
        self._hung_up: set[str] = set()
        self._until = budget.clock() + budget.seconds if budget.clock else None

    def walk(self) -> Walk:
        walk = self.found
        root = self.plan.flows[self.plan.root]
        inputs = self.samples.starts(root)
        for hour, now in enumerate(self.samples.moments()):
            walk.beginnings += [
                Beginning(given, now, hour, text) for given in inputs for text in self._openings(root, given)
            ]
        for number in range(len(walk.beginnings)):
            self._try(-1, BEGIN, number, None)
        self._go_on()
        self._strike()
        return walk

    def _openings(self, root: Flow, inputs: Mapping[str, Any]) -> Sequence[str]:
        return self.moves.openings(root) if inputs.get("medium", root.media[0]) in BY_TEXT else ("",)

    def _go_on(self) -> None:
        walk = self.found
        while self._todo and not self._spent():
            number = self._todo.popleft()
            spot = self._spots.pop(number)
            if walk.depth[number] >= self.budget.depth:
                walk.reached = f"{self.budget.depth} steps"
                continue
            walk.expanded[number] = True
            for move in self.moves.at(spot, number in self._entered):
                if move is HANG_UP and self._hung_up_alike(number, spot):
                    continue
                self._try(number, move, walk.first[number].beginning, spot)

    def _hung_up_alike(self, number: int, spot: Spot) -> bool:
        """Somebody has hung up before with the same consequences."""
        beginning = self.found.first[number].beginning
        key = hangup_key(self.plan, spot, self.live, self.found.beginnings[beginning].hour)
        if key not in self._hung_up:
            self._hung_up.add(key)
            return False
        self.found.exits.add((*self.found.at[number], "hangup"))
        return True

    def _strike(self) -> None:
        """The time limit can strike wherever a caller can go round for ever: once at each such node."""
        done: set[tuple[str, str]] = set()
        walk = self.found
        for number in sorted(in_circles(walk)):
            if walk.at[number] not in done and walk.limited[number] and not self._spent():
                done.add(walk.at[number])
                world = replay(walk, self.outside, walk.path(number))
                self._try(number, LIMIT, walk.first[number].beginning, world.spot())
        self._go_on()

    def _spent(self) -> bool:
        if self.budget.clock and self._until is not None and self.budget.clock() > self._until:
            self.found.reached = f"{self.budget.seconds:g} seconds"
        elif len(self.found.first) >= self.budget.states:
            self.found.reached = f"{self.budget.states} states"
        else:
            return False
        return True

    # ---- one step --------------------------------------------------------------------------------------------

    def _try(self, source: int, move: Move, beginning: int, spot: Spot | None) -> None:
        """Make the move, with every combination of answers that it asks for."""
        todo: list[list[int]] = [[]]
        while todo:
            taken = todo.pop()
            choices = Choices(taken)
            fixed = len(taken)
            begun = self.found.beginnings[beginning]
            world = World(self.plan, self.outside, begun.now, choices)
            fault = make(world, begun, move, spot)
            todo += choices.others(fixed)
            if not fault.startswith("missing-input"):
                self._arrive(source, move, beginning, world, fault, spot.time_s if spot else 0.0)

    def _arrive(self, source: int, move: Move, beginning: int, world: World, fault: str, since_s: float) -> None:
        walk = self.found
        spot = world.spot()
        key = key_of(spot, self.live, walk.beginnings[beginning].hour) if not fault else fault.encode()
        target = self._numbers.setdefault(key, len(walk.first))
        human = any(is_human(self.plan, work) for _, work in world.work)
        seconds = round(world.time_s - since_s, 3)
        way = Way(source, target, move, beginning, tuple(world.choices.taken), seconds, human)
        walk.ways.append(way)
        if target == len(walk.first):
            self._reach(way, spot, world, fault)
        self._note(world, way, fault)

    def _reach(self, way: Way, spot: Spot, world: World, fault: str) -> None:
        walk, number = self.found, way.target
        frame = world.run.frames[-1]
        ended = next((work.reason for _, work in reversed(world.work) if isinstance(work, c.RunEnded)), "")
        walk.first.append(way)
        walk.at.append((frame.flow, frame.node))
        walk.depth.append(walk.depth[way.source] + 1 if way.source >= 0 else 0)
        walk.ends.append("fault" if fault else ended)
        walk.limited.append(world.run.limit_ref is not None)
        over = bool(fault or ended)
        walk.expanded.append(over)
        if not over:
            self._spots[number] = spot
            last = next((work for _, work in reversed(world.work) if isinstance(work, c.NodeEntered)), None)
            if last is not None and (last.flow, last.node) == walk.at[number]:
                self._entered.add(number)
            self._todo.append(number)
            if not spot.goes_on:
                walk.stuck.append(number)

    def _note(self, world: World, way: Way, fault: str) -> None:
        walk = self.found
        frame = world.run.frames[-1]
        if fault:
            self._trouble(Trouble("crash", frame.flow, frame.node, fault, way, False))
        failed: list[c.FlowError] = []
        for _, work in world.work:
            match work:
                case c.NodeEntered(flow, node):
                    walk.nodes.add((flow, node))
                    if failed:
                        self._failed(world, failed.pop(), way, True)
                case c.NodeLeft(flow, node, _, exit):
                    walk.exits.add((flow, node, exit))
                case c.FlowError():
                    if failed:  # the handler itself could not be entered
                        self._failed(world, failed.pop(), way, True)
                    failed.append(work)
        if failed:
            self._failed(world, failed.pop(), way, False)

    def _failed(self, world: World, error: c.FlowError, way: Way, handled: bool) -> None:
        again = not handled and world.run.errors > 1
        self._trouble(Trouble(error.code, error.flow, error.node, error.message, way, handled, again))

    def _trouble(self, trouble: Trouble) -> None:
        key = (trouble.flow, trouble.node, trouble.code, trouble.handled, trouble.again)
        self.found.troubles.setdefault(key, trouble)
