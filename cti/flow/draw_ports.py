"""Where links begin and end at a box: side by side, the straight one at its x, each with room for its label."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cti.flow.draw_layers import Arc
from cti.flow.draw_model import Link

LABEL_SIZE = 10.0
_BARE = 14.0  # room of a link without a label

End = tuple[str, bool]  # (box, at its upper edge)


def text_width(text: str, size: float) -> float:
    """About; a Chinese character is as wide as it is high."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return size * (wide + 0.56 * (len(text) - wide))


def link_label(link: Link) -> str:
    share = f"{link.share:.0%}" if link.share else ""
    return " · ".join(part for part in (link.label, share) if part)


@dataclass(frozen=True, slots=True)
class Ports:
    """``at[end][index of the link]``: distance from the box's x. ``room[end]``: what they take on both sides."""

    at: Mapping[End, Mapping[int, float]]
    room: Mapping[End, tuple[float, float]]

    def room_of(self, name: str) -> tuple[float, float]:
        ends = [self.room.get((name, top), (0.0, 0.0)) for top in (False, True)]
        return max(left for left, _ in ends), max(right for _, right in ends)


def make_ports(
    order: Sequence[Sequence[str]], paths: Sequence[Sequence[str]], arcs: Sequence[Arc], links: Sequence[Link]
) -> Ports:
    place = {name: at for names in order for at, name in enumerate(names)}
    ends: dict[End, list[tuple[int, int, float, bool]]] = {}  # (place of what it goes to, link, room, straight)
    for index, (path, arc, link) in enumerate(zip(paths, arcs, links, strict=True)):
        label = max(_BARE, text_width(link_label(link), LABEL_SIZE) + 10)
        straight = link.main and not arc.back
        leaves, enters = ((path[-1], True), (path[0], False)) if arc.back else ((path[0], False), (path[-1], True))
        other_of = {(path[0], False): path[1], (path[-1], True): path[-2]}
        for end, room in ((leaves, label), (enters, _BARE)):
            ends.setdefault(end, []).append((place[other_of[end]], index, room, straight))
    at: dict[End, dict[int, float]] = {}
    room_of: dict[End, tuple[float, float]] = {}
    for end, found in ends.items():
        found.sort()
        middle = next((number for number, (_, _, _, straight) in enumerate(found) if straight), None)
        before = sum(room for _, _, room, _ in found[:middle]) if middle is not None else 0.0
        total = sum(room for _, _, room, _ in found)
        left = before + found[middle][2] / 2 if middle is not None else total / 2
        room_of[end] = left, total - left
        offset = -left
        at[end] = {}
        for _, index, room, _ in found:
            at[end][index] = offset + room / 2
            offset += room
    return Ports(at, room_of)
