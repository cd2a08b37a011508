"""A systematic walk through a plan: every key, silence, wrong input and hang-up, every answer of the outside.

Breadth first over spots (moments at which something else can happen next); spots from which the same can happen are
one. So the first way to a spot is a shortest one. What happens inside a subflow does not depend on who called it: it
is carried out for one call and taken over for the others, but where the subflow comes back. Pure: time is asked of
``budget``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cti.core import commands as c
from cti.flow.explore_circles import in_circles
from cti.flow.explore_hours import hours_of
from cti.flow.explore_inside import Arrival, Step, above
from cti.flow.explore_keys import Key, Keys, hangup_key
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
        self.keys = Keys(plan, self.live)
        self._numbers: dict[Key, int] = {}
        self._inside: dict[tuple[Key, bool], list[Step]] = {}
        self._keys: dict[int, Key] = {}
        self._spots: dict[int, Spot] = {}
        self._todo: deque[int] = deque()
        self._entered: set[int] = set()  # spots at which a node has just been entered
        self._hung_up: set[str] = set()
        self._until = budget.clock() + budget.seconds if budget.clock else None

    def walk(self) -> Walk:
        walk = self.found
        hours = hours_of(self.plan, NOW)
        walk.never = hours.never
        root = self.plan.flows[self.plan.root]
        inputs = self.samples.starts(root)
        for hour, now in enumerate(hours.moments):
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
            self._expand(number, spot, number in self._entered)

    def _expand(self, number: int, spot: Spot, entered: bool) -> None:
        key = self._keys.pop(number)
        inside = self.keys.inside(key)
        known = self._inside.get((inside, entered)) if inside else None
        if known is not None:
            self._take_over(number, spot, key, known)
            if not spot.state["hung_up"]:
                self._leave(number, spot)
            return
        steps: list[Step] = []
        for move in self.moves.at(spot, entered):
            if move is HANG_UP:
                self._leave(number, spot)
            else:
                steps += self._try(number, move, self.found.first[number].beginning, spot)
        if inside:
            self._inside[inside, entered] = steps

    def _take_over(self, number: int, spot: Spot, key: Key, steps: Sequence[Step]) -> None:
        """What was seen to happen inside this flow, with the flows of this call below it."""
        beginning = self.found.first[number].beginning
        below = len(spot.state["frames"]) - 1
        for step in steps:
            if not step.depth:
                self._make(number, step.move, beginning, spot, list(step.choices))
                continue
            key_there = (step.arrival.key[0], *key[1 : below + 1], *step.arrival.key[step.depth + 1 :])
            arrival = step.arrival
            if key_there not in self._numbers:
                arrival = above(spot.state["frames"][:below], step, key_there)
            way = Way(number, -1, step.move, beginning, step.choices, arrival.seconds, arrival.human)
            self._arrive(way, key_there, arrival)
            self.found.taken_over += 1

    def _leave(self, number: int, spot: Spot) -> None:
        if not self._hung_up_alike(number, spot):
            self._try(number, HANG_UP, self.found.first[number].beginning, spot)

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

    def _try(self, source: int, move: Move, beginning: int, spot: Spot | None) -> list[Step]:
        """Make the move, with every combination of answers that it asks for."""
        steps: list[Step] = []
        todo: list[list[int]] = [[]]
        while todo:
            taken = todo.pop()
            fixed = len(taken)
            choices, step = self._make(source, move, beginning, spot, taken)
            todo += choices.others(fixed)
            if step is not None:
                steps.append(step)
        return steps

    def _make(
        self, source: int, move: Move, beginning: int, spot: Spot | None, taken: list[int]
    ) -> tuple[Choices, Step | None]:
        """Once, with the answers ``taken``. No step: the call could not begin so."""
        choices, begun = Choices(taken), self.found.beginnings[beginning]
        world = World(self.plan, self.outside, begun.now, choices)
        fault = make(world, begun, move, spot)
        if fault.startswith("missing-input"):
            return choices, None
        arrival = self._arrival(world, fault, begun.hour, spot.time_s if spot else 0.0)
        way = Way(source, -1, move, beginning, tuple(choices.taken), arrival.seconds, arrival.human)
        way = self._arrive(way, arrival.key, arrival)
        self._note(world, way, fault)
        kept = spot is not None and not arrival.ends and world.stays_inside()
        depth = len(spot.state["frames"]) - 1 if spot is not None and kept else 0
        return choices, Step(move, way.choices, depth, arrival)

    def _arrival(self, world: World, fault: str, hour: int, since_s: float) -> Arrival:
        spot = world.spot()
        frame = world.run.frames[-1]
        at = (frame.flow, frame.node)
        ended = next((work.reason for _, work in reversed(world.work) if isinstance(work, c.RunEnded)), "")
        last = next((work for _, work in reversed(world.work) if isinstance(work, c.NodeEntered)), None)
        return Arrival(
            self.keys.of(spot, hour) if not fault else self.keys.fault(fault),
            spot,
            at,
            "fault" if fault else ended,
            last is not None and (last.flow, last.node) == at,
            round(world.time_s - since_s, 3),
            any(is_human(self.plan, work) for _, work in world.work),
        )

    def _arrive(self, way: Way, key: Key, arrival: Arrival) -> Way:
        """``way`` with its target."""
        walk = self.found
        target = self._numbers.setdefault(key, len(walk.first))
        way = way.to(target)
        walk.ways.append(way)
        if target == len(walk.first):
            self._reach(way, arrival)
        return way

    def _reach(self, way: Way, arrival: Arrival) -> None:
        walk, number = self.found, way.target
        walk.first.append(way)
        walk.at.append(arrival.at)
        walk.depth.append(walk.depth[way.source] + 1 if way.source >= 0 else 0)
        walk.ends.append(arrival.ends)
        walk.limited.append(arrival.spot.state["limit_ref"] is not None)
        walk.expanded.append(bool(arrival.ends))
        if not arrival.ends:
            self._spots[number], self._keys[number] = arrival.spot, arrival.key
            if arrival.entered:
                self._entered.add(number)
            self._todo.append(number)
            if not arrival.spot.goes_on:
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
