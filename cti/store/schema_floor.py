"""Tables of the floor: the raw rows, and the interval counts that are added up in the transaction that writes them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, PrimaryKeyConstraint, String, Table, Text

from cti.store.schema import metadata

_FACT, _CONTACT, _NAME, _WORD = 64, 160, 64, 32


def _name(name: str, length: int = _NAME) -> Column[str]:
    return Column(name, String(length), nullable=False)


#: One row for each entry of a contact into a queue. ``outcome`` is empty while it waits.
queue_entries = Table(
    "queue_entries",
    metadata,
    Column("entry_id", String(_FACT), primary_key=True),
    _name("worker", 80),
    _name("run"),
    _name("contact", _CONTACT),
    _name("call_id", 128),
    _name("queue"),
    _name("medium", 16),
    Column("began_at", Double, nullable=False),
    Column("counted", Boolean, nullable=False),
    Column("ended_at", Double),
    _name("outcome", _WORD),
    _name("reason", _WORD),
    Column("wait_s", Double, nullable=False),
    _name("agent"),
    Column("told_wait_s", Double),
    Column("told_after_s", Double, nullable=False),
    Index(None, "began_at"),
    Index(None, "call_id"),
    Index(None, "worker", "ended_at"),
)

#: One row for each offer of a contact to an agent. ``ending`` is empty while it is open.
offers = Table(
    "offers",
    metadata,
    Column("offer_id", String(_FACT), primary_key=True),
    _name("worker", 80),
    _name("run"),
    _name("contact", _CONTACT),
    _name("call_id", 128),
    _name("agent"),
    _name("queue"),
    _name("medium", 16),
    Column("made_at", Double, nullable=False),
    Column("why", Text, nullable=False),
    Column("ended_at", Double),
    _name("ending", _WORD),
    _name("reason", _WORD),
    Index(None, "made_at"),
    Index(None, "ended_at"),
    Index(None, "worker", "ended_at"),
)

contacts_handled = Table(
    "contacts_handled",
    metadata,
    Column("fact_id", String(_FACT), primary_key=True),
    _name("contact", _CONTACT),
    _name("call_id", 128),
    _name("agent"),
    _name("queue"),
    _name("medium", 16),
    Column("ended_at", Double, nullable=False),
    Column("talk_s", Double, nullable=False),
    Column("hold_s", Double, nullable=False),
    Column("work_s", Double, nullable=False),
    _name("ended_by", _WORD),
    Column("disposition", String(_NAME)),
    Index(None, "ended_at"),
    Index(None, "call_id"),
)

presence_periods = Table(
    "presence_periods",
    metadata,
    Column("fact_id", String(_FACT), primary_key=True),
    _name("worker", 80),
    _name("run"),
    _name("agent"),
    _name("presence", 16),
    _name("reason", _NAME),
    Column("began_at", Double, nullable=False),
    Column("ended_at", Double),
    Index(None, "agent", "began_at"),
    Index(None, "worker", "ended_at"),
)

agent_times = Table(
    "agent_times",
    metadata,
    Column("fact_id", String(_FACT), primary_key=True),
    _name("agent"),
    _name("bucket", 16),
    Column("ended_at", Double, nullable=False),
    Column("seconds", Double, nullable=False),
    Index(None, "ended_at"),
)

#: ``begins``: of the interval, seconds since the epoch. ``value``: how many; of a sum of seconds milliseconds, so
#: that sums are exact in whatever order they were made.
interval_counts = Table(
    "interval_counts",
    metadata,
    Column("begins", BigInteger, nullable=False),
    _name("kind", 16),
    _name("name"),
    _name("medium", 16),
    _name("count"),
    Column("value", BigInteger, nullable=False),
    PrimaryKeyConstraint("begins", "kind", "name", "medium", "count"),
)
