"""What is left out: links that would cross half the drawing end in stubs, which name where they go; and parts of
large flows are drawn alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cti.flow.draw_layers import Arc, find_back, rank
from cti.flow.draw_model import Link, Look, Picture

_LONG = 3  # layers that a link may cross
_MANY = 5  # links into one box that may all be drawn whole

Back = set[tuple[str, str]]


def layers(picture: Picture, links: Sequence[Link], cut: set[Link]) -> tuple[dict[str, int], Back]:
    """(the layer of each box, ways that lead back up), without the links of ``cut``."""
    whole = [link for link in links if link not in cut]
    by_look = {Look.HAPPY: 0, Look.PLAIN: 1, Look.LIGHT: 2}
    ways: dict[str, list[str]] = {}
    for link in sorted(whole, key=lambda link: (by_look[link.look], not link.main)):
        ways.setdefault(link.source, []).append(link.target)
    back = find_back(dict.fromkeys((picture.start, *picture.boxes)), ways)
    arcs = []
    for link in whole:
        upper, lower = link.source, link.target
        arcs.append(Arc(lower, upper, 1.0) if (upper, lower) in back else Arc(upper, lower, 1.0))
    return rank(list(picture.boxes), arcs, picture.spine or (picture.start,), frozenset()), back


def to_cut(picture: Picture, links: Sequence[Link]) -> set[Link]:
    """What leads to a box that is not drawn, or far back; and what comes from afar into a box that is reached from
    nearer, too."""
    outside = {link for link in links if link.target not in picture.boxes}
    layer, back = layers(picture, links, outside)
    links = [link for link in links if link not in outside]
    into, backs = Counter(link.target for link in links), Counter(target for _, target in back)
    nearest: dict[str, Link] = {}
    for link in sorted(links, key=lambda link: (not link.main, link.look is Look.LIGHT, _span(link, layer))):
        if (link.source, link.target) not in back:
            nearest.setdefault(link.target, link)
    cut = outside
    for link in links:
        span = _span(link, layer)
        if (link.source, link.target) in back:
            far = span > 2 or backs[link.target] > 2
        else:
            far = nearest.get(link.target) is not link and not link.main
            far = far and (span > (_LONG if link.look is Look.PLAIN else 1) or into[link.target] > _MANY)
        if far:
            cut.add(link)
    return cut


def part_of(picture: Picture, start: str, steps: int) -> Picture:
    """What lies at most ``steps`` links behind ``start``; links that lead out of it stay, their boxes do not."""
    ways: dict[str, list[str]] = {}
    for link in picture.links:
        ways.setdefault(link.source, []).append(link.target)
    near = edge = {start}
    for _ in range(steps):
        edge = {target for name in edge for target in ways.get(name, ())} - near
        near = near | edge
    boxes = {name: box for name, box in picture.boxes.items() if name in near}
    links = tuple(link for link in picture.links if link.source in near)
    spine = tuple(name for name in picture.spine if name in near) if start in picture.spine else ()
    return Picture(f"{picture.title}: {start}", start, boxes, links, spine, picture.findings)


def _span(link: Link, layer: dict[str, int]) -> int:
    return abs(layer[link.target] - layer[link.source])
