"""What was written in conversations by text."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "call_messages",
        sa.Column(
            "call_id", sa.String(128), sa.ForeignKey("calls.call_id", name="fk_call_messages_call_id"), nullable=False
        ),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("author", sa.String(16), nullable=False),
        sa.Column("agent", sa.String(64), nullable=False),
        sa.Column("text_sealed", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "number", name="pk_call_messages"),
    )
