"""What becomes due by itself. ``number`` is the serial of the contact's case, so that a later case of the same id is
safe, be it the callback that takes its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cti.acd.model import Overflow


@dataclass(slots=True)
class OfferDue:
    offer: int


@dataclass(slots=True)
class RelaxDue:
    contact: str
    number: int
    step: int


@dataclass(slots=True)
class PreferenceDue:
    contact: str
    number: int


@dataclass(slots=True)
class MaxWaitDue:
    contact: str
    number: int


@dataclass(slots=True)
class OverflowDue:
    """``rule``: as promised when the contact came; void when it stands elsewhere (``entry``)."""

    contact: str
    entry: int
    rule: Overflow


@dataclass(slots=True)
class UnstaffedDue:
    contact: str
    entry: int


@dataclass(slots=True)
class ParkDue:
    contact: str
    number: int


@dataclass(slots=True)
class WorkDue:
    contact: str
    number: int


Due = OfferDue | RelaxDue | PreferenceDue | MaxWaitDue | OverflowDue | UnstaffedDue | ParkDue | WorkDue
