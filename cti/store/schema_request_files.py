"""The tables of questions by file. A change here needs a migration."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, LargeBinary, PrimaryKeyConstraint, String, Table

from cti.store.schema import metadata


def _name(name: str, length: int) -> Column[str]:
    return Column(name, String(length), nullable=False)


#: One question; ``day`` and ``seq``: of the file it is in, empty while it waits for one. ``expires_at``: of a look-up,
#: which nobody waits for then. The row goes when it is in a file; the answer is sealed.
request_rows = Table(
    "request_rows",
    metadata,
    _name("backend", 40),
    _name("key", 300),
    Column("asked_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("row_sealed", LargeBinary),
    Column("day", String(8)),
    Column("seq", Integer),
    Column("answered_at", Double),
    Column("answer_sealed", LargeBinary),
    PrimaryKeyConstraint("backend", "key"),
    Index(None, "backend", "seq", "asked_at"),
)

#: ``content_sealed``: names and contents, until the file is written. ``ready_at``: from then on its last name may have
#: been given. ``lease_until``: until then ``worker`` is at it.
request_files = Table(
    "request_files",
    metadata,
    _name("backend", 40),
    _name("day", 8),
    Column("seq", Integer, nullable=False),
    _name("name", 200),
    Column("rows", Integer, nullable=False),
    Column("content_sealed", LargeBinary),
    Column("claimed_at", Double, nullable=False),
    Column("ready_at", Double),
    Column("written_at", Double),
    _name("worker", 80),
    Column("lease_until", Double, nullable=False),
    PrimaryKeyConstraint("backend", "day", "seq"),
    Index(None, "backend", "written_at"),
)

#: Files of answers that were taken up, each once.
answer_files = Table(
    "answer_files",
    metadata,
    _name("backend", 40),
    _name("name", 200),
    _name("digest", 64),
    Column("size", Integer, nullable=False),
    Column("taken_at", Double, nullable=False),
    PrimaryKeyConstraint("backend", "name"),
    Index(None, "backend", "digest"),
)
