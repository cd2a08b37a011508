"""Shifts of agents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schedules",
        sa.Column("shift_id", sa.String(64), nullable=False),
        sa.Column("agent_id", sa.String(64), nullable=False),
        sa.Column("begins_at", sa.Double, nullable=False),
        sa.Column("ends_at", sa.Double, nullable=False),
        sa.Column("note", sa.String(200), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False),
        sa.Column("changed_by", sa.String(200), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.agent_id"], name="fk_schedules_agent_id"),
        sa.PrimaryKeyConstraint("shift_id", name="pk_schedules"),
    )
    op.create_index("ix_schedules_agent_id_begins_at", "schedules", ["agent_id", "begins_at"])
    op.create_index("ix_schedules_begins_at_shift_id", "schedules", ["begins_at", "shift_id"])
