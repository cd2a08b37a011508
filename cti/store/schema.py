"""The tables. Columns ending in ``_sealed`` hold sealed values (see `sealing`), ``_blind`` their index.

A change here needs a migration beside it; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from cti.core.calls import TerminalCause

#: The revision that this code works on (the last file in migrations/versions).
HEAD = "0027"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ID = 128


def _call_id(*, primary_key: bool = False) -> Column[str]:
    return Column("call_id", String(_ID), ForeignKey("calls.call_id"), primary_key=primary_key, nullable=False)


#: Small facts about the database itself: which keys its values were sealed with.
store_meta = Table(
    "store_meta",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

calls = Table(
    "calls",
    metadata,
    Column("call_id", String(_ID), primary_key=True),
    Column("switch", String(64), nullable=False),
    Column("medium", String(16), nullable=False),
    Column("called", String(_ID), nullable=False),
    Column("caller_sealed", Text),
    Column("caller_blind", String(64)),
    Column("caller_name_sealed", Text),
    Column("entry", String(200), nullable=False),
    Column("flow", String(200), nullable=False),
    Column("flow_version", String(80), nullable=False),
    Column("language", String(35), nullable=False),
    Column("started_at", Double, nullable=False),
    Index(None, "started_at", "call_id"),
    Index(None, "caller_blind", "started_at"),
    Index(None, "flow", "flow_version"),
)

legs = Table(
    "legs",
    metadata,
    _call_id(),
    Column("leg_id", String(_ID), nullable=False),
    Column("role", String(16), nullable=False),
    Column("switch", String(64), nullable=False),
    Column("number_sealed", Text),
    Column("number_blind", String(64)),
    Column("added_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("hangup_cause", String(64), nullable=False),
    Column("ordinal", BigInteger, nullable=False),  # order of arrival, for equal times
    PrimaryKeyConstraint("call_id", "leg_id"),
    Index(None, "number_blind"),
)

node_visits = Table(
    "node_visits",
    metadata,
    _call_id(),
    Column("flow", String(200), nullable=False),
    Column("node", String(200), nullable=False),
    Column("visit", Integer, nullable=False),
    Column("type", String(40), nullable=False),
    Column("entered_at", Double, nullable=False),
    Column("left_at", Double),
    Column("exit", String(200), nullable=False),
    Column("note", Text, nullable=False),
    Column("ordinal", BigInteger, nullable=False),
    PrimaryKeyConstraint("call_id", "flow", "node", "visit"),
)

#: The call detail record. The primary key is the promise: one per call.
call_records = Table(
    "call_records",
    metadata,
    _call_id(primary_key=True),
    Column("ended_at", Double, nullable=False),
    Column("answered_at", Double),
    Column("terminal_cause", String(32), nullable=False),
    Column("hangup_cause", String(64), nullable=False),
    Column("outcome", String(200), nullable=False),
    Column("error", Text, nullable=False),
    Column("language", String(35), nullable=False),
    CheckConstraint(
        "terminal_cause IN ({})".format(", ".join(f"'{cause.value}'" for cause in TerminalCause)),
        name="terminal_cause",
    ),
    Index(None, "ended_at"),
)

call_goals = Table(
    "call_goals",
    metadata,
    Column("call_id", String(_ID), ForeignKey("call_records.call_id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("goal", String(200), nullable=False),
    PrimaryKeyConstraint("call_id", "position"),
    Index(None, "goal"),
)

#: What runs were fed. ``body_sealed`` is compressed JSON under the key ring, ``secrets_sealed`` under the call's key.
call_journal = Table(
    "call_journal",
    metadata,
    _call_id(),
    Column("begun_at", Double, nullable=False),
    Column("part", Integer, nullable=False),
    Column("body_sealed", LargeBinary, nullable=False),
    Column("secrets_sealed", LargeBinary),
    PrimaryKeyConstraint("call_id", "begun_at", "part"),
)

#: What calls left behind. ``spans`` is JSON: {"masked": [[from, to], …], "paused": …}. ``key_sealed``: the key of the
#: file, deleted with the recording.
recordings = Table(
    "recordings",
    metadata,
    Column("recording_id", String(200), primary_key=True),
    Column("call_id", String(_ID), ForeignKey("calls.call_id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("node", String(64), nullable=False),
    Column("path", String(300), nullable=False),
    Column("sealed_path", String(300), nullable=False),
    Column("queue", String(64), nullable=False),
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("spans", Text, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("length_s", Double),
    Column("size", BigInteger),
    Column("digest", String(80), nullable=False),
    Column("key_id", String(64), nullable=False),
    Column("key_sealed", LargeBinary),
    Column("sealed_at", Double),
    Column("until", Double),
    Column("held_at", Double),
    Column("held_by", String(200), nullable=False),
    Column("held_reason", String(500), nullable=False),
    Column("deleted_at", Double),
    Column("deleted_by", String(200), nullable=False),
    Column("deleted_reason", String(500), nullable=False),
    Index(None, "call_id"),
    Index(None, "started_at", "recording_id"),
    Index(None, "node", "sealed_at"),
    Index(None, "until"),
)

#: Who talks in a recording, and the team that each was of at that time.
recording_agents = Table(
    "recording_agents",
    metadata,
    Column("recording_id", String(200), ForeignKey("recordings.recording_id"), nullable=False),
    Column("agent", String(64), nullable=False),
    Column("team", String(64), nullable=False),
    PrimaryKeyConstraint("recording_id", "agent"),
    Index(None, "agent"),
    Index(None, "team"),
)

#: What was written in conversations by text. ``author``: customer, flow, agent.
call_messages = Table(
    "call_messages",
    metadata,
    _call_id(),
    Column("number", Integer, nullable=False),
    Column("at", Double, nullable=False),
    Column("author", String(16), nullable=False),
    Column("agent", String(64), nullable=False),
    Column("text_sealed", Text, nullable=False),
    PrimaryKeyConstraint("call_id", "number"),
)

#: What each run of an engine told its callers, by day: counts that only grow.
notice_counts = Table(
    "notice_counts",
    metadata,
    Column("notice", String(64), nullable=False),
    Column("day", String(10), nullable=False),
    Column("run", String(64), nullable=False),
    Column("heard", Integer, nullable=False),
    Column("heard_whole", Integer, nullable=False),
    Column("hung_up", Integer, nullable=False),
    PrimaryKeyConstraint("notice", "day", "run"),
)

#: The key of a call's secrets, from the first of them to the end of the call.
call_keys = Table("call_keys", metadata, _call_id(primary_key=True), Column("key_sealed", LargeBinary, nullable=False))

#: ``files`` is JSON, file name -> text: what the version can be built from again.
flow_versions = Table(
    "flow_versions",
    metadata,
    Column("flow", String(200), nullable=False),
    Column("version", String(80), nullable=False),
    Column("files", Text, nullable=False),
    Column("author", String(200), nullable=False),
    Column("first_at", Double, nullable=False),
    Column("origin", String(16), nullable=False),
    PrimaryKeyConstraint("flow", "version"),
)

#: The last line of a flow (canaries apart) names the version that its callers meet.
flow_activations = Table(
    "flow_activations",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("flow", String(200), nullable=False),
    Column("version", String(80), nullable=False),
    Column("activated_at", Double, nullable=False),
    Column("author", String(200), nullable=False),
    Column("origin", String(16), nullable=False),
    Column("file_version", String(80)),
    Column("note", Text, nullable=False),
    Index(None, "flow", "number"),
)
