"""Writes of the back office, noted before they are sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "office_writes",
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("backend", sa.String(40), nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("inputs_sealed", sa.Text, nullable=False),
        sa.Column("values_sealed", sa.Text, nullable=False),
        sa.Column("keep_until", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_office_writes"),
    )
    op.create_index("ix_office_writes_state_since", "office_writes", ["state", "since"])
    op.create_index("ix_office_writes_keep_until", "office_writes", ["keep_until"])
