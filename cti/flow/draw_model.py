"""What of a flow is drawn: boxes with a few words, and links between them. No coordinates yet."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from cti.core.issue import Issue
from cti.flow.catalog import Catalog
from cti.flow.expressions import Expression
from cti.flow.graph import build_graph
from cti.flow.model import Flow, Literal, Node, Prompt, SayText, Template, parts_of
from cti.flow.readers import KEYS
from cti.flow.registry import COMMON, REGISTRY, Edge, NodeType

_SIGNS = {"star": "＊", "hash": "#", "next": ""}


class Look(StrEnum):
    """How a link is drawn: on the happy path, as any other, or pale because something went wrong."""

    HAPPY = "happy"
    PLAIN = "plain"
    LIGHT = "light"


@dataclass(frozen=True, slots=True)
class Counts:
    """Live figures: visits by node, and how often each exit was taken: ``exits[node][exit]``."""

    nodes: Mapping[str, int] = field(default_factory=dict)
    exits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Box:
    """``words``: the first prompt, or what the node is about. ``tags``: start, on error, …"""

    name: str
    type: str
    group: str
    words: str
    tags: tuple[str, ...] = ()
    ends: bool = False
    findings: tuple[Issue, ...] = ()
    visits: int | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """All ways from one node to another. ``main``: the way that goes on straight; ``share`` of the visits, 0 to 1."""

    source: str
    target: str
    label: str
    look: Look
    main: bool = False
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """``boxes`` in the order of the file; ``spine`` is the happy path; ``findings`` are those that belong to no box."""

    title: str
    start: str
    boxes: Mapping[str, Box]
    links: tuple[Link, ...]
    spine: tuple[str, ...]
    findings: tuple[Issue, ...]


def make_picture(
    flow: Flow,
    catalog: Catalog,
    *,
    issues: Sequence[Issue] = (),
    counts: Counts | None = None,
    language: str | None = None,
) -> Picture:
    """``language`` of the words in the boxes; the flow's default unless said."""
    placed = _by_node(flow, issues)
    edges = build_graph(flow, catalog).edges
    ways = {name: _group(flow.nodes[name], catalog, edges[name], counts) for name in flow.nodes}
    spine, mains = _chains(flow, ways)
    happy = set(itertools.pairwise(spine))
    links = tuple(
        Link(
            name,
            target,
            label,
            Look.HAPPY if (name, target) in happy else look,
            mains.get(name) == target,
            share,
        )
        for name, targets in ways.items()
        for target, (label, look, _, share) in targets.items()
    )
    boxes = {
        name: _box(flow, node, placed.get(name, []), counts, language or flow.default_language)
        for name, node in flow.nodes.items()
    }
    return Picture(flow.title or flow.id, flow.start, boxes, links, spine, tuple(placed.get("", ())))


# ---- links -----------------------------------------------------------------------------------------------------------

_Way = tuple[str, Look, bool, float | None]  # label, look, leaves by a good exit, share


def _group(node: Node, catalog: Catalog, edges: Sequence[Edge], counts: Counts | None) -> dict[str, _Way]:
    kind = REGISTRY.get(node.type)
    if kind is None:
        return {}
    own = {edge.exit for edge in kind.ways(node)}
    by_target: dict[str, list[str]] = {}
    for edge in edges:
        by_target.setdefault(edge.target.name, []).append(edge.exit)
    taken = counts.exits.get(node.name, {}) if counts else {}
    visits = counts.nodes.get(node.name, 0) if counts else 0
    found: dict[str, _Way] = {}
    for target, exits in by_target.items():
        good = any(_is_good(kind, exit) for exit in exits)
        good = good or len(by_target) == 1
        look = Look.PLAIN if good or not own.isdisjoint(exits) else Look.LIGHT
        words = dict.fromkeys(_word(exit, node, own) for exit in exits)
        label = ", ".join(filter(None, words)) if len(by_target) > 1 else ""
        share = sum(taken.get(exit, 0) for exit in exits) / visits if visits else None
        found[target] = (label, look, good, share)
    return found


def _is_good(kind: NodeType, exit: str) -> bool:
    return exit in kind.good_exits or exit.partition(" ")[0] in kind.good_exits


