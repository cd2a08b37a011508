"""The one place that knows databases apart, for the ways that go by one: options, engines, time limits, errors."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from cti.boss.way import Finding, Surroundings
from cti.boss.ways.database_hosts import Unconnected, checking, hosts_of
from cti.boss.ways.secrets import secret_of
from cti.config import from_environment
from cti.core.errors import ConfigError
from cti.core.issue import Place
from cti.core.targets import NOT_ALLOWED
from cti.validating import Section

_OPCODES_PER_CHECK = 10_000
_LONGEST_LOCK_MS = 1_000


class DatabaseOptions(Section):
    """``sqlite:///boss.db`` is a file beside the interfaces; ``postgresql+psycopg://user@host/name`` a server."""

    url: str = Field(description="SQLAlchemy URL; `${ENV}` alone is taken from the environment")
    password: str | None = Field(None, description="better: password_file, or ${ENV}")
    password_file: Path | None = None
    connect_s: int = Field(5, ge=1, le=60, description="how long a server may take to let us in")

    @model_validator(mode="after")
    def _one_password(self) -> DatabaseOptions:
        if self.password is not None and self.password_file is not None:
            raise ValueError("write one of password_file and password")
        return self


def prove_url(url: str) -> Iterable[Finding]:
    """What no schema can tell of a URL."""
    if url.startswith("${"):
        return
    try:
        made = make_url(url)
        name = made.get_backend_name()
    except (ArgumentError, ValueError):
        yield Finding(("url",), "bad-url", "write sqlite:///file.db or postgresql+psycopg://user@host/name")
        return
    if made.password is not None:
        yield Finding(("url",), "secret-in-clear", "the password belongs in password_file, or in ${ENV}")
    if name == "sqlite" and not made.database:
        yield Finding(("url",), "bad-url", "a database in memory answers nothing: name a file, sqlite:///file.db")


def open_engines(options: DatabaseOptions, around: Surroundings) -> tuple[Engine, Engine]:
    """(for reads, for writes); the same one where the database itself keeps reads from writing. Raises ConfigError for
    what can never work; a server that is down now is no error."""
    try:
        url = make_url(from_environment(options.url))
        if url.get_backend_name() == "sqlite":
            path = around.folder / (url.database or "")
            return _sqlite(url, path, "ro"), _sqlite(url, path, "rw")
        password = secret_of(options.password, options.password_file, around.folder, "the back end's password")
        timing = {"connect_timeout": options.connect_s} if url.get_backend_name() == "postgresql" else {}
        engine = create_engine(
            url.set(password=password) if password is not None else url,
            pool_size=around.at_once,
            max_overflow=0,
            pool_timeout=options.connect_s,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args=timing,
        )
        _refuse(hosts_of(url), around)
        event.listen(engine, "do_connect", checking(around.targets))
    except (ArgumentError, ValueError, ModuleNotFoundError) as error:
        raise ConfigError(
            f"{around.name}: the url of the database cannot be used: {type(error).__name__}",
            remedy="write sqlite:///path/to/file.db or postgresql+psycopg://user@host/name, and install the driver",
        ) from None
    return engine, engine


def _refuse(hosts: Iterable[tuple[str, int]], around: Surroundings) -> None:
    """Raises ConfigError (target-not-allowed)."""
    for host, port in hosts:
        why = around.targets.refusal(host, port)
        if why is not None:
            raise ConfigError(f"{around.name}: {why}", code=NOT_ALLOWED, remedy="list it at security.targets")


def _sqlite(url: URL, path: Path, mode: str) -> Engine:
    if not path.is_file():
        raise ConfigError("the back end's database does not exist", place=Place(str(path)), remedy="name another file")
    opened = url.set(database=f"file:{_escaped(path)}").update_query_dict({"mode": mode, "uri": "true"})
    return create_engine(opened, poolclass=NullPool, hide_parameters=True)


def _escaped(path: Path) -> str:
    return str(path.resolve()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def bound_time(connection: Connection, deadline: float, *, writes: bool) -> None:
    """Let the database itself stop statements at the deadline, and let a read write nothing."""
    left_ms = max(1, int((deadline - time.monotonic()) * 1000))
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.driver_connection
        driver.execute(f"PRAGMA busy_timeout = {min(left_ms, _LONGEST_LOCK_MS)}")
        driver.set_progress_handler(lambda: time.monotonic() >= deadline, _OPCODES_PER_CHECK)
    elif connection.dialect.name == "postgresql":
        if not writes:
            connection.execute(text("SET TRANSACTION READ ONLY"))
        connection.execute(text(f"SET LOCAL statement_timeout = {left_ms}"))


def reason_of(error: SQLAlchemyError) -> str:
    """A stable code: `sqlite-busy`, `sql-42703` (the SQL state), `unreachable`, `target-not-allowed`, or the
    driver's class."""
    if isinstance(error, Unconnected):
        return error.reason
    origin: Any = getattr(error, "orig", None)
    name, state = getattr(origin, "sqlite_errorname", None), getattr(origin, "sqlstate", None)
    if name:
        return str(name).lower().replace("_", "-")
    if state:
        return f"sql-{str(state).lower()}"
    return "unreachable" if type(error).__name__ == "OperationalError" else f"sql-{type(origin or error).__name__}"


def describe(error: SQLAlchemyError) -> str:
    """What may be logged: SQLite's messages quote SQL; other drivers' may quote data, so only their class and state."""
    origin = getattr(error, "orig", None)
    if origin is not None and type(origin).__module__ == "sqlite3":
        return str(origin)
    return f"{type(origin or error).__name__} {getattr(origin, 'sqlstate', None) or ''}".strip()
