"""Where in the file something stands that was found in what the file became."""

from __future__ import annotations

from cti.core.issue import Place
from cti.flow.yamlio import Mapping, Node


def place_of(node: Node, path: tuple[str | int, ...]) -> Place:
    """The place of what ``path`` leads to, or of the nearest thing above it."""
    place = node.place
    for step in path:
        found = node.get(str(step)) if isinstance(node, Mapping) else None
        if found is None and not isinstance(node, Mapping) and isinstance(step, int):
            items = getattr(node, "items", ())
            found = items[step] if step < len(items) else None
        if found is None:
            return place
        node, place = found, found.place
    return place
