"""The tables of users, agents, sign-ins and the audit. As in `schema`, a change here needs a migration."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from cti.store.schema import metadata

_NAME = 64


def _user_id(*, primary_key: bool = False, unique: bool = False) -> Column[str]:
    foreign = ForeignKey("users.user_id")
    return Column("user_id", String(_NAME), foreign, primary_key=primary_key, unique=unique, nullable=False)


teams = Table(
    "teams",
    metadata,
    Column("team", String(_NAME), primary_key=True),
    Column("title", String(200), nullable=False),
)

#: ``name`` is in lower case. ``one_time_until``: the password is a one-time one and good until then.
users = Table(
    "users",
    metadata,
    Column("user_id", String(_NAME), primary_key=True),
    Column("name", String(_NAME), nullable=False, unique=True),
    Column("title", String(200), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("password_hash", Text),
    Column("password_at", Double),
    Column("one_time_until", Double),
    Column("disabled_at", Double),
    Column("created_at", Double, nullable=False),
)

#: ``scope`` is ``*``, ``team:<name>`` or ``queue:<name>``.
user_roles = Table(
    "user_roles",
    metadata,
    _user_id(),
    Column("role", String(32), nullable=False),
    Column("scope", String(80), nullable=False),
    PrimaryKeyConstraint("user_id", "role", "scope"),
)

#: ``capacity`` is JSON, slot -> contacts at once; ``beside_call`` a JSON list of slots.
agents = Table(
    "agents",
    metadata,
    Column("agent_id", String(_NAME), primary_key=True),
    _user_id(unique=True),
    Column("team", String(_NAME), ForeignKey("teams.team"), nullable=False),
    Column("phone", String(32), unique=True),
    Column("capacity", Text, nullable=False),
    Column("beside_call", Text, nullable=False),
    Column("remote_answer", String(16), nullable=False),
    Column("wrapup_s", Double, nullable=False),
    Column("sip_password_sealed", Text),
    Column("sip_password_at", Double),
    Index(None, "team"),
)

skills = Table(
    "skills",
    metadata,
    Column("skill", String(_NAME), primary_key=True),
    Column("title", String(200), nullable=False),
)

agent_skills = Table(
    "agent_skills",
    metadata,
    Column("agent_id", String(_NAME), ForeignKey("agents.agent_id"), nullable=False),
    Column("skill", String(_NAME), ForeignKey("skills.skill"), nullable=False),
    Column("level", Integer, nullable=False),
    PrimaryKeyConstraint("agent_id", "skill"),
    CheckConstraint("level BETWEEN 1 AND 10", name="level"),
    Index(None, "skill"),
)

#: A sign-in, and the family of refresh tokens that comes of it.
sessions = Table(
    "sessions",
    metadata,
    Column("session_id", String(_NAME), primary_key=True),
    _user_id(),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("ended_why", String(32), nullable=False),
    Index(None, "user_id"),
)

#: SHA-256 of each token that was given out; a used one is kept, so that a second use is noticed. ``used_key``: SHA-256
#: of the Idempotency-Key of the request that used it.
refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("session_id", String(_NAME), ForeignKey("sessions.session_id"), nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("used_at", Double),
    Column("used_key", String(64)),
    Index(None, "session_id"),
    Index(None, "expires_at"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", String(_NAME), primary_key=True),
    _user_id(),
    Column("title", String(200), nullable=False),
    Column("secret_hash", String(64), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("revoked_at", Double),
    Column("used_at", Double),
    Index(None, "user_id"),
)

#: ``account_blind`` is the index of what was typed as a name, which need not be one: people type passwords there.
sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    Column("account_blind", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", Double, nullable=False),
    Column("blocked_until", Double, nullable=False),
    Index(None, "last_at"),
)

#: Only ever added to: triggers refuse UPDATE and DELETE. ``before_json`` and ``after_json`` hold what changed, masked.
#: ``previous_hash`` and ``line_hash`` chain the lines (`audit_chain`); lines from before the chain have none.
audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("user_id", String(_NAME), nullable=False),
    Column("user_name", String(_NAME), nullable=False),
    Column("via", String(100), nullable=False),
    Column("permission", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("target", String(200), nullable=False),
    Column("allowed", Boolean, nullable=False),
    Column("reason", String(500), nullable=False),
    Column("before_json", Text, nullable=False),
    Column("after_json", Text, nullable=False),
    Column("previous_hash", String(64)),
    Column("line_hash", String(64)),
    Index(None, "target", "number"),
    Index(None, "user_id", "number"),
    Index(None, "at"),
)
