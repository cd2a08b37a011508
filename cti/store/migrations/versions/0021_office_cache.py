"""Answers of the back office that several engines share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "office_cache",
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("answer_sealed", sa.LargeBinary, nullable=False),
        sa.Column("keep_until", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_office_cache"),
    )
    op.create_index("ix_office_cache_keep_until", "office_cache", ["keep_until"])
