"""Durable calls: who owns them, where they wait, and the times in which they had no engine."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "engine_owners",
        sa.Column("owner", sa.String(100), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_engine_owners"),
    )
    op.create_table(
        "call_snapshots",
        sa.Column("call_id", sa.String(128), nullable=False),
        sa.Column("switch", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(100), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("saved_at", sa.Double, nullable=False),
        sa.Column("key_sealed", sa.LargeBinary, nullable=False),
        sa.Column("body_sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("call_id", name="pk_call_snapshots"),
    )
    op.create_index("ix_call_snapshots_owner", "call_snapshots", ["owner"])
    op.create_table(
        "call_gaps",
        sa.Column("call_id", sa.String(128), nullable=False),
        sa.Column("began_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double, nullable=False),
        sa.Column("how", sa.String(16), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], name="fk_call_gaps_call_id"),
        sa.PrimaryKeyConstraint("call_id", "ended_at", name="pk_call_gaps"),
    )
