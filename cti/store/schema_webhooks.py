"""The tables of webhooks: who is told, which events are to be told, and what became of each. A change here needs a
migration.

Deliveries have no foreign keys: an event is written in the transaction of the facts, which must not fail because a
webhook was deleted a moment ago.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, PrimaryKeyConstraint, String, Table, Text

from cti.store.schema import metadata

_ID = 64

#: ``keys_sealed``: JSON, the newest first. ``events`` and ``scopes``: JSON lists. One engine at a time sends for a
#: webhook, ``lease_by``; ``lease_until`` is the mark of its last sign of life, 0: nobody sends. The row of a deleted
#: one stays until its deliveries are gone.
webhooks = Table(
    "webhooks",
    metadata,
    Column("webhook_id", String(_ID), primary_key=True),
    Column("title", String(100), nullable=False),
    Column("url_sealed", Text, nullable=False),
    Column("user_id", String(_ID), nullable=False),
    Column("events", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("keys_sealed", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("changed_by", String(200), nullable=False),
    Column("disabled_at", Double),
    Column("disabled_why", String(32), nullable=False),
    Column("failing_since", Double),
    Column("succeeded_at", Double),
    Column("deleted_at", Double),
    Column("lease_by", String(80), nullable=False),
    Column("lease_until", Double, nullable=False),
    Index(None, "created_at", "webhook_id"),
)

#: ``scope``: JSON, whom the event belongs to. The text is sealed: it may name people.
webhook_events = Table(
    "webhook_events",
    metadata,
    Column("event_id", String(_ID), primary_key=True),
    Column("type", String(_ID), nullable=False),
    Column("at", Double, nullable=False),
    Column("scope", Text, nullable=False),
    Column("text_sealed", Text, nullable=False),
    Index(None, "at"),
)

#: ``lane``: one delivery of a lane is sent at a time, the lowest ``position`` first. ``since``: when it was first to be
#: sent, or a person had it sent again.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("webhook_id", String(_ID), nullable=False),
    Column("event_id", String(_ID), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("lane", String(200), nullable=False),
    Column("state", String(16), nullable=False),
    Column("since", Double, nullable=False),
    Column("next_at", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_at", Double),
    Column("status", Integer),
    Column("error", String(32), nullable=False),
    Column("ended_at", Double),
    PrimaryKeyConstraint("webhook_id", "event_id"),
    Index(None, "webhook_id", "state", "next_at", "position"),
    Index(None, "webhook_id", "lane", "state", "position"),
    Index(None, "webhook_id", "position"),
    Index(None, "ended_at"),
    Index(None, "event_id"),
)
