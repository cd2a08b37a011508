"""Questions by file: what waits for one, the files, and the files of answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "request_rows",
        sa.Column("backend", sa.String(40), nullable=False),
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("asked_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double),
        sa.Column("row_sealed", sa.LargeBinary),
        sa.Column("day", sa.String(8)),
        sa.Column("seq", sa.Integer),
        sa.Column("answered_at", sa.Double),
        sa.Column("answer_sealed", sa.LargeBinary),
        sa.PrimaryKeyConstraint("backend", "key", name="pk_request_rows"),
    )
    op.create_index("ix_request_rows_backend_seq_asked_at", "request_rows", ["backend", "seq", "asked_at"])
    op.create_table(
        "request_files",
        sa.Column("backend", sa.String(40), nullable=False),
        sa.Column("day", sa.String(8), nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("content_sealed", sa.LargeBinary),
        sa.Column("claimed_at", sa.Double, nullable=False),
        sa.Column("ready_at", sa.Double),
        sa.Column("written_at", sa.Double),
        sa.Column("worker", sa.String(80), nullable=False),
        sa.Column("lease_until", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("backend", "day", "seq", name="pk_request_files"),
    )
    op.create_index("ix_request_files_backend_written_at", "request_files", ["backend", "written_at"])
    op.create_table(
        "answer_files",
        sa.Column("backend", sa.String(40), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("taken_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("backend", "name", name="pk_answer_files"),
    )
    op.create_index("ix_answer_files_backend_digest", "answer_files", ["backend", "digest"])
