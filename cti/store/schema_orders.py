"""The table of orders of other systems. A change here needs a migration."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, String, Table

from cti.store.schema import metadata

#: ``key`` is the other system's. ``digest``: of what was ordered, so that a key that is used for something else is
#: seen; no field of the order is kept here. ``state``: received, sending, accepted, rejected.
inbound_orders = Table(
    "inbound_orders",
    metadata,
    Column("source", String(64), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("order_id", String(64), nullable=False),
    Column("code", String(64), nullable=False),
    Column("received_at", Double, nullable=False),
    Column("done_at", Double),
    Index(None, "received_at"),
)
