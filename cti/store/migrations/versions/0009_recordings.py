"""Recordings: kept sealed, for a time, with who talks in them. In the place of the list of files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("call_media")
    op.create_table(
        "recordings",
        sa.Column("recording_id", sa.String(200), nullable=False),
        sa.Column("call_id", sa.String(128), nullable=False),
        _text("kind", 16),
        _text("node", 64),
        _text("path", 300),
        _text("sealed_path", 300),
        _text("queue", 64),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.Column("spans", sa.Text, nullable=False),
        sa.Column("pages", sa.Integer, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("length_s", sa.Double),
        sa.Column("size", sa.BigInteger),
        _text("digest", 80),
        _text("key_id", 64),
        sa.Column("key_sealed", sa.LargeBinary),
        sa.Column("sealed_at", sa.Double),
        sa.Column("until", sa.Double),
        sa.Column("held_at", sa.Double),
        _text("held_by", 200),
        _text("held_reason", 500),
        sa.Column("deleted_at", sa.Double),
        _text("deleted_by", 200),
        _text("deleted_reason", 500),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], name="fk_recordings_call_id"),
        sa.PrimaryKeyConstraint("recording_id", name="pk_recordings"),
    )
    for columns in (("call_id",), ("started_at", "recording_id"), ("node", "sealed_at"), ("until",)):
        _index("recordings", *columns)
    op.create_table(
        "recording_agents",
        sa.Column("recording_id", sa.String(200), nullable=False),
        _text("agent", 64),
        _text("team", 64),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.recording_id"], name="fk_recording_agents_recording_id"),
        sa.PrimaryKeyConstraint("recording_id", "agent", name="pk_recording_agents"),
    )
    for name in ("agent", "team"):
        _index("recording_agents", name)


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
