"""What goes out in feeds: records of the floor and of calls, as the store gives them, and what is noted of a batch.

A feed is of one kind; each kind has its columns, and kinds of records that share them. A batch is a file, or what is
written to a table, posted or put into frames at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

FeedKind = Literal["contacts", "agent_states", "calls"]
FEED_KINDS: Final[tuple[FeedKind, ...]] = ("contacts", "agent_states", "calls")

#: Of contacts: an entry of a contact into a queue, or an agent's part of a contact.
ENTRY, HANDLED = "entry", "handled"
#: Of agents, beside HANDLED: a state that an agent chose, time by what it was spent with, an offer made, and its end.
PRESENCE, TIME, OFFERED, OFFER_END = "presence", "time", "offered", "end"
#: Of calls, beside HANDLED: the call's own record, and that it entered a queue.
CALL, QUEUED = "call", "queued"

#: (who, medium, count): how many; of a sum of seconds milliseconds. Who: a queue, an agent, of calls nobody.
Sums = Mapping[tuple[str, str, str], int]


class FeedColumn(NamedTuple):
    """``type``: text; ``number``: of a telephone, masked as its class says; ``time``: seconds since the epoch;
    ``seconds``; ``flag``."""

    name: str
    type: Literal["text", "number", "time", "seconds", "flag"] = "text"


_C = FeedColumn
#: `kind` and `record` come first in all of them.
COLUMNS: Final[Mapping[FeedKind, tuple[FeedColumn, ...]]] = {
    "contacts": (
        _C("contact"), _C("call"), _C("medium"), _C("queue"), _C("agent"), _C("caller", "number"),
        _C("began_at", "time"), _C("ended_at", "time"), _C("counted", "flag"), _C("outcome"), _C("reason"),
        _C("wait_s", "seconds"), _C("talk_s", "seconds"), _C("hold_s", "seconds"), _C("work_s", "seconds"),
        _C("disposition"),
    ),
    "agent_states": (
        _C("agent"), _C("state"), _C("reason"), _C("began_at", "time"), _C("ended_at", "time"),
        _C("seconds", "seconds"), _C("contact"), _C("call"), _C("medium"), _C("queue"), _C("talk_s", "seconds"),
        _C("hold_s", "seconds"), _C("work_s", "seconds"), _C("disposition"),
    ),
    "calls": (
        _C("call"), _C("medium"), _C("switch"), _C("called"), _C("caller", "number"), _C("entry"), _C("flow"),
        _C("flow_version"), _C("language"), _C("began_at", "time"), _C("answered_at", "time"), _C("ended_at", "time"),
        _C("seconds", "seconds"), _C("cause"), _C("hangup_cause"), _C("outcome"), _C("goals"), _C("failed", "flag"),
        _C("queue"), _C("agent"), _C("disposition"),
    ),
}  # fmt: skip


def column_names(kind: FeedKind) -> tuple[str, ...]:
    return ("kind", "record", *(column.name for column in COLUMNS[kind]))


@dataclass(frozen=True, slots=True)
class FeedRecord:
    """``kind``, ``record_id``: unique within a feed and a day. ``at``: what its day is told by, in seconds since the
    epoch. ``values``: by column; what is not there is empty. Telephone numbers are in clear: they are masked where they
    are written."""

    kind: str
    record_id: str
    at: float
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFile:
    """A batch. ``day``: YYYYMMDD; ``seq``: 1, 2, … of the day, without gaps. ``digest``: SHA-256 of the data, in hex.
    ``written_at`` None: claimed, not known to be where it is to go; then ``attempts`` have failed, the last one at
    ``failed_at`` for the reason ``failure``. ``oldest_at``: of its oldest record, None: it has none. ``rows_gone_at``:
    which records it had is not known any more, since then."""

    feed: str
    day: str
    seq: int
    name: str
    rows: int
    bytes: int
    digest: str
    claimed_at: float
    written_at: float | None
    oldest_at: float | None = None
    attempts: int = 0
    failure: str = ""
    failed_at: float | None = None
    rows_gone_at: float | None = None

    @property
    def number(self) -> str:
        """Names it to who receives: what comes twice has the same number."""
        return f"{self.day}-{self.seq:03d}"


@dataclass(frozen=True, slots=True)
class FeedState:
    """Of one feed in the store. ``last``: the newest batch that arrived; ``waiting``: batches that have not, ``rows``
    records in them, the oldest of ``oldest_at``; ``failing``: the first of them."""

    last: FeedFile | None = None
    waiting: int = 0
    rows: int = 0
    oldest_at: float | None = None
    failing: FeedFile | None = None
