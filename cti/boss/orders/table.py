"""Orders by an interface table. A row is claimed under our name, taken, and its state written back.

The claim is portable: ``UPDATE … SET lock_by WHERE key IN (SELECT … LIMIT n)``, then a SELECT by the name. The name is
the source's, not the process's: rows that a killed engine had claimed are the next one's, and answering a row again
changes nothing, since an order that comes again gets the first answer.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from gevent.threadpool import ThreadPool
from sqlalchemy import ColumnElement, Connection, MetaData, Table, or_, select, update
from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError

from cti.boss.orders.options import OrderTable
from cti.boss.orders.reading import Reader, SourceFacts
from cti.boss.way import Surroundings
from cti.boss.ways.databases import bound_time, open_engines, reason_of
from cti.core.orders import OrderAnswer
from cti.core.targets import TargetRules

log = logging.getLogger("cti.boss")
T = TypeVar("T")


class _Wrong(Exception):
    """``args[0]``: the reason."""


class TableSource:
    def __init__(
        self,
        name: str,
        options: OrderTable,
        reader: Reader,
        facts: SourceFacts,
        now: Callable[[], float],
        folder: Path,
        targets: TargetRules,
    ) -> None:
        self._name, self._me, self._options = f"orders:{name}", f"cti:{name}", options
        self._reader, self._facts, self._now = reader, facts, now
        self._engine = open_engines(options, Surroundings(name, folder, at_once=1, targets=targets))[1]
        self._pool = ThreadPool(1)
        self._table: Table | None = None
        self.every_s = options.every_s

    def look(self) -> None:
        """Raises StoreUnavailable: claimed rows are taken at the next look."""
        try:
            while rows := self._run(self._claimed):
                answers = [(row[self._options.key], self._taken(row)) for row in rows]
                self._run(lambda connection: self._answered(connection, answers))  # noqa: B023 - run before the next
                if len(rows) < self._options.batch:
                    break
            reason = ""
        except _Wrong as wrong:
            reason = str(wrong.args[0])
        if reason and reason != self._facts.problem:
            log.error("%s: %s", self._name, reason)
        self._facts.problem, self._facts.last_look = reason, self._now()

    def close(self) -> None:
        self._pool.spawn(self._engine.dispose)
        self._pool.join()
        self._pool.kill()

    def _taken(self, row: Mapping[str, Any]) -> OrderAnswer:
        options, own = self._options, self._own
        names = {column: name for name, column in options.columns.items()}
        fields = {names.get(column, column): value for column, value in row.items() if column not in own}
        return self._reader.take(str(row[options.key]), fields)

    @property
    def _own(self) -> frozenset[str]:
        options = self._options
        told = (options.key, options.state, options.lock_by, options.order_id, options.code)
        return frozenset(name for name in told if name is not None)

    # ---- on the thread -----------------------------------------------------------------------------------------------

    def _claimed(self, connection: Connection) -> list[dict[str, Any]]:
        options, table = self._options, self._reflected(connection)
        at, key = table.c, table.c[options.key]
        fresh = at[options.state] == options.new
        some = select(key).where(fresh).order_by(key).limit(options.batch)
        if options.lock_by is None:
            mine: ColumnElement[bool] = key.in_(some.scalar_subquery())
        else:
            lock = at[options.lock_by]
            free = or_(lock.is_(None), lock == "", lock == self._me)
            connection.execute(
                update(table).where(key.in_(some.where(free).scalar_subquery())).values({options.lock_by: self._me})
            )
            mine = lock == self._me
        found = connection.execute(select(table).where(fresh, mine).order_by(key).limit(options.batch))
        return [dict(row) for row in found.mappings()]

    def _answered(self, connection: Connection, answers: list[tuple[Any, OrderAnswer]]) -> None:
        options, table = self._options, self._reflected(connection)
        for key, answer in answers:
            values: dict[str, Any] = {
                options.state: options.accepted if answer.state == "accepted" else options.rejected
            }
            if options.lock_by is not None:
                values[options.lock_by] = None
            if options.order_id is not None:
                values[options.order_id] = answer.order_id
            if options.code is not None:
                values[options.code] = answer.code
            row = (table.c[options.key] == key, table.c[options.state] == options.new)
            connection.execute(update(table).where(*row).values(values))

    def _reflected(self, connection: Connection) -> Table:
        if self._table is None:
            schema, _, name = self._options.table.rpartition(".")
            table = Table(name, MetaData(), schema=schema or None, autoload_with=connection, resolve_fks=False)
            if not self._own | set(self._options.columns.values()) <= set(table.c.keys()):
                raise _Wrong("no-column")
            self._table = table
        return self._table

    def _run(self, work: Callable[[Connection], T]) -> T:
        """Raises _Wrong."""

        def run() -> Any:
            try:
                with self._engine.begin() as connection:
                    bound_time(connection, time.monotonic() + self._options.timeout_s, writes=True)
                    return work(connection)
            except Exception as error:  # noqa: BLE001 - gevent prints what a pool thread raises; told below
                self._table = None  # it may be another one at the next look
                return error

        found: Any = self._pool.spawn(run).get()
        if isinstance(found, _Wrong):
            raise found
        if isinstance(found, NoSuchTableError):
            raise _Wrong("no-table")
        if isinstance(found, SQLAlchemyError):
            raise _Wrong(reason_of(found))
        if isinstance(found, Exception):
            log.error("%s: a bug: %s", self._name, type(found).__name__)
            raise _Wrong(f"bug-{type(found).__name__}")
        done: T = found
        return done
