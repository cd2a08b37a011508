"""The floor: queue entries, offers, contacts handled, presence, agents' time, and interval counts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _text(name: str, length: int = 64) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=nullable)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def upgrade() -> None:
    _entries()
    _offers()
    _agents()
    op.create_table(
        "interval_counts",
        sa.Column("begins", sa.BigInteger, nullable=False),
        _text("kind", 16),
        _text("name"),
        _text("medium", 16),
        _text("count", 32),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("begins", "kind", "name", "medium", "count"),
    )


def _entries() -> None:
    op.create_table(
        "queue_entries",
        sa.Column("entry_id", sa.String(64), primary_key=True),
        _text("worker", 80),
        _text("run"),
        _text("contact", 160),
        _text("call_id", 128),
        _text("queue"),
        _text("medium", 16),
        _moment("began_at"),
        sa.Column("counted", sa.Boolean, nullable=False),
        _moment("ended_at", nullable=True),
        _text("outcome", 32),
        _text("reason", 32),
        _moment("wait_s"),
        _text("agent"),
        _moment("told_wait_s", nullable=True),
        _moment("told_after_s"),
    )
    for columns in (("began_at",), ("call_id",), ("worker", "ended_at")):
        _index("queue_entries", *columns)


def _offers() -> None:
    op.create_table(
        "offers",
        sa.Column("offer_id", sa.String(64), primary_key=True),
        _text("worker", 80),
        _text("run"),
        _text("contact", 160),
        _text("call_id", 128),
        _text("agent"),
        _text("queue"),
        _text("medium", 16),
        _moment("made_at"),
        sa.Column("why", sa.Text, nullable=False),
        _moment("ended_at", nullable=True),
        _text("ending", 32),
        _text("reason", 32),
    )
    for columns in (("made_at",), ("ended_at",), ("worker", "ended_at")):
        _index("offers", *columns)
    op.create_table(
        "contacts_handled",
        sa.Column("fact_id", sa.String(64), primary_key=True),
        _text("contact", 160),
        _text("call_id", 128),
        _text("agent"),
        _text("queue"),
        _text("medium", 16),
        _moment("ended_at"),
        _moment("talk_s"),
        _moment("hold_s"),
        _moment("work_s"),
        _text("ended_by", 32),
    )
    _index("contacts_handled", "ended_at")
    _index("contacts_handled", "call_id")


def _agents() -> None:
    op.create_table(
        "presence_periods",
        sa.Column("fact_id", sa.String(64), primary_key=True),
        _text("worker", 80),
        _text("run"),
        _text("agent"),
        _text("presence", 16),
        _text("reason"),
        _moment("began_at"),
        _moment("ended_at", nullable=True),
    )
    _index("presence_periods", "agent", "began_at")
    _index("presence_periods", "worker", "ended_at")
    op.create_table(
        "agent_times",
        sa.Column("fact_id", sa.String(64), primary_key=True),
        _text("agent"),
        _text("bucket", 16),
        _moment("ended_at"),
        _moment("seconds"),
    )
    _index("agent_times", "ended_at")
