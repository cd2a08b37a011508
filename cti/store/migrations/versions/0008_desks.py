"""Callbacks, notices that people set, and blocked numbers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _callbacks()
    _notices()
    _blocked()


def _text(name: str, length: int = 64) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _callbacks() -> None:
    op.create_table(
        "callbacks",
        sa.Column("callback_id", sa.String(64), primary_key=True),
        _text("worker", 16),
        _text("state", 16),
        sa.Column("number_sealed", sa.Text, nullable=False),
        _text("number_blind"),
        sa.Column("wish_sealed", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("due_at", sa.Double),
        _text("event"),
        _text("queue"),
        _text("flow", 200),
        _text("call_id"),
        sa.Column("rank_at", sa.Double),
        sa.Column("counted", sa.Boolean, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("allowed", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        _text("last"),
        _text("called_as"),
        _text("agent"),
        sa.Column("ended_at", sa.Double),
        sa.Column("version", sa.Integer, nullable=False),
    )
    _index("callbacks", "state", "worker")
    _index("callbacks", "number_blind", "state")
    _index("callbacks", "event")
    _index("callbacks", "created_at", "callback_id")


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("notice_id", sa.String(64), primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        _text("created_by", 200),
        sa.Column("changed_at", sa.Double, nullable=False),
        _text("changed_by", 200),
        sa.Column("ended_at", sa.Double),
        sa.Column("version", sa.Integer, nullable=False),
    )
    _index("notices", "ended_at")


def _blocked() -> None:
    op.create_table(
        "blocked_numbers",
        sa.Column("blocked_id", sa.String(64), primary_key=True),
        sa.Column("number_sealed", sa.Text, nullable=False),
        _text("number_blind"),
        _text("reason", 200),
        sa.Column("created_at", sa.Double, nullable=False),
        _text("created_by", 200),
        sa.Column("until", sa.Double),
        sa.Column("lifted_at", sa.Double),
    )
    _index("blocked_numbers", "number_blind")
    _index("blocked_numbers", "lifted_at")
