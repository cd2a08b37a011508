"""Versions of flows: which there were, which one callers meet, and how it fared. Times in seconds since the epoch.

The files beside the flows (``entry.yaml``, ``notices.yaml``, ``calendars/NAME.yaml``) have versions, too, under their
names in the place of a flow's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Origin(StrEnum):
    """Why a version became, or ceased to be, the one that callers meet."""

    FILE = "file"  # a file was saved
    ROLLBACK = "rollback"  # a person went back
    CANARY = "canary"  # a share of the callers meets it from now on; the active version stays
    CANARY_BACK = "canary_back"  # the canary went past a threshold: everybody meets the version before
    HELD_BACK = "held_back"  # what the file says is not taken; the version named goes on (empty: there is none)


@dataclass(frozen=True, slots=True)
class FlowVersion:
    """``files``: file name -> text of every flow of the closure, enough to build the version again."""

    flow: str
    version: str
    files: Mapping[str, str]
    author: str
    at: float
    origin: Origin


@dataclass(frozen=True, slots=True)
class Activation:
    """One line of a flow's history; ``number`` counts up over all flows, 0 before it is stored.

    ``file_version`` is the version that the files made then; None: not known to whoever wrote the line. A rollback
    holds for as long as the files still make that version. ``note`` is for people, with figures.
    """

    flow: str
    version: str
    at: float
    author: str
    origin: Origin
    file_version: str | None = None
    note: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class VersionFigures:
    """Ended calls of one version. ``contained``: a goal was reached and no queue entered.

    ``queued`` are contacts in queues, ``abandoned`` those of them that the caller ended while waiting.
    """

    calls: int = 0
    errors: int = 0
    contained: int = 0
    queued: int = 0
    abandoned: int = 0

    @property
    def error_rate(self) -> float:
        return self.errors / self.calls if self.calls else 0.0

    @property
    def containment(self) -> float:
        return self.contained / self.calls if self.calls else 0.0

    @property
    def abandonment(self) -> float:
        return self.abandoned / self.queued if self.queued else 0.0

    def __str__(self) -> str:
        return (
            f"{self.calls} calls, errors {self.error_rate:.1%}, contained {self.containment:.1%}, "
            f"abandoned {self.abandonment:.1%} of {self.queued} in queues"
        )
