"""From a picture to places: boxes and stubs with their sizes, links with the points they pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from cti.flow.draw_cut import layers, to_cut
from cti.flow.draw_layers import Arc, Layered, order_layers
from cti.flow.draw_model import Box, Link, Look, Picture
from cti.flow.draw_place import Room, place
from cti.flow.draw_ports import LABEL_SIZE, Ports, link_label, make_ports, text_width
from cti.flow.draw_words import BOX_HEIGHT, BOX_WIDTH, NAME_SIZE, ROW, rows_of

STUB_HEIGHT, LAYER_GAP, SIDE_GAP, STEM, BARE_STEM = 18.0, 42.0, 22.0, 17.0, 4.0
_WEIGHTS = {Look.HAPPY: 60.0, Look.PLAIN: 2.0, Look.LIGHT: 0.6}
_STRAIGHT = 40.0  # times, for the way that goes straight on


@dataclass(frozen=True, slots=True)
class Shape:
    """A box, or a stub (``box`` None) that only names where a link goes; ``y`` is its top."""

    left: float
    right: float
    y: float
    height: float
    box: Box | None = None
    text: str = ""
    look: Look = Look.PLAIN


@dataclass(frozen=True, slots=True)
class Line:
    """``points`` that are passed straight upwards or downwards; the label stands at the first."""

    link: Link
    points: tuple[tuple[float, float], ...]
    back: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    width: float
    height: float
    shapes: tuple[Shape, ...]
    lines: tuple[Line, ...]
    loops: tuple[tuple[Link, Shape], ...]


def make_plan(picture: Picture) -> Plan:
    links = [link for link in picture.links if link.source != link.target]
    cut = to_cut(picture, links)
    layer, back = layers(picture, links, cut)
    stubs = {link: f"{link.source}→{link.target}" for link in links if link in cut}
    layer |= {stub: layer[link.source] + 1 for link, stub in stubs.items()}
    arcs = []
    for link in links:
        ends = (link.source, stubs.get(link, link.target))
        weight = _WEIGHTS[link.look] * (_STRAIGHT if link.main else 1.0)
        arcs.append(Arc(ends[1], ends[0], weight, True) if ends in back else Arc(*ends, weight))
    drawn = order_layers(_walk_order(picture, links, stubs), arcs, layer)
    ports = make_ports(drawn.order, drawn.paths, arcs, links)
    room = {name: _room(box, ports) for name, box in picture.boxes.items()}
    for link, stub in stubs.items():
        half = text_width(f"→ {link.target}", LABEL_SIZE) / 2 + 7
        room[stub] = half, half
    happy = (name for link, path in zip(links, drawn.paths, strict=True) if link.look is Look.HAPPY for name in path)
    x = place(drawn, arcs, room, frozenset((*picture.spine, *happy)), SIDE_GAP)
    return _Drawing(picture, links, {stub: link for link, stub in stubs.items()}, arcs, drawn, ports, room, x).finish()


def _room(box: Box, ports: Ports) -> Room:
    """At least as wide as its words; wider on the side where many links leave."""
    visits = 0 if box.visits is None else text_width(f"{box.visits:,}", LABEL_SIZE) + 20
    head = text_width(box.name, NAME_SIZE) + text_width(box.type, LABEL_SIZE) + 34 + visits
    left, right = ports.room_of(box.name)
    half = max(BOX_WIDTH, head) / 2
    return max(half, left + 4), max(half, right + 4)


def _walk_order(picture: Picture, links: Sequence[Link], stubs: dict[Link, str]) -> list[str]:
    """From the start along the links, as a reader would: keys from left to right."""
    ways: dict[str, list[str]] = {}
    for link in links:
        ways.setdefault(link.source, []).append(stubs.get(link, link.target))
    found: dict[str, None] = {}
    todo = [*reversed(list(dict.fromkeys((picture.start, *picture.boxes))))]
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = None
            todo += reversed(ways.get(name, []))
    return list(found)


@dataclass
class _Drawing:
    picture: Picture
    links: list[Link]
    stubs: dict[str, Link]
    arcs: list[Arc]
    drawn: Layered
    ports: Ports
    room: dict[str, Room]
    x: dict[str, float]
    tops: dict[str, tuple[float, float]] = field(default_factory=dict)  # name -> top and bottom of its layer

    def finish(self) -> Plan:
        shapes: dict[str, Shape] = {}
        y = 0.0
        for names in self.drawn.order:
            found = {name: self._shape(name, y) for name in names if not name.startswith(" ")}
            height = max((shape.height for shape in found.values()), default=STUB_HEIGHT)
            self.tops |= dict.fromkeys(names, (y, y + height))
            shapes |= found
            y += height + LAYER_GAP
        lines = [self._line(index, shapes) for index in range(len(self.links))]
        left = min([*(shape.left for shape in shapes.values()), *(x for line in lines for x, _ in line.points)])
        right = max([*(shape.right for shape in shapes.values()), *(x for line in lines for x, _ in line.points)])
        moved = {name: replace(s, left=s.left - left, right=s.right - left) for name, s in shapes.items()}
        return Plan(
            right - left,
            y - LAYER_GAP,
            tuple(moved.values()),
            tuple(replace(line, points=tuple((x - left, at) for x, at in line.points)) for line in lines),
            tuple((link, moved[link.source]) for link in self.picture.links if link.source == link.target),
        )

    def _shape(self, name: str, y: float) -> Shape:
        before, after = self.room[name]
        left, right = self.x[name] - before, self.x[name] + after
        box = self.picture.boxes.get(name)
        if box is not None:
            rows = max(1, len(rows_of(box, right - left)))
            return Shape(left, right, y, BOX_HEIGHT + ROW * (rows - 1), box)
        link = self.stubs[name]
        return Shape(left, right, y, STUB_HEIGHT, None, f"→ {link.target}", link.look)

    def _line(self, index: int, shapes: dict[str, Shape]) -> Line:
        path, arc = self.drawn.paths[index], self.arcs[index]
        upper, lower = shapes[path[0]], shapes[path[-1]]
        stem = STEM if link_label(self.links[index]) else BARE_STEM
        begin = self.x[path[0]] + self.ports.at[path[0], False][index]
        bottom = upper.y + upper.height
        points = [(begin, bottom), (begin, max(bottom, self.tops[path[0]][1]) + (0 if arc.back else stem))]
        for bend in path[1:-1]:
            points += [(self.x[bend], at) for at in self.tops[bend]]
        end = self.x[path[-1]] + (self.ports.at[path[-1], True][index] if lower.box is not None else 0.0)
        if arc.back:
            points.append((end, lower.y - stem))
        points.append((end, lower.y))
        return Line(self.links[index], tuple(reversed(points) if arc.back else points), arc.back)
