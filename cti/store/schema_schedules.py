"""The table of shifts. A change here needs a migration."""

from __future__ import annotations

from sqlalchemy import Column, Double, ForeignKey, Index, Integer, String, Table

from cti.store.schema import metadata

schedules = Table(
    "schedules",
    metadata,
    Column("shift_id", String(64), primary_key=True),
    Column("agent_id", String(64), ForeignKey("agents.agent_id"), nullable=False),
    Column("begins_at", Double, nullable=False),
    Column("ends_at", Double, nullable=False),
    Column("note", String(200), nullable=False),
    Column("version", Integer, nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("changed_by", String(200), nullable=False),
    Index(None, "agent_id", "begins_at"),
    Index(None, "begins_at", "shift_id"),
)
