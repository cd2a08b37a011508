"""What a walk through a plan found: spots, the ways between them, what went wrong on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cti.flow.explore_hours import Never
from cti.flow.explore_moves import BEGIN, Move
from cti.flow.explore_outside import Outside
from cti.flow.explore_world import Choices, Spot, World
from cti.flow.plan import Plan


@dataclass(frozen=True, slots=True)
class Budget:
    """``clock`` gives seconds that rise; None: no time is measured and only the counts bound the walk."""

    states: int = 200_000
    depth: int = 400
    seconds: float = 60.0
    clock: Callable[[], float] | None = None

    def __str__(self) -> str:
        time = f"{self.seconds:g} seconds, " if self.clock else ""
        return f"{time}{self.states} states, {self.depth} steps"


@dataclass(frozen=True, slots=True)
class Beginning:
    """``opening``: the first text of a conversation by text, else ''."""

    inputs: Mapping[str, Any]
    now: datetime
    hour: int  # index of ``now`` among the moments tried; 0 is one at which everything is open
    opening: str = ""


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

    def to(self, target: int) -> Way:
        return Way(self.source, target, self.move, self.beginning, self.choices, self.seconds, self.human)

    @property
    def keys(self) -> int:
        return len(self.move.keys) if self.move.do == "press" else 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that a run itself said went wrong, on ``way``. ``handled``: the flow's `on.error` took it; ``again``:
    it was not the first error of the call."""

    code: str
    flow: str
    node: str
    message: str
    way: Way
    handled: bool
    again: bool = False


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
    troubles: dict[tuple[str, str, str, bool, bool], Trouble] = field(default_factory=dict)
    nodes: set[tuple[str, str]] = field(default_factory=set)
    exits: set[tuple[str, str, str]] = field(default_factory=set)
    never: tuple[Never, ...] = ()  # ways that no calendar ever takes
    taken_over: int = 0  # ways that were known from another call of the same subflow
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


def make(world: World, beginning: Beginning, move: Move, spot: Spot | None) -> str:
    """Make ``move`` in ``world``; what it raised, or ''."""
    if spot is None:
        return world.attempt(lambda here: here.start(beginning.inputs, beginning.opening))
    world.resume(spot)
    return world.attempt(move.make)


def replay(walk: Walk, outside: Outside, ways: Sequence[Way]) -> World:
    """The call that takes ``ways``, from the beginning; its `work` and `answered` are those of the whole call."""
    begun = walk.beginnings[ways[0].beginning]
    world = World(walk.plan, outside, begun.now, Choices(list(ways[0].choices)))
    make(world, begun, BEGIN, None)
    for way in ways[1:]:
        world.choices = Choices(list(way.choices))
        way.move.make(world)
    return world
