"""Circles in what was walked: which spots a call can come back to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from cti.flow.explore_moves import STAYING

if TYPE_CHECKING:
    from cti.flow.explore_walk import Walk


def in_circles(walk: Walk) -> set[int]:
    """Spots that a caller who stays can come back to, some time later."""
    after: list[list[int]] = [[] for _ in walk.first]
    for way in walk.ways:
        if way.source >= 0 and way.move.do in STAYING:
            after[way.source].append(way.target)
    found: set[int] = set()
    for component in components(after):
        if len(component) > 1 or component[0] in after[component[0]]:
            found.update(component)
    return found


def components(after: Sequence[Iterable[int]]) -> list[list[int]]:
    """Strongly connected components (Tarjan, without recursion: a walk can be 100,000 spots deep)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    found: list[list[int]] = []
    for root in range(len(after)):
        if root in index:
            continue
        calls = [(root, iter(after[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while calls:
            node, following = calls[-1]
            for other in following:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    on_stack.add(other)
                    calls.append((other, iter(after[other])))
                    break
                if other in on_stack:
                    low[node] = min(low[node], index[other])
            else:
                calls.pop()
                if calls:
                    low[calls[-1][0]] = min(low[calls[-1][0]], low[node])
                if low[node] == index[node]:
                    component: list[int] = []
                    while not component or component[-1] != node:
                        component.append(stack.pop())
                        on_stack.discard(component[-1])
                    found.append(component)
    return found
