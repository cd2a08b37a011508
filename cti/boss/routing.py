"""Which back end answers for a subscriber. Pure: segments and attributes are asked of whoever has them, when needed.

A number is normalised, its kind told by pattern, its home system by a table of segments: ported numbers by exact match
first, then the longest prefix. Conditions of routes are expressions of the flow language over ``kind``, ``home``, the
look-up's inputs and the subscriber's attributes; what no condition reads is not fetched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, TypeVar
from zlib import crc32

from cti.flow.expressions import EvalError, Expression, Moment, evaluate

Target = TypeVar("Target")
_BLANKS = re.compile(r"[\s\-().·/]+")


@dataclass(frozen=True, slots=True)
class Normalising:
    """``strip_prefixes``: the first that the number begins with is taken off, once."""

    strip_spaces: bool = True
    strip_prefixes: tuple[str, ...] = ()

    def apply(self, number: str) -> str:
        text = _BLANKS.sub("", number) if self.strip_spaces else number
        return next((text[len(prefix) :] for prefix in self.strip_prefixes if text.startswith(prefix)), text)


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Subscribers:
    """How numbers are read. A number of no kind has the kind ``unknown``."""

    normalising: Normalising = Normalising()
    kinds: tuple[Kind, ...] = ()

    def kind(self, number: str) -> str:
        return next((kind.name for kind in self.kinds if kind.pattern.search(number)), "unknown")


class Segments:
    """Number -> home system, held in memory whole."""

    def __init__(self, rows: Iterable[tuple[str, str, bool]] = ()) -> None:
        """``rows``: (prefix or whole number, home, is it one ported number?). A later row wins."""
        self._ported: dict[str, str] = {}
        self._prefixes: dict[str, str] = {}
        for number, home, ported in rows:
            (self._ported if ported else self._prefixes)[number] = home
        self._lengths = sorted({len(prefix) for prefix in self._prefixes}, reverse=True)

    def __len__(self) -> int:
        return len(self._ported) + len(self._prefixes)

    def find(self, number: str) -> str | None:
        if (home := self._ported.get(number)) is not None:
            return home
        for length in self._lengths:
            if (home := self._prefixes.get(number[:length])) is not None and len(number) >= length:
                return home
        return None


@dataclass(frozen=True, slots=True)
class Shadow(Generic[Target]):
    """A way that is only tried: ``percent`` of a route's questions are put to it as well, and its answers compared.

    ``ignore``: outputs that may differ; ``tolerance``: of numbers, by how much. ``at_once``: so many under way."""

    to: Target
    percent: float
    ignore: frozenset[str] = frozenset()
    tolerance: Mapping[str, Decimal] = field(default_factory=dict)
    at_once: int = 4


@dataclass(frozen=True, slots=True)
class Route(Generic[Target]):
    """``when`` None: always. ``to``: the target, then those it falls over to. ``split_pct``: a share of the subscribers
    that this route takes; the same subscribers every time."""

    when: Expression | None
    to: tuple[Target, ...]
    split_pct: float | None = None
    shadow: Shadow[Target] | None = None


@dataclass
class Facts(Mapping[str, Any]):
    """What conditions may read, as a mapping that fetches late: ``attributes`` is asked at most once, and only when a
    condition reads one of ``attribute_names``."""

    inputs: Mapping[str, Any]
    number: str | None
    subscribers: Subscribers
    segments: Segments
    attributes: Callable[[], Mapping[str, Any]]
    attribute_names: frozenset[str] = frozenset()
    _attributes: Mapping[str, Any] | None = field(default=None, init=False)

    def __getitem__(self, name: str) -> Any:
        if name == "kind":
            return self.subscribers.kind(self.number) if self.number is not None else None
        if name == "home":
            return self.segments.find(self.number) if self.number is not None else None
        if name in self.attribute_names:
            if self._attributes is None:
                self._attributes = self.attributes()
            return self._attributes.get(name)
        return self.inputs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(("kind", "home", *self.attribute_names, *self.inputs))

    def __len__(self) -> int:
        return 2 + len(self.attribute_names) + len(self.inputs)


def share_of(number: str, percent: float, salt: str) -> bool:
    """Is this subscriber in the share? By a checksum of number and route, so that it stays in while the share grows."""
    return crc32(f"{salt}/{number}".encode()) % 10_000 < percent * 100


def choose(
    routes: Sequence[Route[Target]], facts: Facts, moment: Moment, salt: str
) -> tuple[Route[Target] | None, list[str]]:
    """The first route that matches, and what became of each before it (for ``--explain``).

    A condition that cannot be told (the home is not known) does not match.
    """
    tried: list[str] = []
    for number, route in enumerate(routes, 1):
        if route.when is not None:
            try:
                matches = bool(evaluate(route.when, facts, moment))
            except EvalError as error:
                tried.append(f"route {number}: {error.code}")
                continue
            if not matches:
                tried.append(f"route {number}: not ({route.when.source})")
                continue
        if route.split_pct is not None and not (
            facts.number is not None and share_of(facts.number, route.split_pct, salt)
        ):
            tried.append(f"route {number}: not in its {route.split_pct:g} %")
            continue
        tried.append(f"route {number}: {route.when.source if route.when is not None else 'always'}")
        return route, tried
    return None, tried
