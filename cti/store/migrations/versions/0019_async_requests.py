"""Writes of the back office that clients ordered and do not wait for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "async_requests",
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("phase", sa.String(8), nullable=False),
        sa.Column("lane", sa.String(260), nullable=False),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("told", sa.String(16), nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.Column("worker", sa.String(80), nullable=False),
        sa.Column("lease_until", sa.Double, nullable=False),
        sa.Column("body_sealed", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("request_id", name="pk_async_requests"),
    )
    columns = ["phase", "due_at", "lane", "lease_until"]
    op.create_index("ix_async_requests_phase_due_at_lane_lease_until", "async_requests", columns)
    columns = ["user_id", "since", "request_id"]
    op.create_index("ix_async_requests_user_id_since_request_id", "async_requests", columns)
    op.create_index("ix_async_requests_key", "async_requests", ["key"])
    op.create_index("ix_async_requests_worker", "async_requests", ["worker"])
