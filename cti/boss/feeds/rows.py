"""An interface table as a feed's destination: each record a row, a batch one transaction."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Boolean, Connection, DateTime, Engine, MetaData, Numeric, Table, insert, select
from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError

from cti.boss.feeds.destination import FeedUndelivered, OnThread
from cti.boss.feeds.lines import read_json
from cti.boss.feeds.options import FeedTable
from cti.boss.way import Surroundings
from cti.boss.ways.databases import bound_time, open_engines, reason_of
from cti.core.feeds import FeedFile

_CHUNK = 500


class TableDestination:
    """``columns`` empty: theirs have the names of ours. Rows of a batch that are there already are not written again;
    the receiver's unique key, where it has one, is over feed, number and position."""

    def __init__(self, options: FeedTable, around: Surroundings, on_thread: OnThread) -> None:
        self._options, self._on_thread = options, on_thread
        self._engine: Engine = open_engines(options, around)[1]
        self._table: Table | None = None

    def deliver(self, file: FeedFile, data: bytes) -> None:
        self._on_thread(self._put, (file, data))

    def fetch(self, name: str) -> bytes | None:
        """Rows belong to who takes them."""
        return None

    def close(self) -> None:
        self._on_thread(self._engine.dispose, ())

    # ---- on a thread -------------------------------------------------------------------------------------------------

    def _put(self, file: FeedFile, data: bytes) -> None:
        try:
            records = list(read_json(data))
            with self._engine.begin() as connection:
                bound_time(connection, time.monotonic() + self._options.timeout_s, writes=True)
                table = self._reflected(connection)
                names = self._names(table, records)
                there = self._there(connection, table, names, file)
                rows = [_row(table, names, record) for record in records if record["position"] not in there]
                for start in range(0, len(rows), _CHUNK):
                    connection.execute(insert(table), rows[start : start + _CHUNK])
        except NoSuchTableError:
            raise FeedUndelivered("no-table") from None
        except SQLAlchemyError as error:
            raise FeedUndelivered(reason_of(error)) from None
        except (ValueError, ArithmeticError):
            raise FeedUndelivered("bad-value") from None

    def _reflected(self, connection: Connection) -> Table:
        if self._table is None:
            schema, _, name = self._options.table.rpartition(".")
            self._table = Table(name, MetaData(), schema=schema or None, autoload_with=connection, resolve_fks=False)
        return self._table

    def _names(self, table: Table, records: list[dict[str, Any]]) -> Mapping[str, str]:
        """Ours -> theirs. Raises FeedUndelivered."""
        names = self._options.columns or {name: name for name in (records[0] if records else ())}
        if not set(names.values()) <= set(table.c.keys()):
            self._table = None  # it may be there at the next attempt
            raise FeedUndelivered("no-column")
        return names

    def _there(self, connection: Connection, table: Table, names: Mapping[str, str], file: FeedFile) -> set[int]:
        if not names:
            return set()
        at = table.c
        mine = (at[names["feed"]] == file.feed) & (at[names["number"]] == file.number)
        return {int(found) for found in connection.execute(select(at[names["position"]]).where(mine)).scalars()}


def _row(table: Table, names: Mapping[str, str], record: Mapping[str, Any]) -> dict[str, Any]:
    return {theirs: _fit(table.c[theirs].type, record[ours]) for ours, theirs in names.items()}


def _fit(type_: Any, value: Any) -> Any:
    """As the column wants it: times as times, flags as flags or numbers."""
    if value is None or value == "":
        return None if not isinstance(value, str) or isinstance(type_, DateTime | Numeric) else value
    if isinstance(type_, DateTime):
        at = datetime.fromisoformat(value)
        return at if type_.timezone else at.replace(tzinfo=None)
    if isinstance(value, bool):
        return value if isinstance(type_, Boolean) else int(value)
    if isinstance(value, Decimal):
        return value if isinstance(type_, Numeric) and type_.asdecimal else float(value)
    return value
