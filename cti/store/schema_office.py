"""The tables of writes of the back office. A change here needs a migration."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, LargeBinary, String, Table, Text

from cti.store.schema import metadata

#: ``key`` as the back office gets it (call, node and visit; an agent's with the user before it). What was written, and
#: what was answered, is sealed. ``keep_until``: then a line that is not dead goes.
office_writes = Table(
    "office_writes",
    metadata,
    Column("key", String(300), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("state", String(16), nullable=False),
    Column("backend", String(40), nullable=False),
    Column("since", Double, nullable=False),
    Column("inputs_sealed", Text, nullable=False),
    Column("values_sealed", Text, nullable=False),
    Column("keep_until", Double, nullable=False),
    Index(None, "state", "since"),
    Index(None, "keep_until"),
)

#: Writes that clients ordered and do not wait for; ``key`` leads to the line in `office_writes`. ``phase``: ask, tell
#: or over; ``lane``: of its phase, a request's name or a host. ``lease_until``: until then ``worker`` is at it. What
#: was ordered, what was answered, and where that is told, is sealed.
async_requests = Table(
    "async_requests",
    metadata,
    Column("request_id", String(64), primary_key=True),
    Column("user_id", String(64), nullable=False),
    Column("name", String(80), nullable=False),
    Column("key", String(300), nullable=False),
    Column("since", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("state", String(16), nullable=False),
    Column("outcome", String(40), nullable=False),
    Column("phase", String(8), nullable=False),
    Column("lane", String(260), nullable=False),
    Column("due_at", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("told", String(16), nullable=False),
    Column("ended_at", Double),
    Column("worker", String(80), nullable=False),
    Column("lease_until", Double, nullable=False),
    Column("body_sealed", Text, nullable=False),
    Index(None, "phase", "due_at", "lane", "lease_until"),
    Index(None, "user_id", "since", "request_id"),
    Index(None, "key"),
    Index(None, "worker"),
)

#: Answers of look-ups that engines share (`cti.boss.caching`). ``key``: the look-up's name and a blind index.
office_cache = Table(
    "office_cache",
    metadata,
    Column("key", String(300), primary_key=True),
    Column("answer_sealed", LargeBinary, nullable=False),
    Column("keep_until", Double, nullable=False),
    Index(None, "keep_until"),
)
