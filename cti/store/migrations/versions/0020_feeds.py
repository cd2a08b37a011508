"""Feeds by file: their files, and what is in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feed_files",
        sa.Column("feed", sa.String(40), nullable=False),
        sa.Column("day", sa.String(8), nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("claimed_at", sa.Double, nullable=False),
        sa.Column("written_at", sa.Double),
        sa.PrimaryKeyConstraint("feed", "day", "seq", name="pk_feed_files"),
    )
    op.create_index("ix_feed_files_feed_written_at", "feed_files", ["feed", "written_at"])
    op.create_table(
        "feed_rows",
        sa.Column("feed", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("record_id", sa.String(64), nullable=False),
        sa.Column("day", sa.String(8), nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("feed", "kind", "record_id", name="pk_feed_rows"),
    )
    op.create_index("ix_feed_rows_feed_day_seq", "feed_rows", ["feed", "day", "seq"])