def _word(exit: str, node: Node, own: set[str]) -> str:
    """`else` for what it covers; the signs of keys."""
    if exit not in own and exit not in node.exits and "else" in node.exits:
        return "else"
    return _SIGNS.get(exit, exit) if exit in KEYS or exit == "next" else exit


def _chains(flow: Flow, ways: Mapping[str, Mapping[str, _Way]]) -> tuple[tuple[str, ...], dict[str, str]]:
    """(the happy path, node -> the node it goes straight on to): from the start along the first good exits, then
    again from each node that is not yet on such a chain."""
    mains: dict[str, str] = {}
    seen: set[str] = set()
    spine: tuple[str, ...] = ()
    for root in dict.fromkeys((flow.start, *flow.nodes)):
        chain: list[str] = []
        name: str | None = root if root in flow.nodes else None
        while name is not None and name not in seen:
            seen.add(name)
            chain.append(name)
            name = _next(ways[name])
            if name is not None and name not in seen:
                mains[chain[-1]] = name
        spine = spine or tuple(chain)
    return spine, mains


def _next(targets: Mapping[str, _Way]) -> str | None:
    good = [name for name, way in targets.items() if way[2]]
    plain = [name for name, way in targets.items() if way[1] is Look.PLAIN]
    return next(iter((*good, *plain, *targets)), None)


# ---- boxes -----------------------------------------------------------------------------------------------------------


def _box(flow: Flow, node: Node, findings: Sequence[Issue], counts: Counts | None, language: str) -> Box:
    kind = REGISTRY.get(node.type)
    tags = ["start"] if node.name == flow.start else []
    tags += [f"on {event}" for event, ref in flow.handlers.items() if ref.name == node.name]
    if kind is not None and kind.human:
        tags.append("person")
    return Box(
        node.name,
        node.type or "?",
        kind.group if kind else "",
        next(_words(node, kind, language), ""),
        tuple(tags),
        kind is not None and not kind.single and not kind.wired and not kind.exits and not list(kind.ways(node)),
        tuple(findings),
        counts.nodes.get(node.name, 0) if counts else None,
    )


def _words(node: Node, kind: NodeType | None, language: str) -> Iterator[str]:
    """What a reader knows the node by: of the options that were written, the required ones first."""
    options = kind.options if kind else {}
    names = sorted((name for name in options if name in node.option_places), key=lambda n: not options[n].required)
    for name in names:
        value = node.get(name)
        if isinstance(value, str):
            yield value
        for prompt in parts_of(value, Prompt):
            yield from (_spoken(item, language) for item in prompt.items)
    for name in names:
        if options[name].required:
            yield from _computed(node.get(name))
    yield from (value for name in COMMON if isinstance(value := node.get(name), str))


def _computed(value: object) -> Iterator[str]:
    """Expressions, with the variable that each is for; else what stands there literally."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from (f"{name} = {words.removeprefix('= ')}" for words in _computed(item))
        return
    expressions = [expression.source.strip() for expression in parts_of(value, Expression)]
    yield from expressions or (str(literal.value) for literal in parts_of(value, Literal))


def _spoken(item: object, language: str) -> str:
    if not isinstance(item, SayText):
        return "♪ " + str(getattr(item, "file", "") or getattr(item, "spec", ""))
    template: Template = item.texts.get(language) or next(iter(item.texts.values()))
    return "".join(p if isinstance(p, str) else f"${{{p.source.strip()}}}" for p in template.pieces)


def _by_node(flow: Flow, issues: Sequence[Issue]) -> dict[str, list[Issue]]:
    """Findings by the node in whose lines they are; '' for those elsewhere in the file."""
    nodes = sorted(flow.nodes.values(), key=lambda node: node.place)
    lines = [node.place.line for node in nodes]
    after = min((test.place.line for test in flow.tests if lines and test.place.line > lines[-1]), default=None)
    found: dict[str, list[Issue]] = {}
    for issue in issues:
        if issue.place.file != flow.file:
            continue
        at = bisect_right(lines, issue.place.line) - 1
        outside = at < 0 or (after is not None and issue.place.line >= after)
        found.setdefault("" if outside else nodes[at].name, []).append(issue)
    return found
