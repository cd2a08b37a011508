"""The tables of feeds. A change here needs a migration."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, LargeBinary, PrimaryKeyConstraint, String, Table

from cti.store.schema import metadata


def _name(name: str, length: int) -> Column[str]:
    return Column(name, String(length), nullable=False)


#: One row for each batch; ``written_at`` is empty until it is known to be where it goes, and until then
#: ``data_sealed`` holds what is sent, compressed. ``rows_gone_at``: its `feed_rows` were deleted then.
feed_files = Table(
    "feed_files",
    metadata,
    _name("feed", 40),
    _name("day", 8),
    Column("seq", Integer, nullable=False),
    _name("name", 200),
    Column("rows", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    _name("digest", 64),
    Column("claimed_at", Double, nullable=False),
    Column("written_at", Double),
    Column("data_sealed", LargeBinary),
    Column("oldest_at", Double),
    Column("attempts", Integer, nullable=False),
    _name("failure", 64),
    Column("failed_at", Double),
    Column("rows_gone_at", Double),
    PrimaryKeyConstraint("feed", "day", "seq"),
    Index(None, "feed", "written_at"),
)

#: Which batch a record is in; it is in one at most of a day. ``position``: its line.
feed_rows = Table(
    "feed_rows",
    metadata,
    _name("feed", 40),
    _name("kind", 8),
    _name("record_id", 160),
    _name("day", 8),
    Column("seq", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    PrimaryKeyConstraint("feed", "kind", "record_id", "day"),
    Index(None, "feed", "day", "seq"),
)
