"""A YAML tree that remembers where everything stood. Scalars stay text: the schema decides what they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cti.core.issue import Place


@dataclass(frozen=True, slots=True)
class Scalar:
    """``style`` is '' for plain (unquoted), otherwise the quote or block sign. ``comment`` is what followed a
    plain scalar after a ``#`` on the same line, ``gap`` how many blanks stood before that ``#``."""

    text: str
    place: Place
    style: str = ""
    comment: str = ""
    gap: int = 0

    @property
    def missing(self) -> bool:
        """Nothing was written (``key:`` alone), or YAML's words for nothing."""
        return self.style == "" and self.text in ("", "~", "null")


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys are scalars, in the order written; a key occurs once (a second one is reported and left out)."""

    entries: tuple[tuple[Scalar, Node], ...]
    place: Place
    flow_style: bool = False
    _index: dict[str, Node] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {key.text: value for key, value in self.entries})

    def __iter__(self) -> Iterator[tuple[Scalar, Node]]:
        return iter(self.entries)

    def get(self, key: str) -> Node | None:
        return self._index.get(key)

    def key_place(self, key: str) -> Place:
        """Where ``key`` stands; the mapping's own place when it has no such key."""
        return next((scalar.place for scalar, _ in self.entries if scalar.text == key), self.place)


Node = Scalar | Sequence | Mapping
