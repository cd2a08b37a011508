"""Feeds by any way: what is sent is kept until it has arrived, failures, records of more than one day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("feed_files", sa.Column("data_sealed", sa.LargeBinary))
    op.add_column("feed_files", sa.Column("oldest_at", sa.Double))
    op.add_column("feed_files", sa.Column("failed_at", sa.Double))
    op.add_column("feed_files", sa.Column("rows_gone_at", sa.Double))
    with op.batch_alter_table("feed_files") as files:
        files.add_column(sa.Column("attempts", sa.Integer, nullable=False, server_default="0"))
        files.add_column(sa.Column("failure", sa.String(64), nullable=False, server_default=""))
    with op.batch_alter_table("feed_files") as files:  # what is written says these itself
        files.alter_column("attempts", existing_type=sa.Integer, existing_nullable=False, server_default=None)
        files.alter_column("failure", existing_type=sa.String(64), existing_nullable=False, server_default=None)
    with op.batch_alter_table("feed_rows") as rows:
        rows.alter_column("record_id", existing_type=sa.String(64), type_=sa.String(160), existing_nullable=False)
        rows.drop_constraint("pk_feed_rows", type_="primary")
        rows.create_primary_key("pk_feed_rows", ["feed", "kind", "record_id", "day"])
