"""The tables of durable calls. A change here needs a migration."""

from __future__ import annotations

from sqlalchemy import Column, Double, ForeignKey, Index, Integer, LargeBinary, PrimaryKeyConstraint, String, Table

from cti.store.schema import metadata

#: One row for each worker that ever ran: which engine of it is the present one, and its last sign of life.
engine_owners = Table(
    "engine_owners",
    metadata,
    Column("owner", String(100), primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("seen_at", Double, nullable=False),
)

#: One row for each call that is up: where its run waits. ``key_sealed`` is the call's own key, which ``body_sealed`` is
#: sealed with; both go when the call ends.
call_snapshots = Table(
    "call_snapshots",
    metadata,
    Column("call_id", String(128), primary_key=True),
    Column("switch", String(64), nullable=False),
    Column("owner", String(100), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("saved_at", Double, nullable=False),
    Column("key_sealed", LargeBinary, nullable=False),
    Column("body_sealed", LargeBinary, nullable=False),
    Index(None, "owner"),
)

#: Times in which a call had no engine. ``how``: resumed, begun_again, talked_on.
call_gaps = Table(
    "call_gaps",
    metadata,
    Column("call_id", String(128), ForeignKey("calls.call_id"), nullable=False),
    Column("began_at", Double, nullable=False),
    Column("ended_at", Double, nullable=False),
    Column("how", String(16), nullable=False),
    PrimaryKeyConstraint("call_id", "ended_at"),
)
