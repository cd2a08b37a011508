"""The one place that knows databases apart: engine settings, upsert, locks, and what their errors mean."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import NullPool

from cti.core.errors import ConfigError, StoreUnavailable
from cti.store.fixed import run_one

_MIGRATION_LOCK = 0x43544931  # an arbitrary number, ours alone: the advisory lock for migrations on PostgreSQL


@dataclass(frozen=True, slots=True)
class Endings:
    """How many connections to PostgreSQL one process has at most, and when what it waits for ends. In seconds.

    ``wait_s``: for a free connection. ``statement_s`` and ``lock_s`` are kept by the server, which ends the statement;
    ``statement_s`` is shorter than callers wait for an answer, so that no thread stays behind. ``idle_s``: a
    transaction whose process was stopped gives its locks back.
    """

    connections: int = 15
    wait_s: float = 5.0
    connect_s: float = 5.0
    statement_s: float = 8.0
    lock_s: float = 5.0
    idle_s: float = 30.0

    def brief(self, connections: int) -> Endings:
        """For signs of life, which are good for a moment only."""
        return Endings(connections, wait_s=1.0, connect_s=2.0, statement_s=2.0, lock_s=1.5, idle_s=3.0)

    def arguments(self, options: object) -> dict[str, Any]:
        """For libpq. ``options``: those of the URL."""
        kept = {
            "statement_timeout": self.statement_s,
            "lock_timeout": self.lock_s,
            "idle_in_transaction_session_timeout": self.idle_s,
        }
        ours = [f"-c {name}={max(1, round(seconds * 1000))}" for name, seconds in kept.items()]
        return {
            "connect_timeout": max(2, round(self.connect_s)),  # libpq takes whole seconds, and 2 at least
            "options": " ".join([*([str(options)] if options else []), *ours]),
            # A server whose machine or network is gone says nothing: known within `statement_s` and a moment.
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": round((self.statement_s + 2.0) * 1000),
        }


ENDINGS = Endings()


def parse_url(url: str) -> URL:
    """Raises ConfigError for what is not a usable database URL."""
    remedy = "write sqlite:///path/to/cti.db or postgresql+psycopg://user@host/name"
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError("the store's url is not a database url", remedy=remedy) from None
    backend = parsed.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise ConfigError(f"the store does not work on '{backend}'", remedy=remedy)
    if backend == "sqlite" and file_of(parsed) is None:
        raise ConfigError("a database in memory would forget every call", remedy=remedy)
    return parsed


def file_of(url: URL) -> Path | None:
    """The database file of an SQLite URL; None for other databases and for one in memory."""
    name = url.database
    if url.get_backend_name() != "sqlite" or not name or name == ":memory:":
        return None
    path = name.removeprefix("file:").partition("?")[0]
    return Path(path) if path and path != ":memory:" else None


def make_engine(url: URL, *, busy_s: float, read_only: bool, endings: Endings = ENDINGS) -> Engine:
    """Raises ConfigError: folder missing, driver not installed."""
    file = file_of(url)
    if file is not None and not file.parent.is_dir():
        raise ConfigError(f"the folder {file.parent} of the database does not exist", remedy=f"mkdir -p {file.parent}")
    try:
        if file is None:
            return create_engine(
                url,
                connect_args=endings.arguments(url.query.get("options")),
                pool_pre_ping=True,
                pool_size=min(5, endings.connections),
                max_overflow=max(0, endings.connections - 5),
                pool_timeout=endings.wait_s,
            )
        # A connection per use: it costs about 0.2 ms and no lock is shared between threads and greenlets.
        engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": busy_s, "check_same_thread": False})
    except (ModuleNotFoundError, ArgumentError) as error:
        raise ConfigError(
            f"no driver for {url.drivername}: {error}", remedy="for PostgreSQL: scripts/setup postgresql"
        ) from None
    _tune_sqlite(engine, read_only)
    return engine


def _tune_sqlite(engine: Engine, read_only: bool) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # BEGIN is ours: the driver's own begins too late to be exclusive
        cursor = connection.cursor()
        try:
            if read_only:
                cursor.execute("PRAGMA query_only=ON")
                return
            cursor.execute("PRAGMA foreign_keys=ON")
            if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA secure_delete=ON")  # a deleted key of a call is overwritten, not left in a free page
            # FULL: a flushed record outlives a power failure; group commit makes the sync affordable.
            cursor.execute("PRAGMA synchronous=FULL")
        finally:
            cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # IMMEDIATE takes the write lock at once, where waiting for it is allowed; upgrading a read lock later is not.
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def lock_for_migration(connection: Connection) -> None:
    """Two processes that start at once migrate one after the other. SQLite's write transaction does that already."""
    if connection.dialect.name == "postgresql":
        # A large table takes its time, and so does the other process that migrates.
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})


