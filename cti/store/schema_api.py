"""The tables of what the API keeps for its clients: drafts of flows, answers by Idempotency-Key. A change here needs a
migration."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, PrimaryKeyConstraint, String, Table, Text

from cti.store.schema import metadata

#: ``base``: version of the file when the draft was begun, empty: there was none.
flow_drafts = Table(
    "flow_drafts",
    metadata,
    Column("file", String(200), primary_key=True),
    Column("text", Text, nullable=False),
    Column("version", String(80), nullable=False),
    Column("base", String(80), nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("changed_by", String(200), nullable=False),
)

#: ``answer_sealed`` is empty while the request is at work. Answers may hold secrets that are shown once.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("user_id", String(64), nullable=False),
    Column("key", String(255), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("answer_sealed", Text, nullable=False),
    Column("expires_at", Double, nullable=False),
    PrimaryKeyConstraint("user_id", "key"),
    Index(None, "expires_at"),
)
