"""The table of what agents write about contacts."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, String, Table, Text

from cti.store.schema import metadata


def _name(name: str, length: int) -> Column[str]:
    return Column(name, String(length), nullable=False)


#: One row for each handling: an agent's part of a contact. ``ended_at`` is empty while the agent is at it.
contact_wrapups = Table(
    "contact_wrapups",
    metadata,
    Column("handling_id", String(64), primary_key=True),
    _name("worker", 80),
    _name("run", 64),
    _name("contact", 160),
    _name("call_id", 128),
    _name("agent", 64),
    _name("queue", 64),
    _name("medium", 16),
    Column("version", Integer, nullable=False),
    Column("at", Double, nullable=False),
    Column("disposition", String(64)),
    Column("notes_sealed", Text),
    Column("variables_sealed", Text),
    Column("ended_at", Double),
    _name("ended_by", 32),
    Index(None, "call_id"),
    Index(None, "ended_at"),
    Index(None, "worker", "ended_at"),
)
