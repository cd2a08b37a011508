"""What runs were fed, and the keys of calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "call_journal",
        sa.Column("call_id", sa.String(128), sa.ForeignKey("calls.call_id"), nullable=False),
        sa.Column("begun_at", sa.Double, nullable=False),
        sa.Column("part", sa.Integer, nullable=False),
        sa.Column("body_sealed", sa.LargeBinary, nullable=False),
        sa.Column("secrets_sealed", sa.LargeBinary),
        sa.PrimaryKeyConstraint("call_id", "begun_at", "part"),
    )
    op.create_table(
        "call_keys",
        sa.Column("call_id", sa.String(128), sa.ForeignKey("calls.call_id"), primary_key=True, nullable=False),
        sa.Column("key_sealed", sa.LargeBinary, nullable=False),
    )
