"""The table of writes of the back office. A change here needs a migration."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, String, Table, Text

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
