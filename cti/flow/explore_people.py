"""How a caller comes to a person: the best that the caller can do against the worst that everything else can.

A game between the two over the spots that were walked, solved backwards from the people by Knuth's generalisation of
Dijkstra's algorithm (Information Processing Letters 6, 1977): costs only grow, so the cheapest spot is settled first.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

from cti.flow.explore_moves import STAYING, Move
from cti.flow.explore_walk import Walk, Way
from cti.flow.registry import REGISTRY

Cost = tuple[float, float]
CostOf = Callable[[Way], Cost]


@dataclass(frozen=True, slots=True)
class ToPeople:
    """``keys`` and ``seconds`` to a person; both None when the caller may not come to one at all. ``ways`` show it."""

    keys: int | None
    seconds: float | None
    ways: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class People:
    """Worst cases, begun when everything is open: of a caller who spares keys, one who spares time, one who does
    nothing."""

    fewest_keys: ToPeople
    soonest: ToPeople
    silent: ToPeople


def people(walk: Walk) -> People | None:
    """None when there is no node of the plan behind which there are people."""
    if not any(REGISTRY[node.type].human for flow in walk.plan.flows.values() for node in flow.nodes.values()):
        return None
    return People(
        _Game(walk, lambda way: (way.keys, way.seconds)).worst(lambda cost: (cost[0], cost[1])),
        _Game(walk, lambda way: (way.seconds, way.keys)).worst(lambda cost: (cost[1], cost[0])),
        _Game(walk, lambda way: (way.seconds, 0), ("begin", "wait")).worst(lambda cost: (0, cost[0])),
    )


class _Game:
    """``value[spot]``: the cost from there to a person; spots from which the outside can prevent it have none."""

    def __init__(self, walk: Walk, cost: CostOf, moves: tuple[str, ...] = ("begin", *STAYING)) -> None:
        self.walk, self.cost = walk, cost
        self.groups: dict[tuple[int, Move, int], list[Way]] = {}
        for way in walk.ways:
            if way.move.do in moves:
                begun = way.beginning if way.source < 0 else -1
                self.groups.setdefault((way.source, way.move, begun), []).append(way)
        self.value: dict[int, Cost] = {}
        self.best: dict[int, list[Way]] = {}
        self._solve()

    def _solve(self) -> None:
        into: dict[int, list[tuple[int, Move, int]]] = {}
        missing: dict[tuple[int, Move, int], int] = {}
        todo: list[tuple[Cost, int, int]] = []
        order = 0
        for key, ways in self.groups.items():
            targets = {way.target for way in ways if not way.human}
            missing[key] = len(targets)
            for target in targets:
                into.setdefault(target, []).append(key)
        ready = [key for key, count in missing.items() if count == 0]
        while ready or todo:
            for key in ready:
                if key[0] >= 0 and key[0] not in self.value:
                    order += 1
                    heapq.heappush(todo, (self.worst_of(self.groups[key])[0], order, key[0]))
                    self._offer(key[0], self.groups[key])
            ready = []
            if not todo:
                break
            value, _, spot = heapq.heappop(todo)
            if spot in self.value:
                continue
            self.value[spot] = value
            for key in into.get(spot, ()):
                missing[key] -= 1
                if missing[key] == 0:
                    ready.append(key)

    def _offer(self, spot: int, ways: list[Way]) -> None:
        if spot not in self.best or self.worst_of(ways)[0] < self.worst_of(self.best[spot])[0]:
            self.best[spot] = ways

    def worst_of(self, ways: list[Way]) -> tuple[Cost, Way]:
        """Of the outcomes of one move; all of them have a value."""
        found = [(self._through(way), index) for index, way in enumerate(ways)]
        cost, index = max(found)
        return cost, ways[index]

    def _through(self, way: Way) -> Cost:
        first, second = self.cost(way)
        rest = (0.0, 0.0) if way.human else self.value[way.target]
        return round(first + rest[0], 3), round(second + rest[1], 3)

    # ---- the beginning that is worst -------------------------------------------------------------------------

    def worst(self, shown: Callable[[Cost], tuple[float, float]]) -> ToPeople:
        """``shown`` makes (keys, seconds) of a cost."""
        found: tuple[Cost, list[Way]] | None = None
        for (source, _, begun), ways in self.groups.items():
            if source >= 0 or self.walk.beginnings[begun].hour:
                continue
            hindered = next((way for way in ways if not way.human and way.target not in self.value), None)
            if hindered is not None:
                return ToPeople(None, None, tuple(self._prevented(hindered)))
            cost, _ = self.worst_of(ways)
            if found is None or cost > found[0]:
                found = cost, ways
        assert found is not None, "a walk begins somewhere"
        keys, seconds = shown(found[0])
        return ToPeople(int(keys), seconds, tuple(self._line(found[1])))

    def _line(self, ways: list[Way]) -> list[Way]:
        """The caller's best moves against the worst answers."""
        line: list[Way] = []
        while True:
            line.append(self.worst_of(ways)[1])
            if line[-1].human:
                return line
            ways = self.best[line[-1].target]

    def _prevented(self, way: Way) -> list[Way]:
        """A call in which the outside keeps the caller from people; it ends, or comes round."""
        line, seen = [way], {way.target}
        after: dict[int, list[list[Way]]] = {}
        for (source, _, _), ways in self.groups.items():
            after.setdefault(source, []).append(ways)
        while True:
            ahead = (
                found
                for ways in after.get(line[-1].target, ())
                for found in ways
                if not found.human and found.target not in self.value
            )
            following = next(ahead, None)
            if following is None or following.target in seen:
                return line
            seen.add(following.target)
            line.append(following)
