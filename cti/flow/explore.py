"""A systematic walk through a plan: every key, silence, wrong input and hang-up, every answer of the outside.

Breadth first over spots (moments at which something else can happen next); spots from which the same can happen are
one. So the first way to a spot is a shortest one. Pure: time is asked of ``budget``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cti.core import commands as c
from cti.flow.explore_circles import in_circles
from cti.flow.explore_live import live_variables
from cti.flow.explore_moves import BEGIN, LIMIT, Move, Moves
from cti.flow.explore_outside import Outside
from cti.flow.explore_values import Samples
from cti.flow.explore_world import Choices, Spot, World, is_human, key_of
from cti.flow.plan import Plan
from cti.flow.run import RunMisuse

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  # a Monday, 10:00 in China


@dataclass(frozen=True, slots=True)
class Budget:
    """``clock`` gives seconds that rise; None: no time is measured and only the counts bound the walk."""

    states: int = 200_000
    depth: int = 400
    seconds: float = 60.0
    clock: Callable[[], float] | None = None


@dataclass(frozen=True, slots=True)
class Beginning:
    inputs: Mapping[str, Any]
    now: datetime
    hour: int  # index of ``now`` among the moments tried; 0 is one at which everything is open


@dataclass(frozen=True, slots=True)
class Way:
    """From one spot to another: what the caller did, which answers came, how long it took, whether it came to
    people. ``source`` -1: before the call; ``beginning`` says with which inputs."""

    source: int
    target: int
    move: Move
    beginning: int
    choices: tuple[int, ...]
    seconds: float
    human: bool

    @property
    def keys(self) -> int:
        return len(self.move.keys)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that a run itself said went wrong, on ``way``. ``handled``: the flow's `on.error` took it."""

    code: str
    flow: str
    node: str
    message: str
    way: Way
    handled: bool


@dataclass
class Walk:
    """What was found. Spots are numbered in the order in which they were reached; ``first[n]`` is the way by which.

    ``ends[n]`` is the reason of the end there ('' where the call goes on); ``at[n]`` the (flow, node).
    """

    plan: Plan
    beginnings: list[Beginning] = field(default_factory=list)
    first: list[Way] = field(default_factory=list)
    at: list[tuple[str, str]] = field(default_factory=list)
    depth: list[int] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    expanded: list[bool] = field(default_factory=list)
    stuck: list[int] = field(default_factory=list)
    limited: list[bool] = field(default_factory=list)  # does the time limit run there?
    troubles: dict[tuple[str, str, str, bool], Trouble] = field(default_factory=dict)
    nodes: set[tuple[str, str]] = field(default_factory=set)
    exits: set[tuple[str, str, str]] = field(default_factory=set)
    reached: str = ""  # the bound that was reached

    @property
    def complete(self) -> bool:
        return not self.reached

    def path(self, number: int) -> list[Way]:
        """The ways from the beginning to a spot."""
        found: list[Way] = []
        while number >= 0:
            found.append(self.first[number])
            number = self.first[number].source
        return found[::-1]


def explore(plan: Plan, budget: Budget | None = None) -> Walk:
    """Walk through ``plan``. Raises nothing for what a flow does; that is a `Trouble`."""
    return Explorer(plan, budget or Budget()).walk()


class Explorer:
    def __init__(self, plan: Plan, budget: Budget) -> None:
        self.plan, self.budget = plan, budget
        self.samples = Samples(plan, NOW)
        self.outside = Outside(plan, self.samples)
        self.moves = Moves(plan, self.samples)
        self.live = live_variables(plan)
        self.found = Walk(plan)
        self._numbers: dict[bytes, int] = {}
        self._spots: dict[int, Spot] = {}
        self._todo: deque[int] = deque()
        self._until = budget.clock() + budget.seconds if budget.clock else None

    def walk(self) -> Walk:
        walk = self.found
        inputs = self.samples.starts(self.plan.flows[self.plan.root])
        for hour, now in enumerate(self.samples.moments()):
            walk.beginnings += [Beginning(given, now, hour) for given in inputs]
        for number in range(len(walk.beginnings)):
            self._try(-1, BEGIN, number, None)
        self._go_on()
        self._strike()
        return walk

    def _go_on(self) -> None:
        walk = self.found
        while self._todo and not self._spent():
            number = self._todo.popleft()
            spot = self._spots.pop(number)
            if walk.depth[number] >= self.budget.depth:
                walk.reached = f"{self.budget.depth} steps"
                continue
            walk.expanded[number] = True
            for move in self.moves.at(spot):
                self._try(number, move, walk.first[number].beginning, spot)

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
            self._todo.append(number)
            if not spot.goes_on:
                walk.stuck.append(number)

    def _note(self, world: World, way: Way, fault: str) -> None:
        walk = self.found
        frame = world.run.frames[-1]
        if fault:
            self._trouble(Trouble("crash", frame.flow, frame.node, fault, way, False))
        failed: c.FlowError | None = None
        for _, work in world.work:
            match work:
                case c.NodeEntered(flow, node):
                    walk.nodes.add((flow, node))
                    if failed is not None:
                        self._trouble(_trouble(failed, way, True))
                        failed = None
                case c.NodeLeft(flow, node, _, exit):
                    walk.exits.add((flow, node, exit))
                case c.FlowError():
                    failed = work
        if failed is not None:
            self._trouble(_trouble(failed, way, False))

    def _trouble(self, trouble: Trouble) -> None:
        self.found.troubles.setdefault((trouble.flow, trouble.node, trouble.code, trouble.handled), trouble)


def _trouble(error: c.FlowError, way: Way, handled: bool) -> Trouble:
    return Trouble(error.code, error.flow, error.node, error.message, way, handled)


def make(world: World, beginning: Beginning, move: Move, spot: Spot | None) -> str:
    """Make ``move`` in ``world``; what it raised, or ''."""
    try:
        if spot is None:
            world.start(beginning.inputs)
        else:
            world.resume(spot)
            move.make(world)
    except RunMisuse as error:
        return f"{error.code}: {error.message}"
    except Exception as error:  # noqa: BLE001 - a node type that raises is what is looked for
        return f"{type(error).__name__} at {world.run.frames[-1].node}: {error}"
    return ""


def replay(walk: Walk, outside: Outside, ways: Sequence[Way]) -> World:
    """The call that takes ``ways``, from the beginning; its `work` and `answered` are those of the whole call."""
    begun = walk.beginnings[ways[0].beginning]
    world = World(walk.plan, outside, begun.now, Choices(list(ways[0].choices)))
    make(world, begun, BEGIN, None)
    for way in ways[1:]:
        world.choices = Choices(list(way.choices))
        way.move.make(world)
    return world
