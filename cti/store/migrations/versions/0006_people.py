"""Users, teams, roles, agents, skills, sign-ins, API keys, the audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _people()
    _agents()
    _credentials()
    _audit()


def _user_id(*, unique: bool = False) -> sa.Column[str]:
    return sa.Column("user_id", sa.String(64), sa.ForeignKey("users.user_id"), unique=unique, nullable=False)


def _people() -> None:
    op.create_table(
        "teams",
        sa.Column("team", sa.String(64), primary_key=True),
        sa.Column("title", sa.String(200), nullable=False),
    )
    op.create_table(
        "users",
        sa.Column("user_id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("password_hash", sa.Text),
        sa.Column("password_at", sa.Double),
        sa.Column("one_time_until", sa.Double),
        sa.Column("disabled_at", sa.Double),
        sa.Column("created_at", sa.Double, nullable=False),
    )
    op.create_table(
        "user_roles",
        _user_id(),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("scope", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "role", "scope"),
    )


def _agents() -> None:
    op.create_table(
        "agents",
        sa.Column("agent_id", sa.String(64), primary_key=True),
        _user_id(unique=True),
        sa.Column("team", sa.String(64), sa.ForeignKey("teams.team"), nullable=False),
        sa.Column("phone", sa.String(32), unique=True),
        sa.Column("capacity", sa.Text, nullable=False),
        sa.Column("beside_call", sa.Text, nullable=False),
        sa.Column("remote_answer", sa.String(16), nullable=False),
        sa.Column("wrapup_s", sa.Double, nullable=False),
        sa.Column("sip_password_sealed", sa.Text),
        sa.Column("sip_password_at", sa.Double),
    )
    op.create_index("ix_agents_team", "agents", ["team"])
    op.create_table(
        "skills",
        sa.Column("skill", sa.String(64), primary_key=True),
        sa.Column("title", sa.String(200), nullable=False),
    )
    op.create_table(
        "agent_skills",
        sa.Column("agent_id", sa.String(64), sa.ForeignKey("agents.agent_id"), nullable=False),
        sa.Column("skill", sa.String(64), sa.ForeignKey("skills.skill"), nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("agent_id", "skill"),
        sa.CheckConstraint("level BETWEEN 1 AND 10", name="level"),
    )
    op.create_index("ix_agent_skills_skill", "agent_skills", ["skill"])


def _credentials() -> None:
    op.create_table(
        "sessions",
        sa.Column("session_id", sa.String(64), primary_key=True),
        _user_id(),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.Column("ended_why", sa.String(32), nullable=False),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("session_id", sa.String(64), sa.ForeignKey("sessions.session_id"), nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("used_at", sa.Double),
    )
    op.create_index("ix_refresh_tokens_session_id", "refresh_tokens", ["session_id"])
    op.create_index("ix_refresh_tokens_expires_at", "refresh_tokens", ["expires_at"])
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.String(64), primary_key=True),
        _user_id(),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double),
        sa.Column("revoked_at", sa.Double),
        sa.Column("used_at", sa.Double),
    )
    op.create_index("ix_api_keys_user_id", "api_keys", ["user_id"])
    op.create_table(
        "sign_in_attempts",
        sa.Column("account_blind", sa.String(64), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_at", sa.Double, nullable=False),
        sa.Column("blocked_until", sa.Double, nullable=False),
    )
    op.create_index("ix_sign_in_attempts_last_at", "sign_in_attempts", ["last_at"])


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("user_name", sa.String(64), nullable=False),
        sa.Column("via", sa.String(100), nullable=False),
        sa.Column("permission", sa.String(64), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("target", sa.String(200), nullable=False),
        sa.Column("allowed", sa.Boolean, nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("before_json", sa.Text, nullable=False),
        sa.Column("after_json", sa.Text, nullable=False),
        sa.Column("previous_hash", sa.String(64)),
        sa.Column("line_hash", sa.String(64)),
    )
    op.create_index("ix_audit_target_number", "audit", ["target", "number"])
    op.create_index("ix_audit_user_id_number", "audit", ["user_id", "number"])
    op.create_index("ix_audit_at", "audit", ["at"])
    _append_only()


def _append_only() -> None:
    said = "the audit is only ever added to"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$BEGIN RAISE EXCEPTION '{said}'; END$$"
        )
        op.execute(
            "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
        )
        return
    for what in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_no_{what.lower()} BEFORE {what} ON audit BEGIN SELECT RAISE(ABORT, '{said}'); END"
        )
