"""What goes out in feeds by file: records of the floor as the store gives them, and what is noted of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: Of a record: an entry of a contact into a queue, or an agent's part of a contact.
ENTRY, HANDLED = "entry", "handled"
#: (queue, medium, count): how many; of a sum of seconds milliseconds.
Sums = Mapping[tuple[str, str, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRecord:
    """Times in seconds since the epoch. An entry belongs to the day in which it began, what was handled to the day in
    which it ended, as in the reports. ``caller`` in clear: it is masked where it is written."""

    kind: str
    record_id: str
    contact: str
    call_id: str
    medium: str
    queue: str
    agent: str
    caller: str
    began_at: float | None
    ended_at: float
    counted: bool
    outcome: str
    reason: str
    wait_s: float
    talk_s: float
    hold_s: float
    work_s: float
    disposition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFile:
    """``day``: YYYYMMDD; ``seq``: 1, 2, … of the day, without gaps. ``digest``: SHA-256 of the data, in hex.
    ``written_at`` None: claimed, not known to be in the folder."""

    feed: str
    day: str
    seq: int
    name: str
    rows: int
    bytes: int
    digest: str
    claimed_at: float
    written_at: float | None
