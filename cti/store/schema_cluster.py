"""The tables of what the processes of a cluster tell each other. A change here needs a migration."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, LargeBinary, String, Table, Text

from cti.store.schema import metadata

#: Who is there. ``beats`` goes on while the process lives; ``generation`` with each time that it comes anew, and when
#: another has found it gone. No time is compared: ``since`` (seconds since the epoch) is for people.
cluster_members = Table(
    "cluster_members",
    metadata,
    Column("address", String(160), primary_key=True),
    Column("run", String(64), nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("beats", BigInteger, nullable=False),
    Column("gone", Boolean, nullable=False),
    Column("draining", Boolean, nullable=False),
    Column("roles", String(100), nullable=False),
    Column("api", String(200), nullable=False),
    Column("switches", Text, nullable=False),  # names, a JSON list
    Column("since", Double, nullable=False),
)

#: Nodes and addresses that people have told to drain.
cluster_drains = Table(
    "cluster_drains",
    metadata,
    Column("target", String(160), primary_key=True),
    Column("since", Double, nullable=False),
)

#: Messages on their way. ``sender`` and ``recipient``: run and generation. ``body`` is sealed, since callers' numbers
#: are in it. A row goes when it was taken.
cluster_messages = Table(
    "cluster_messages",
    metadata,
    Column("sender", String(90), primary_key=True),
    Column("recipient", String(90), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(80), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_cluster_messages_recipient", "recipient", "sender", "sequence"),
)
