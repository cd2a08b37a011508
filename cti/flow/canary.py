"""A canary: a version that meets a share of the callers first, and is taken back when it fares badly. Pure decisions.

Who meets it is decided by the caller's number and the version, so that a caller always meets the same one, and another
version meets other callers first.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from cti.core.versions import VersionFigures

#: The version that the file makes; everybody else stays with the one that was active before it.
NEW = "new"


@dataclass(frozen=True, slots=True)
class Back:
    """Shares from 0 to 1; None: not looked at. Nothing is judged on fewer than ``min_calls`` ended calls (of
    abandonment: contacts in queues)."""

    error_rate: float | None = None
    abandonment: float | None = None
    containment: float | None = None  # the least
    min_calls: int = 50


@dataclass(frozen=True, slots=True)
class Canary:
    """``version``: `NEW`, or the beginning of a version in the history."""

    version: str
    percent: float
    back: Back = Back()


def place_of(key: str, salt: str = "") -> float:
    """Where a caller stands in [0, 1): always the same for the same key and salt, evenly spread over keys."""
    digest = sha256(f"{salt}\0{key}".encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:7], "big") / (1 << 56)


def is_chosen(canary: Canary, version: str, place: float | None, caller: str | None) -> bool:
    """Does this caller meet the canary? ``place``: a number in [0, 1) for a caller without a number."""
    where = place_of(caller, version) if caller else place
    return where is not None and where * 100 < canary.percent


def judge(back: Back, figures: VersionFigures) -> str:
    """Why the canary must be taken back, with the figures; empty while it may go on."""
    if back.abandonment is not None and figures.queued >= back.min_calls and figures.abandonment > back.abandonment:
        return (
            f"abandonment {figures.abandonment:.1%} of {figures.queued} contacts in queues is more than "
            f"{back.abandonment:.1%}"
        )
    if figures.calls < back.min_calls:
        return ""
    if back.error_rate is not None and figures.error_rate > back.error_rate:
        return f"error rate {figures.error_rate:.1%} of {figures.calls} calls is more than {back.error_rate:.1%}"
    if back.containment is not None and figures.containment < back.containment:
        return f"containment {figures.containment:.1%} of {figures.calls} calls is less than {back.containment:.1%}"
    return ""
