"""What is said to the two tables, whatever the database. Everything here blocks: for a thread."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as daytime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, DateTime, Engine, Text, column, delete, insert, literal_column, select, table
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.sql.expression import ColumnClause, Select, TableClause

from cti.boss.way import WayError
from cti.boss.ways.databases import bound_time, reason_of
from cti.boss.ways.table.options import TableBackend

#: The longest that a statement may take which no question's deadline bounds.
WORK_S = 10.0
PURGED_AT_ONCE = 500
#: What the row itself is to blame for.
_ROWS_FAULT = (IntegrityError, DataError)


@dataclass(frozen=True, slots=True)
class Row:
    """One question: its key, and a value for each column."""

    key: str
    values: Mapping[str, Any]


class Tables:
    """The two tables of one back end."""

    def __init__(self, options: TableBackend, reads: Engine, writes: Engine) -> None:
        self._reads, self._writes = reads, writes
        self._names, self._days = options.request, options.retention.done_days if options.retention else None
        self._asked, self._key = _table(options.request.table), _text(options.request.key)
        self._answered, self._answer_key = _table(options.response.table), _text(options.response.key)

    def row(self, key: str, op: str, fields: Mapping[str, Any]) -> Row:
        names = self._names
        values = {name: _plain(value) for name, value in fields.items()}
        values[names.key] = key
        if names.op is not None:
            values[names.op] = op
        if names.at is not None:
            values[names.at] = datetime.now(UTC)
        if names.state is not None:
            values[names.state] = names.new
        return Row(key, values)

    def put(self, rows: Sequence[Row]) -> list[WayError | None]:
        """All in one transaction where they fit; one that does not fit keeps no other out. One that is there already is
        as good as new: it is the same request."""
        found = self._insert(rows)
        if found is None:
            return [None] * len(rows)
        if not isinstance(found, _Faulty):
            return [found] * len(rows)
        if len(rows) > 1:
            return [self.put([row])[0] for row in rows]
        return [None if found.twice and self._knows(rows[0].key) else WayError("rejected", found.reason, sent=False)]

    def answers(self, keys: Collection[str]) -> dict[str, list[dict[str, Any]]]:
        """The rows there are, by their key. Raises SQLAlchemyError."""
        statement: Select[Any] = (
            select(literal_column("*")).select_from(self._answered).where(self._answer_key.in_(keys))
        )
        found: dict[str, list[dict[str, Any]]] = {}
        with self._reads.connect() as connection:
            bound_time(connection, time.monotonic() + WORK_S, writes=False)
            for row in connection.execute(statement).mappings():
                found.setdefault(str(row[self._answer_key.name]).rstrip(), []).append(dict(row))
        return found

    def withdraw(self, keys: Collection[str]) -> int:
        """Questions that nobody waits for any more, if the back office has not taken them. Raises SQLAlchemyError."""
        assert self._names.state is not None
        mine = self._key.in_(keys) & (_text(self._names.state) == self._names.new)
        with self._begin() as connection:
            return connection.execute(delete(self._asked).where(mine)).rowcount

    def purge(self) -> int:
        """Rows of both tables that are answered and older than they are kept, some at a time. What the back office has
        not answered stays, however old. Raises SQLAlchemyError."""
        if self._days is None or self._names.at is None:
            return 0
        before = datetime.now(UTC) - timedelta(days=self._days)
        answered = select(self._answer_key).select_from(self._answered)
        old = select(self._key).select_from(self._asked).where(self._column(self._names.at) < before)
        with self._begin() as connection:
            keys = [key for (key,) in connection.execute(old.where(self._key.in_(answered)).limit(PURGED_AT_ONCE))]
            if keys:
                connection.execute(delete(self._answered).where(self._answer_key.in_(keys)))
                connection.execute(delete(self._asked).where(self._key.in_(keys)))
        return len(keys)

    def probe(self, deadline: float) -> None:
        """Are the tables there, with the columns that are named? Raises SQLAlchemyError."""
        with self._reads.connect() as connection:
            bound_time(connection, deadline, writes=False)
            own: list[ColumnClause[Any]] = [column(name) for name in self._names.own if name is not None]
            connection.execute(select(*own).select_from(self._asked).limit(0))
            connection.execute(select(self._answer_key).select_from(self._answered).limit(0))

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _begin(self) -> _Bounded:
        return _Bounded(self._writes)

    def _insert(self, rows: Sequence[Row]) -> WayError | _Faulty | None:
        groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
        for row in rows:
            groups.setdefault(tuple(sorted(row.values)), []).append(row.values)
        committing = False
        try:
            with self._writes.connect() as connection:
                bound_time(connection, time.monotonic() + WORK_S, writes=True)
                for names, values in groups.items():
                    into = table(self._asked.name, *(self._column(name) for name in names), schema=self._asked.schema)
                    connection.execute(insert(into), values)
                committing = True
                connection.commit()
        except _ROWS_FAULT as error:
            return _Faulty(reason_of(error), isinstance(error, IntegrityError))
        except SQLAlchemyError as error:
            return WayError("error", reason_of(error), sent=committing)
        return None

    def _column(self, name: str) -> ColumnClause[Any]:
        return column(name, DateTime(timezone=True)) if name == self._names.at else column(name)

    def _knows(self, key: str) -> bool:
        try:
            with self._reads.connect() as connection:
                bound_time(connection, time.monotonic() + WORK_S, writes=False)
                return (
                    connection.execute(select(self._key).select_from(self._asked).where(self._key == key)).first()
                    is not None
                )
        except SQLAlchemyError:
            return False


@dataclass(frozen=True, slots=True)
class _Faulty:
    """A row does not fit. ``twice``: by a constraint, which its key may be."""

    reason: str
    twice: bool


class _Bounded:
    """A transaction that the database ends by itself."""

    def __init__(self, engine: Engine) -> None:
        self._begins = engine.begin()

    def __enter__(self) -> Connection:
        connection = self._begins.__enter__()
        bound_time(connection, time.monotonic() + WORK_S, writes=True)
        return connection

    def __exit__(self, *how: Any) -> None:
        self._begins.__exit__(*how)


def _table(name: str) -> TableClause:
    schema, _, own = name.rpartition(".")
    return table(own, schema=schema or None)


def _text(name: str) -> ColumnClause[str]:
    return column(name, Text)


def _plain(value: Any) -> Any:
    """As every driver takes it without loss."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return value.isoformat() if isinstance(value, date | daytime) else value
