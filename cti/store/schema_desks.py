"""The tables of callbacks, notices that people set, and blocked numbers. A change here needs a migration."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Index, Integer, String, Table, Text

from cti.store.schema import metadata

_NAME = 64

#: ``wish_sealed`` is JSON: what the agent is told, and skills. ``worker``: the slot of the engine that calls.
callbacks = Table(
    "callbacks",
    metadata,
    Column("callback_id", String(_NAME), primary_key=True),
    Column("worker", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("number_sealed", Text, nullable=False),
    Column("number_blind", String(64), nullable=False),
    Column("wish_sealed", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("due_at", Double),
    Column("event", String(_NAME), nullable=False),
    Column("queue", String(_NAME), nullable=False),
    Column("flow", String(200), nullable=False),
    Column("call_id", String(_NAME), nullable=False),
    Column("rank_at", Double),
    Column("counted", Boolean, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("allowed", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last", String(_NAME), nullable=False),
    Column("called_as", String(_NAME), nullable=False),
    Column("agent", String(_NAME), nullable=False),
    Column("ended_at", Double),
    Column("version", Integer, nullable=False),
    Index(None, "state", "worker"),
    Index(None, "number_blind", "state"),
    Index(None, "event"),
    Index(None, "created_at", "callback_id"),
)

#: ``document`` is JSON: what `cti.flow.notices` reads from a file as well.
notices = Table(
    "notices",
    metadata,
    Column("notice_id", String(_NAME), primary_key=True),
    Column("document", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("changed_by", String(200), nullable=False),
    Column("ended_at", Double),
    Column("version", Integer, nullable=False),
    Index(None, "ended_at"),
)

blocked_numbers = Table(
    "blocked_numbers",
    metadata,
    Column("blocked_id", String(_NAME), primary_key=True),
    Column("number_sealed", Text, nullable=False),
    Column("number_blind", String(64), nullable=False),
    Column("reason", String(200), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("until", Double),
    Column("lifted_at", Double),
    Index(None, "number_blind"),
    Index(None, "lifted_at"),
)
