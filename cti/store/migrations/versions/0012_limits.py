"""Limits of accounts that processes share, and which request has used a refresh token."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rate_buckets",
        sa.Column("bucket", sa.String(128), nullable=False),
        sa.Column("tokens", sa.Double, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("bucket", name="pk_rate_buckets"),
    )
    op.create_index("ix_rate_buckets_at", "rate_buckets", ["at"])
    op.create_table(
        "used_tickets",
        sa.Column("jti", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("jti", name="pk_used_tickets"),
    )
    op.create_index("ix_used_tickets_expires_at", "used_tickets", ["expires_at"])
    op.add_column("refresh_tokens", sa.Column("used_key", sa.String(64)))
