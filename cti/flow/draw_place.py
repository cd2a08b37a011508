"""Where everything stands (Sugiyama's method, second half): the happy path on one line, the others near their own.

In each layer the places are the nearest to what the neighbours want that keep order and distance: a least-squares
problem with an order, solved exactly by pooling adjacent violators (Ayer et al. 1955), swept down and up.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from cti.flow.draw_layers import Arc, Layered

_SWEEPS = 40
_PINNED = 1e6
_BEND_WEIGHT = 4.0  # a bend is worse than a slant at a box

Joint = tuple[str, float]
Room = tuple[float, float]  # to the left and to the right of x


def place(
    drawn: Layered,
    arcs: Sequence[Arc],
    room: Mapping[str, Room],
    spine: frozenset[str],
    gap: float,
) -> dict[str, float]:
    """x of every name; ``room`` that boxes take (bends take none); names of the ``spine`` stand at 0."""
    up: dict[str, list[Joint]] = {}
    down: dict[str, list[Joint]] = {}
    for arc, path in zip(arcs, drawn.paths, strict=True):
        for one, other in itertools.pairwise(path):
            bends = one.startswith(" ") + other.startswith(" ")
            weight = arc.weight * _BEND_WEIGHT**bends
            down.setdefault(one, []).append((other, weight))
            up.setdefault(other, []).append((one, weight))
    x = _first(drawn.order, room, spine, gap)
    for sweep in range(_SWEEPS):
        late = sweep >= _SWEEPS // 2
        layers = drawn.order if sweep % 2 == 0 else reversed(drawn.order)
        for names in layers:
            wanted = [
                _wanted(name, x, up if sweep % 2 == 0 else down, down if sweep % 2 == 0 else up, late, spine)
                for name in names
            ]
            _settle(names, wanted, x, room, gap)
    return x


def _first(
    order: Sequence[Sequence[str]], room: Mapping[str, Room], spine: frozenset[str], gap: float
) -> dict[str, float]:
    """Side by side, the name of the spine at 0."""
    x: dict[str, float] = {}
    for names in order:
        offsets = _offsets(names, room, gap)
        pinned = next((offset for name, offset in zip(names, offsets, strict=True) if name in spine), None)
        middle = pinned if pinned is not None else sum(offsets) / len(offsets)
        x.update({name: offset - middle for name, offset in zip(names, offsets, strict=True)})
    return x


def _wanted(
    name: str,
    x: Mapping[str, float],
    first: Mapping[str, Sequence[Joint]],
    second: Mapping[str, Sequence[Joint]],
    both: bool,
    spine: frozenset[str],
) -> tuple[float, float]:
    """(place, weight)."""
    if name in spine:
        return 0.0, _PINNED
    joints = [*first.get(name, ())]
    if both or not joints:
        joints += second.get(name, ())
    weight = sum(w for _, w in joints)
    if not weight:
        return x[name], 0.01
    return sum(x[other] * w for other, w in joints) / weight, weight


def _settle(
    names: Sequence[str],
    wanted: Sequence[tuple[float, float]],
    x: dict[str, float],
    room: Mapping[str, Room],
    gap: float,
) -> None:
    """Nearest places that keep order and distance."""
    offsets = _offsets(names, room, gap)
    pools: list[tuple[float, float, int]] = []  # (mean, weight, how many)
    for (place, weight), offset in zip(wanted, offsets, strict=True):
        mean, total, count = place - offset, weight, 1
        while pools and pools[-1][0] > mean:
            before, other, many = pools.pop()
            mean = (before * other + mean * total) / (other + total)
            total, count = total + other, count + many
        pools.append((mean, total, count))
    settled = [mean for mean, _, count in pools for _ in range(count)]
    x.update({name: mean + offset for name, mean, offset in zip(names, settled, offsets, strict=True)})


def _offsets(names: Sequence[str], room: Mapping[str, Room], gap: float) -> list[float]:
    """x of the names when they stand as near as may be; two bends may run closer to each other."""
    found: list[float] = []
    right = 0.0
    before_bend = False
    for name in names:
        bend = name.startswith(" ")
        before, after = room.get(name, (0.0, 0.0))
        if found:
            right += gap * 0.6 if bend or before_bend else gap
        found.append(right + before)
        right += before + after
        before_bend = bend
    return found
