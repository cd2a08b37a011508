"""What agents write about contacts: dispositions, notes, variables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def _text(name: str, length: int = 64) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def upgrade() -> None:
    op.create_table(
        "contact_wrapups",
        sa.Column("handling_id", sa.String(64), nullable=False),
        _text("worker", 80),
        _text("run"),
        _text("contact", 160),
        _text("call_id", 128),
        _text("agent"),
        _text("queue"),
        _text("medium", 16),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("disposition", sa.String(64)),
        sa.Column("notes_sealed", sa.Text),
        sa.Column("variables_sealed", sa.Text),
        sa.Column("ended_at", sa.Double),
        _text("ended_by", 32),
        sa.PrimaryKeyConstraint("handling_id", name="pk_contact_wrapups"),
    )
    for columns in (["call_id"], ["ended_at"], ["worker", "ended_at"]):
        op.create_index(f"ix_contact_wrapups_{'_'.join(columns)}", "contact_wrapups", columns)
    op.add_column("contacts_handled", sa.Column("disposition", sa.String(64)))
    with op.batch_alter_table("interval_counts") as counts:
        counts.alter_column("count", existing_type=sa.String(32), type_=sa.String(64), existing_nullable=False)
    # Contacts handled before this were given nothing: rows and counts of that, so that they agree.
    op.execute(
        "INSERT INTO contact_wrapups (handling_id, worker, run, contact, call_id, agent, queue, medium, version, at, "
        "ended_at, ended_by) SELECT fact_id, '', '', contact, call_id, agent, queue, medium, 0, ended_at, ended_at, "
        "ended_by FROM contacts_handled"
    )
    op.execute(
        "INSERT INTO interval_counts (begins, kind, name, medium, count, value) "
        "SELECT begins, kind, name, medium, 'without_disposition', value FROM interval_counts WHERE count = 'handled'"
    )
