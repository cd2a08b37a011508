"""Layers of a drawing (Sugiyama's method, first half): cycles broken, nodes on layers, order within each layer.

The steps are those of Sugiyama, Tagawa and Toda (1981); order by barycentres, cuts counted exactly. Written here
because no library that is kept up lays out graphs with one path held straight and links cut into stubs.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

#: A layer with more boxes is too wide to read; what is too much goes one lower. Large flows grow in both directions.
MOST_IN_A_LAYER = 7
_SWEEPS = 16


@dataclass(frozen=True, slots=True)
class Arc:
    """``weight``: how much it wants to be short and straight. ``back``: drawn from the lower node to the upper."""

    upper: str
    lower: str
    weight: float
    back: bool = False


@dataclass
class Layered:
    """``order``: names by layer, left to right; a name that begins with a blank is a bend of the arc with that index.

    ``paths``: for each arc the names it passes, ends included.
    """

    order: list[list[str]] = field(default_factory=list)
    paths: list[list[str]] = field(default_factory=list)


def find_back(names: Iterable[str], ways: Mapping[str, Sequence[str]]) -> set[tuple[str, str]]:
    """Ways that close a cycle in a walk along ``ways`` from ``names``, in that order."""
    back: set[tuple[str, str]] = set()
    state: dict[str, int] = {}  # 1 on the present path, 2 done
    for root in names:
        if root in state:
            continue
        state[root] = 1
        todo = [(root, iter(ways.get(root, ())))]
        while todo:
            name, rest = todo[-1]
            for target in rest:
                if state.get(target) == 1:
                    back.add((name, target))
                elif target not in state:
                    state[target] = 1
                    todo.append((target, iter(ways.get(target, ()))))
                    break
            else:
                state[name] = 2
                todo.pop()
    return back


def rank(names: Sequence[str], arcs: Sequence[Arc], first: Sequence[str], small: frozenset[str]) -> dict[str, int]:
    """The layer of each name: below all it comes from, and not wider than can be read (``small`` do not count).

    ``first``: names that stay as high as they can; the first of them is the top.
    """
    below = _neighbours(names, arcs, down=True)
    above = _neighbours(names, arcs, down=False)
    order = _topological(names, below, above)
    layer = dict.fromkeys(names, 0)
    for name in order:
        layer[name] = max((layer[other] + 1 for other in above[name]), default=0)
    for name in reversed(order):  # who comes from nowhere stands right above the first it leads to
        if not above[name] and below[name] and name not in first[:1]:
            layer[name] = max(0, min(layer[other] for other in below[name]) - 1)
    rest = [name for name in order if name not in small]
    rest.sort(key=lambda name: name not in first)
    most = max(MOST_IN_A_LAYER, round(1.2 * math.sqrt(len(rest))))
    for level in range(len(names)):
        here = [name for name in rest if layer[name] == level]
        if not here:
            break
        for name in here[most:]:
            layer[name] += 1
        for name in order:
            layer[name] = max([layer[name], *(layer[other] + 1 for other in above[name])])
    return layer


def _neighbours(names: Iterable[str], arcs: Iterable[Arc], down: bool) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {name: [] for name in names}
    for arc in arcs:
        one, other = (arc.upper, arc.lower) if down else (arc.lower, arc.upper)
        found[one].append(other)
    return found


def _topological(
    names: Sequence[str], below: Mapping[str, Sequence[str]], above: Mapping[str, Sequence[str]]
) -> list[str]:
    missing = {name: len(above[name]) for name in names}
    ready = [name for name in names if not missing[name]]
    order: list[str] = []
    while ready:
        name = ready.pop(0)
        order.append(name)
        for other in below[name]:
            missing[other] -= 1
            if not missing[other]:
                ready.append(other)
    return order


def order_layers(names: Sequence[str], arcs: Sequence[Arc], layer: Mapping[str, int]) -> Layered:
    """Bends put in where an arc crosses layers, then few cuts between arcs."""
    drawn = Layered([[] for _ in range(max(layer.values(), default=0) + 1)])
    for name in names:
        drawn.order[layer[name]].append(name)
    joints: list[tuple[str, str, float]] = []
    for index, arc in enumerate(arcs):
        path = [arc.upper]
        for level in range(layer[arc.upper] + 1, layer[arc.lower]):
            bend = f" {index} {level}"
            drawn.order[level].append(bend)
            path.append(bend)
        path.append(arc.lower)
        drawn.paths.append(path)
        joints += [(one, other, arc.weight) for one, other in itertools.pairwise(path)]
    _reduce_cuts(drawn.order, joints)
    return drawn


def _reduce_cuts(order: list[list[str]], joints: Sequence[tuple[str, str, float]]) -> None:
    down: dict[str, list[str]] = {}
    up: dict[str, list[str]] = {}
    for one, other, _ in joints:
        down.setdefault(one, []).append(other)
        up.setdefault(other, []).append(one)
    best, fewest = [list(names) for names in order], _cuts(order, down)
    for sweep in range(_SWEEPS):
        towards, levels = (up, range(1, len(order))) if sweep % 2 == 0 else (down, range(len(order) - 2, -1, -1))
        for level in levels:
            reference = order[level - 1 if sweep % 2 == 0 else level + 1]
            at = {name: index for index, name in enumerate(reference)}
            own = {name: index for index, name in enumerate(order[level])}
            scale = len(reference) / max(1, len(own))
            order[level].sort(key=lambda name: _centre(towards.get(name, ()), at, own[name] * scale))
        cuts = _cuts(order, down)
        if cuts < fewest:
            best, fewest = [list(names) for names in order], cuts
    order[:] = best


def _centre(others: Sequence[str], at: Mapping[str, int], present: float) -> float:
    places = [at[other] for other in others if other in at]
    return sum(places) / len(places) if places else present


def _cuts(order: Sequence[Sequence[str]], down: Mapping[str, Sequence[str]]) -> int:
    """Pairs of arcs that cross, between all neighbouring layers."""
    total = 0
    for upper, lower in itertools.pairwise(order):
        at = {name: index for index, name in enumerate(lower)}
        seen: list[int] = []
        for name in upper:
            ends = sorted(at[other] for other in down.get(name, ()) if other in at)
            total += sum(len(seen) - bisect_left(seen, end + 1) for end in ends)
            for end in ends:
                insort(seen, end)
    return total
