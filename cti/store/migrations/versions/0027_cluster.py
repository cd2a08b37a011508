"""Processes of a cluster, and what they tell each other."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cluster_members",
        sa.Column("address", sa.String(160), nullable=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("beats", sa.BigInteger, nullable=False),
        sa.Column("gone", sa.Boolean, nullable=False),
        sa.Column("draining", sa.Boolean, nullable=False),
        sa.Column("roles", sa.String(100), nullable=False),
        sa.Column("api", sa.String(200), nullable=False),
        sa.Column("switches", sa.Text, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("address", name="pk_cluster_members"),
    )
    op.create_table(
        "cluster_drains",
        sa.Column("target", sa.String(160), nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("target", name="pk_cluster_drains"),
    )
    op.create_table(
        "cluster_messages",
        sa.Column("sender", sa.String(90), nullable=False),
        sa.Column("recipient", sa.String(90), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(80), nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("sender", "recipient", "sequence", name="pk_cluster_messages"),
    )
    op.create_index("ix_cluster_messages_recipient", "cluster_messages", ["recipient", "sender", "sequence"])
