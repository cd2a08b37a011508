"""Versions of flows, and which of them callers meet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "flow_versions",
        sa.Column("flow", sa.String(200), nullable=False),
        sa.Column("version", sa.String(80), nullable=False),
        sa.Column("files", sa.Text, nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("first_at", sa.Double, nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("flow", "version"),
    )
    op.create_table(
        "flow_activations",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("flow", sa.String(200), nullable=False),
        sa.Column("version", sa.String(80), nullable=False),
        sa.Column("activated_at", sa.Double, nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("file_version", sa.String(80)),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_index("ix_flow_activations_flow_number", "flow_activations", ["flow", "number"])
    op.create_index("ix_calls_flow_flow_version", "calls", ["flow", "flow_version"])
