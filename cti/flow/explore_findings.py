"""What is wrong in what was walked: paths that raise, go round for ever, stop, or never come to an end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cti.core.issue import Place, Severity
from cti.flow.explore_circles import components
from cti.flow.explore_moves import STAYING
from cti.flow.explore_walk import Trouble, Walk, Way
from cti.flow.registry import REGISTRY

REAL_WAIT_S = 5.0  # with people, or waiting for them: no circle of the flow's own


@dataclass(frozen=True, slots=True)
class Finding:
    """``ways`` lead there from the beginning of the call; ``cause`` is the code of an error, else ''. Codes:

    crash (a node type broke), raises (an error ends the call), raises-again (a second error does), handled-error
    (`on.error` took it), endless (a caller who does nothing goes round for ever), stuck (nothing happens any more),
    dead-end (whatever the caller does, the flow does not end).
    """

    code: str
    place: Place
    flow: str
    node: str
    message: str
    ways: tuple[Way, ...]
    severity: Severity = Severity.ERROR
    cause: str = ""

    def __str__(self) -> str:
        mark = "" if self.severity is Severity.ERROR else "warning: "
        return f"{self.place} [{self.code}] {mark}{self.message}"


def findings(walk: Walk) -> list[Finding]:
    """In the order of the file; of each kind one for a node, the shortest way to it."""
    circles = list(_endless(walk))
    found = [*(_trouble(walk, trouble) for trouble in walk.troubles.values()), *circles, *_stuck(walk)]
    found += _dead_ends(walk, {one.ways[-1].target for one in circles})
    return sorted(found, key=lambda one: (one.severity is not Severity.ERROR, one.place, one.code))


def _place(walk: Walk, flow: str, node: str) -> Place:
    return walk.plan.flows[flow].nodes[node].place


def _trouble(walk: Walk, trouble: Trouble) -> Finding:
    before = walk.path(trouble.way.source) if trouble.way.source >= 0 else []
    code, severity = "raises", Severity.ERROR
    if trouble.code == "crash":
        code, message = "crash", f"'{trouble.node}' breaks: {trouble.message}"
    elif trouble.handled:
        code, severity = "handled-error", Severity.WARNING
        message = f"'{trouble.node}' fails ({trouble.code}: {trouble.message}); on.error takes it"
    elif trouble.again:
        code, severity = "raises-again", Severity.WARNING
        message = f"'{trouble.node}' fails ({trouble.code}: {trouble.message}), the second error of this call: it ends"
    else:
        message = f"'{trouble.node}' fails ({trouble.code}: {trouble.message}), and no on.error takes it: the call ends"
    place = _place(walk, trouble.flow, trouble.node)
    ways = (*before, trouble.way)
    return Finding(code, place, trouble.flow, trouble.node, message, ways, severity, trouble.code)


def _endless(walk: Walk) -> Iterator[Finding]:
    """Circles that take neither a key nor a real wait."""
    after: list[list[int]] = [[] for _ in walk.first]
    for way in walk.ways:
        if way.source >= 0 and way.move.do == "wait" and not _waits_for_people(walk, way):
            after[way.source].append(way.target)
    seen: set[frozenset[tuple[str, str]]] = set()
    for circle in sorted(map(sorted, components(after))):
        if len(circle) == 1 and circle[0] not in after[circle[0]]:
            continue
        nodes = frozenset(walk.at[number] for number in circle)
        if nodes in seen:
            continue
        seen.add(nodes)
        flow, node = walk.at[circle[0]]
        names = ", ".join(sorted({name for _, name in nodes}))
        message = f"a caller who does nothing goes round for ever: {names}"
        yield Finding("endless", _place(walk, flow, node), flow, node, message, tuple(walk.path(circle[0])))


def _waits_for_people(walk: Walk, way: Way) -> bool:
    flow, node = walk.at[way.source]
    return REGISTRY[walk.plan.flows[flow].nodes[node].type].human and way.seconds >= REAL_WAIT_S


def _stuck(walk: Walk) -> Iterator[Finding]:
    seen: set[tuple[str, str]] = set()
    for number in walk.stuck:
        flow, node = walk.at[number]
        if (flow, node) in seen:
            continue
        seen.add((flow, node))
        message = f"'{node}' waits for nothing: only a key or the time limit ends the silence"
        yield Finding("stuck", _place(walk, flow, node), flow, node, message, tuple(walk.path(number)))


def _dead_ends(walk: Walk, told: Iterable[int]) -> Iterator[Finding]:
    """Where neither keys nor patience lead to an end; what was not walked through may lead to one."""
    before: list[list[int]] = [[] for _ in walk.first]
    for way in walk.ways:
        if way.source >= 0 and way.move.do in STAYING:
            before[way.target].append(way.source)
    ending = {n for n in range(len(walk.first)) if walk.ends[n] or not walk.expanded[n]} | set(walk.stuck)
    todo = list(ending)
    while todo:
        for number in before[todo.pop()]:
            if number not in ending:
                ending.add(number)
                todo.append(number)
    seen = {walk.at[number] for number in told}
    for number in range(len(walk.first)):
        source = walk.first[number].source
        if number in ending or (source >= 0 and source not in ending) or walk.at[number] in seen:
            continue
        flow, node = walk.at[number]
        seen.add((flow, node))
        message = f"after '{node}' the flow does not end, whatever the caller does, but by hanging up or the time limit"
        yield Finding("dead-end", _place(walk, flow, node), flow, node, message, tuple(walk.path(number)))
