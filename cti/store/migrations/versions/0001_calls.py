"""Calls, legs, node visits, call detail records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_CAUSES = (
    "caller_hangup",
    "flow_end",
    "transferred",
    "limit",
    "system_error",
    "switch_lost",
    "rejected",
    "engine_lost",
    "killed",
)


def upgrade() -> None:
    op.create_table(
        "store_meta",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    _calls()
    _legs_and_visits()
    _records()


def _calls() -> None:
    op.create_table(
        "calls",
        sa.Column("call_id", sa.String(128), primary_key=True),
        sa.Column("switch", sa.String(64), nullable=False),
        sa.Column("medium", sa.String(16), nullable=False),
        sa.Column("called", sa.String(128), nullable=False),
        sa.Column("caller_sealed", sa.Text),
        sa.Column("caller_blind", sa.String(64)),
        sa.Column("caller_name_sealed", sa.Text),
        sa.Column("entry", sa.String(200), nullable=False),
        sa.Column("flow", sa.String(200), nullable=False),
        sa.Column("flow_version", sa.String(80), nullable=False),
        sa.Column("language", sa.String(35), nullable=False),
        sa.Column("started_at", sa.Double, nullable=False),
    )
    op.create_index("ix_calls_started_at_call_id", "calls", ["started_at", "call_id"])
    op.create_index("ix_calls_caller_blind_started_at", "calls", ["caller_blind", "started_at"])


def _legs_and_visits() -> None:
    op.create_table(
        "legs",
        sa.Column("call_id", sa.String(128), sa.ForeignKey("calls.call_id"), nullable=False),
        sa.Column("leg_id", sa.String(128), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("switch", sa.String(64), nullable=False),
        sa.Column("number_sealed", sa.Text),
        sa.Column("number_blind", sa.String(64)),
        sa.Column("added_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.Column("hangup_cause", sa.String(64), nullable=False),
        sa.Column("ordinal", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "leg_id"),
    )
    op.create_index("ix_legs_number_blind", "legs", ["number_blind"])
    op.create_table(
        "node_visits",
        sa.Column("call_id", sa.String(128), sa.ForeignKey("calls.call_id"), nullable=False),
        sa.Column("flow", sa.String(200), nullable=False),
        sa.Column("node", sa.String(200), nullable=False),
        sa.Column("visit", sa.Integer, nullable=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("entered_at", sa.Double, nullable=False),
        sa.Column("left_at", sa.Double),
        sa.Column("exit", sa.String(200), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("ordinal", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "flow", "node", "visit"),
    )


def _records() -> None:
    op.create_table(
        "call_records",
        sa.Column("call_id", sa.String(128), sa.ForeignKey("calls.call_id"), primary_key=True, nullable=False),
        sa.Column("ended_at", sa.Double, nullable=False),
        sa.Column("answered_at", sa.Double),
        sa.Column("terminal_cause", sa.String(32), nullable=False),
        sa.Column("hangup_cause", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(200), nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("language", sa.String(35), nullable=False),
        sa.CheckConstraint(sa.column("terminal_cause").in_(_CAUSES), name="terminal_cause"),
    )
    op.create_index("ix_call_records_ended_at", "call_records", ["ended_at"])
    op.create_table(
        "call_goals",
        sa.Column("call_id", sa.String(128), sa.ForeignKey("call_records.call_id"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("goal", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("call_id", "position"),
    )
    op.create_index("ix_call_goals_goal", "call_goals", ["goal"])
