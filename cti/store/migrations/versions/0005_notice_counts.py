"""How many callers were told each notice, by day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notice_counts",
        sa.Column("notice", sa.String(64), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("heard", sa.Integer, nullable=False),
        sa.Column("heard_whole", sa.Integer, nullable=False),
        sa.Column("hung_up", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("notice", "day", "run"),
    )
