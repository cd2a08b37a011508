"""The table of documents that wait for an agent. A change here needs a migration."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, String, Table, Text

from cti.store.schema import metadata

waiting_documents = Table(
    "waiting_documents",
    metadata,
    Column("document", String(300), primary_key=True),
    Column("worker", String(80), nullable=False),
    Column("call_id", String(128), nullable=False),
    Column("contact", String(160), nullable=False),
    Column("began_at", Double, nullable=False),
    Column("body_sealed", Text, nullable=False),
    Index(None, "worker"),
)
