"""What came of comparing the usual way's answers with the new way's, of one look-up. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

#: Samples of differences that are kept of each look-up: the newest.
SAMPLES_KEPT = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """One question that was answered differently. Masked; nothing in clear is ever kept.

    ``at``: wall clock. ``usual``, ``new``: (back end, outcome). ``arguments``: of the question. ``fields``: the outputs
    that differ, each as (usual, new), as JSON has them. ``masked``: which names of both do not show all.
    ``number``: counts them, from 1.
    """

    at: float
    usual: tuple[str, str]
    new: tuple[str, str]
    arguments: Mapping[str, Any]
    fields: Mapping[str, tuple[Any, Any]]
    masked: tuple[str, ...] = ()
    number: int = 0


@dataclass
class Compared:
    """``since``: wall clock. ``fields``: how often each output differed; ``outcomes``: (usual, new) -> how often.
    ``failed``: the new way did not answer, by reason. ``skipped``: it was not asked: ``busy`` (its back end had nothing
    to spare), ``at-once`` (enough of them under way), ``gone`` (no longer configured)."""

    since: float
    same: int = 0
    different: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    samples: deque[Difference] = field(default_factory=lambda: deque(maxlen=SAMPLES_KEPT))

    @property
    def compared(self) -> int:
        return self.same + self.different

    def add(self, usual: str, new: str, fields: Iterable[str], difference: Difference | None) -> None:
        """``difference`` None: both said the same."""
        self.outcomes[usual, new] += 1
        if difference is None:
            self.same += 1
            return
        self.different += 1
        self.fields.update(fields)
        self.samples.append(replace(difference, number=self.different))
