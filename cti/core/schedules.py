"""Shifts: who should be on duty, from when to when; and what came of it. Times in seconds since the epoch. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cti.core.errors import CtiError

NOTE_MAX = 200
#: Nobody is on duty longer at a stretch; a longer one is a mistake in a date.
SHIFT_MAX_S = 24 * 3600.0
LAST_S = 4_102_444_800.0  # 2100
READY = "READY"


@dataclass(frozen=True, slots=True)
class Shift:
    """[begins_at, ends_at) of one agent. ``version`` rises with each change."""

    shift_id: str
    agent: str
    begins_at: float
    ends_at: float
    note: str = ""
    version: int = 1
    changed_at: float = 0.0
    changed_by: str = ""

    def overlaps(self, other: Shift) -> bool:
        return self.agent == other.agent and self.begins_at < other.ends_at and other.begins_at < self.ends_at


@dataclass(frozen=True, slots=True)
class PresencePeriod:
    """A stretch in which an agent was READY or NOT_READY (with its reason). ``ended_at`` None: it goes on.
    ``fact_id`` tells two of the same moment apart."""

    fact_id: str
    agent: str
    presence: str
    reason: str
    began_at: float
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class Attendance:
    """What of a shift that has begun the agent was there. ``first_at``: when the agent was first there in it."""

    passed_s: float  # of the shift, up to now
    signed_in_s: float
    ready_s: float
    first_at: float | None


def check_shift(shift: Shift) -> Shift:
    """Raises CtiError (bad-shift)."""
    if not 0 <= shift.begins_at <= LAST_S:
        raise CtiError("a shift begins between the years 1970 and 2100", code="bad-shift")
    if not shift.begins_at < shift.ends_at:
        raise CtiError("a shift ends after it begins", code="bad-shift")
    if shift.ends_at - shift.begins_at > SHIFT_MAX_S:
        raise CtiError(f"a shift is {SHIFT_MAX_S / 3600:g} hours long at most", code="bad-shift")
    if len(shift.note) > NOTE_MAX or not shift.note.isprintable():
        raise CtiError(f"a note has {NOTE_MAX} printable characters at most", code="bad-shift")
    return shift


def attendance(shift: Shift, periods: Iterable[PresencePeriod], now: float) -> Attendance | None:
    """``periods``: of any agents. None: the shift has not begun."""
    end = min(shift.ends_at, now)
    if end <= shift.begins_at:
        return None
    signed_in_s = ready_s = 0.0
    first_at: float | None = None
    for period in periods:
        begin = max(period.began_at, shift.begins_at)
        seconds = min(end if period.ended_at is None else period.ended_at, end) - begin
        if period.agent != shift.agent or seconds <= 0:
            continue
        signed_in_s += seconds
        ready_s += seconds if period.presence == READY else 0.0
        first_at = begin if first_at is None else min(first_at, begin)
    return Attendance(end - shift.begins_at, signed_in_s, ready_s, first_at)
