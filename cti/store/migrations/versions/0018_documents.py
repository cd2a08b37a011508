"""Documents that wait for an agent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "waiting_documents",
        sa.Column("document", sa.String(300), nullable=False),
        sa.Column("worker", sa.String(80), nullable=False),
        sa.Column("call_id", sa.String(128), nullable=False),
        sa.Column("contact", sa.String(160), nullable=False),
        sa.Column("began_at", sa.Double, nullable=False),
        sa.Column("body_sealed", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("document", name="pk_waiting_documents"),
    )
    op.create_index("ix_waiting_documents_worker", "waiting_documents", ["worker"])