# Statements are built once for each kind of database and kept, since building one takes longer than running it.


def insert_ignoring(connection: Connection, table: Table) -> Any:
    """INSERT that leaves a row with the same primary key as it is."""
    return _ignoring(connection.dialect.name, table)


def insert_new(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Insert ``row``; False: one with its primary key is there, and stays as it is."""
    # Counted by what comes back: how many rows an INSERT has made is not what every driver tells.
    key = next(iter(table.primary_key.columns))
    return connection.execute(insert_ignoring(connection, table).values(row).returning(key)).first() is not None


def insert_or_complete(connection: Connection, table: Table, columns: tuple[str, ...], when: str) -> Any:
    """INSERT that, on the same primary key, sets ``columns`` — if the new row has a value in ``when``."""
    return _completing(connection.dialect.name, table, columns, when)


def insert_or_exceed(connection: Connection, table: Table, columns: tuple[str, ...], by: str) -> Any:
    """INSERT that, on the same primary key, sets ``columns`` — if the new row's ``by`` is more than the one there."""
    return _exceeding(connection.dialect.name, table, columns, by)


def insert_or_add(connection: Connection, table: Table, column: str) -> Any:
    """INSERT that, on the same primary key, adds ``column`` to the value that is there."""
    return _adding(connection.dialect.name, table, column)


def insert_fresh(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> list[str]:
    """Insert the rows whose key (of one column, each only once in ``rows``) is not there; their keys."""
    return _told(connection, _telling(connection.dialect.name, table), rows)


def complete_fresh(
    connection: Connection, table: Table, rows: list[dict[str, Any]], columns: tuple[str, ...]
) -> list[str]:
    """Set ``columns`` of the rows, all of them there, that have no ``ended_at`` yet; the keys of those."""
    return _told(connection, _ending(connection.dialect.name, table, columns), rows)


def _told(connection: Connection, statement: Any, rows: list[dict[str, Any]]) -> list[str]:
    """The keys that the statement returns for the rows."""
    if not rows:
        return []
    if len(rows) == 1:
        return list(run_one(connection, statement, rows[0]).scalars())
    return list(connection.execute(statement, rows).scalars())  # many rows in one statement


@cache
def _ignoring(dialect: str, table: Table) -> Any:
    return _insert(dialect, table).on_conflict_do_nothing(index_elements=list(table.primary_key.columns))


@cache
def _telling(dialect: str, table: Table) -> Any:
    (key,) = table.primary_key.columns
    return _ignoring(dialect, table).returning(key)


@cache
def _completing(dialect: str, table: Table, columns: tuple[str, ...], when: str) -> Any:
    insert = _insert(dialect, table)
    return _setting(insert, table, columns, insert.excluded[when].is_not(None))


@cache
def _exceeding(dialect: str, table: Table, columns: tuple[str, ...], by: str) -> Any:
    insert = _insert(dialect, table)
    return _setting(insert, table, columns, insert.excluded[by] > table.c[by])


@cache
def _ending(dialect: str, table: Table, columns: tuple[str, ...]) -> Any:
    (key,) = table.primary_key.columns
    return _setting(_insert(dialect, table), table, columns, table.c.ended_at.is_(None)).returning(key)


@cache
def _adding(dialect: str, table: Table, column: str) -> Any:
    insert = _insert(dialect, table)
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={column: table.c[column] + insert.excluded[column]},
    )


def _setting(insert: Any, table: Table, columns: tuple[str, ...], where: Any) -> Any:
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: insert.excluded[name] for name in columns},
        where=where,
    )


