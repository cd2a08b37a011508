"""The tables behind the limits of accounts, which several processes share. As in `schema`, a change here needs a
migration."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, String, Table

from cti.store.schema import metadata

#: A bucket of tokens for each account that makes many requests or signs in often; idle ones are deleted.
rate_buckets = Table(
    "rate_buckets",
    metadata,
    Column("bucket", String(128), primary_key=True),
    Column("tokens", Double, nullable=False),
    Column("at", Double, nullable=False),
    Index(None, "at"),
)

#: Tickets of streams that were used, until they would have ended anyway.
used_tickets = Table(
    "used_tickets",
    metadata,
    Column("jti", String(64), primary_key=True),
    Column("expires_at", Double, nullable=False),
    Index(None, "expires_at"),
)
