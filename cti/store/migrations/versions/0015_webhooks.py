"""Webhooks: who is told, which events, and what became of each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhooks",
        _text("webhook_id", 64),
        _text("title", 100),
        sa.Column("url_sealed", sa.Text, nullable=False),
        _text("user_id", 64),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("events", "scopes", "keys_sealed")),
        sa.Column("created_at", sa.Double, nullable=False),
        _text("created_by", 200),
        sa.Column("changed_at", sa.Double, nullable=False),
        _text("changed_by", 200),
        sa.Column("disabled_at", sa.Double),
        _text("disabled_why", 32),
        *(sa.Column(name, sa.Double) for name in ("failing_since", "succeeded_at", "deleted_at")),
        _text("lease_by", 80),
        sa.Column("lease_until", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("webhook_id", name="pk_webhooks"),
    )
    _index("webhooks", "created_at", "webhook_id")
    op.create_table(
        "webhook_events",
        _text("event_id", 64),
        _text("type", 64),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("text_sealed", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_webhook_events"),
    )
    _index("webhook_events", "at")
    op.create_table(
        "webhook_deliveries",
        _text("webhook_id", 64),
        _text("event_id", 64),
        sa.Column("position", sa.BigInteger, nullable=False),
        _text("lane", 200),
        _text("state", 16),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("since", "next_at")),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("last_at", sa.Double),
        sa.Column("status", sa.Integer),
        _text("error", 32),
        sa.Column("ended_at", sa.Double),
        sa.PrimaryKeyConstraint("webhook_id", "event_id", name="pk_webhook_deliveries"),
    )
    _index("webhook_deliveries", "webhook_id", "state", "next_at", "position")
    _index("webhook_deliveries", "webhook_id", "lane", "state", "position")
    _index("webhook_deliveries", "webhook_id", "position")
    _index("webhook_deliveries", "ended_at")
    _index("webhook_deliveries", "event_id")


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