def _insert(dialect: str, table: Table) -> Any:
    kind: Any = postgresql if dialect == "postgresql" else sqlite
    return kind.insert(table)


def is_refusal(error: BaseException) -> bool:
    """True when the database refuses the data itself, so that trying again cannot help."""
    if isinstance(error, (IntegrityError, DataError)):
        return True
    return isinstance(error, StatementError) and not isinstance(error, DBAPIError)


_SQLITE_SAYS = {
    sqlite3.SQLITE_BUSY: ("is locked by another process", "find who holds it (fuser, lsof); writing goes on by itself"),
    sqlite3.SQLITE_LOCKED: ("is locked", "writing goes on by itself"),
    sqlite3.SQLITE_READONLY: ("is read-only", "give this user the right to write the file and its folder"),
    sqlite3.SQLITE_PERM: ("may not be opened", "give this user the right to write the file and its folder"),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "check that the path is a file, its folder exists and is writable"),
    sqlite3.SQLITE_FULL: ("cannot grow: the disk is full", "make room; writing goes on by itself"),
    sqlite3.SQLITE_IOERR: ("cannot be read or written (disk error)", "check the disk and the kernel log"),
    sqlite3.SQLITE_CORRUPT: ("is damaged", "move it away and restore a backup (sqlite3 FILE .recover may save more)"),
    sqlite3.SQLITE_NOTADB: ("is not a database", "name another path, or move that file away"),
}


_POSTGRESQL_SAYS = {
    "57014": ("took too long over a statement", "find what loads it; `store: {pool: {statement_s}}`"),
    "55P03": ("is held up by a lock of another transaction", "find who holds it (pg_locks)"),
    "53300": ("has no connections left", "raise its max_connections, or lower `store: {pool: {connections}}`"),
    "25P03": ("ended a transaction that stood still", "the process or its machine was stopped for a while"),
    "57P01": ("was shut down", "start it; writing goes on by itself"),
    "57P03": ("is starting or stopping", "wait; writing goes on by itself"),
}


def unavailable(error: Exception, url: URL) -> StoreUnavailable:
    """What a database error means to a person: which database, what is wrong, what to do. Holds no data of a row."""
    if isinstance(error, StoreUnavailable):
        return error
    where = str(file_of(url) or url.render_as_string(hide_password=True))
    origin = getattr(error, "orig", None) or error
    code = getattr(origin, "sqlite_errorcode", None)
    if isinstance(code, int) and (code & 0xFF) in _SQLITE_SAYS:
        what, remedy = _SQLITE_SAYS[code & 0xFF]
        return StoreUnavailable(f"the database {where} {what}", remedy=remedy)
    if isinstance(error, PoolTimeout):
        return StoreUnavailable(
            f"all connections to the database {where} are in use",
            remedy="find what holds them (pg_stat_activity), or raise `store: {pool: {connections}}`",
        )
    state = getattr(origin, "sqlstate", None)
    if state in _POSTGRESQL_SAYS:
        what, remedy = _POSTGRESQL_SAYS[state]
        return StoreUnavailable(f"the database {where} {what}", remedy=remedy)
    first_line = (str(origin).splitlines() or [""])[0][:200]
    known = isinstance(error, (SQLAlchemyError, OSError, sqlite3.Error))
    return StoreUnavailable(f"the database {where} failed: {first_line if known else type(error).__name__}")
