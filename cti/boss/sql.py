"""`SqlLookups`: questions answered by a database. The first way of the interface server, behind the port of all.

A question runs on a thread of its own pool. A thread cannot be interrupted from outside, so it may outlive the caller's
deadline: its slot in the bulkhead is freed when the *thread* ends, and a back end that hangs occupies at most
``at_once`` threads, never the hub and never another back end.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gevent.lock import BoundedSemaphore
from gevent.threadpool import ThreadPool
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from cti.boss.model import LookupDefinition, RequestDefinition
from cti.core.errors import ConfigError
from cti.core.events import LookupEnded
from cti.core.issue import Place
from cti.core.numbers import normalise_number
from cti.flow.types import BadValue, convert

log = logging.getLogger("cti.boss")

_QUEUE_S = 0.3
_OPCODES_PER_CHECK = 10_000


class SqlLookups:
    """Implements `cti.ports.LookupSource`. ``at_once``: questions in the database at the same time; ``waiting``: more
    that may wait up to 0.3 s for a slot; beyond, the outcome is throttled."""

    def __init__(
        self, definitions: Mapping[str, LookupDefinition], url: str, *, at_once: int = 16, waiting: int = 64
    ) -> None:
        """Raises ConfigError for a url that cannot work. A database that is only down now is no error."""
        self._definitions = dict(definitions)
        self._engine = make_engine(url, at_once)
        self._pool = ThreadPool(at_once)
        self._slots = BoundedSemaphore(at_once)
        self._queue = BoundedSemaphore(waiting)

    def ask(self, source: str, arguments: Mapping[str, Any], deadline_s: float) -> LookupEnded:
        """Blocks this greenlet up to ``deadline_s`` (or the look-up's own deadline, if shorter). Never raises."""
        definition = self._definitions.get(source)
        if definition is None:
            log.error("a flow asks for the look-up '%s', which is not configured", source)
            return LookupEnded(0, "error")
        try:
            values = bind_arguments(definition, arguments)
        except BadValue as error:
            log.warning("%s: an argument is unusable: %s", source, error)
            return LookupEnded(0, "error")
        deadline = time.monotonic() + min(deadline_s, definition.deadline_s)
        if not self._slot(deadline):
            return LookupEnded(0, "timeout" if time.monotonic() >= deadline else "throttled")
        job = self._pool.spawn(self._work, definition, values, deadline)
        job.rawlink(self._free)
        job.wait(timeout=max(0.0, deadline - time.monotonic()))
        ended = job.get(block=False) if job.ready() else None
        return ended if isinstance(ended, LookupEnded) else LookupEnded(0, "timeout")

    def close(self) -> None:
        if len(self._pool) == 0:  # else a thread still hangs in the database, and waiting for it would hang too
            self._pool.kill()
        self._engine.dispose()

    def _slot(self, deadline: float) -> bool:
        if self._slots.acquire(blocking=False):
            return True
        if not self._queue.acquire(blocking=False):
            return False
        try:
            return bool(self._slots.acquire(timeout=max(0.0, min(_QUEUE_S, deadline - time.monotonic()))))
        finally:
            self._queue.release()

    def _free(self, _job: object) -> None:
        self._slots.release()

    # ---- on a pool thread ------------------------------------------------------------------------------------------

    def _work(self, definition: LookupDefinition, values: dict[str, Any], deadline: float) -> LookupEnded:
        left = deadline - time.monotonic()
        if left <= 0:
            return LookupEnded(0, "timeout")  # expired in the queue: the database is not troubled
        try:
            with self._engine.connect() as connection:
                _bound_time(connection, deadline, left)
                found = connection.execute(text(definition.sql), values).mappings().fetchmany(2)
                return _answer(definition, [dict(row) for row in found])
        except BadValue as error:
            log.error("%s: the database's answer does not fit: %s", definition.name, error)
        except SQLAlchemyError as error:
            if time.monotonic() >= deadline:
                return LookupEnded(0, "timeout")
            log.error("%s: the database failed: %s", definition.name, describe_error(error))
        except Exception as error:  # noqa: BLE001 - a driver's bug is an outcome too; the type is logged, no data
            log.error("%s: the look-up broke: %s", definition.name, type(error).__name__)
        return LookupEnded(0, "error")


def bind_arguments(definition: LookupDefinition | RequestDefinition, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Every declared input, converted; phone numbers in the national spelling. Raises BadValue."""
    inputs = definition.signature.inputs
    if unknown := set(arguments) - set(inputs):
        raise BadValue(f"{', '.join(sorted(unknown))} is not among its inputs")
    values: dict[str, Any] = {}
    for name, kind in inputs.items():
        try:
            value = convert(kind, arguments.get(name))
        except BadValue as error:
            raise BadValue(f"{name}: {error}") from None
        if kind.kind == "phone" and value is not None:
            value = normalise_number(value)
        values[name] = str(value) if kind.kind == "decimal" and value is not None else value
    return values


def _answer(definition: LookupDefinition, found: list[dict[str, Any]]) -> LookupEnded:
    if not found:
        return LookupEnded(0, "not_found")
    if len(found) > 1:
        raise BadValue("more than one row; let the SQL choose one (ORDER BY … LIMIT 1)")
    row, signature = found[0], definition.signature
    if "outcome" in row and "outcome" not in signature.outputs and row["outcome"] not in (None, "ok"):
        if row["outcome"] not in signature.outcomes:
            raise BadValue("the column 'outcome' holds one that is not declared")
        return LookupEnded(0, str(row["outcome"]))
    return LookupEnded(0, "ok", answer_values(definition, row))


def answer_values(definition: LookupDefinition | RequestDefinition, row: Mapping[str, Any]) -> dict[str, Any]:
    """The declared outputs, by their types. Raises BadValue."""
    values: dict[str, Any] = {}
    for name, kind in definition.signature.outputs.items():
        if name not in row:
            raise BadValue(f"the SQL gives no column '{name}'")
        try:
            values[name] = convert(kind, row[name])
        except BadValue as error:
            raise BadValue(f"{name}: {error}") from None
    return values


def describe_error(error: SQLAlchemyError) -> str:
    """What may be logged: SQLite's messages quote SQL; other drivers' may quote data, so only their class and state."""
    origin = getattr(error, "orig", None)
    if origin is None:
        return type(error).__name__
    if type(origin).__module__ == "sqlite3":
        return str(origin)
    return f"{type(origin).__name__} {getattr(origin, 'sqlstate', '')}".strip()


# ---- the one place that knows databases apart ---------------------------------------------------------------------


def make_engine(url: str, at_once: int, *, writes: bool = False) -> Engine:
    """Raises ConfigError for a url that cannot work."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(parsed, writes)
        return create_engine(
            parsed, pool_size=at_once, max_overflow=0, pool_timeout=5, pool_pre_ping=True, hide_parameters=True
        )
    except (ArgumentError, ValueError, ModuleNotFoundError) as error:
        raise ConfigError(
            f"the url of the look-ups' database cannot be used: {type(error).__name__}",
            remedy="write sqlite:///path/to/file.db or postgresql+psycopg://user@host/name, and install the driver",
        ) from None


def _sqlite(url: URL, writes: bool) -> Engine:
    path = Path(url.database or "")
    if not path.is_file():
        raise ConfigError("the look-ups' database does not exist", place=Place(str(path)), remedy="name another file")
    mode = {"mode": "rw" if writes else "ro", "uri": "true"}
    opened = url.set(database=f"file:{_escaped(path)}").update_query_dict(mode)
    return create_engine(opened, poolclass=NullPool, hide_parameters=True, connect_args={"timeout": 1.0})


def _escaped(path: Path) -> str:
    return str(path.resolve()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _bound_time(connection: Connection, deadline: float, left: float) -> None:
    """Let the database itself stop a statement at the deadline, and write nothing."""
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.driver_connection
        driver.set_progress_handler(lambda: time.monotonic() >= deadline, _OPCODES_PER_CHECK)
    elif connection.dialect.name == "postgresql":
        connection.execute(text("SET TRANSACTION READ ONLY"))
        connection.execute(text(f"SET LOCAL statement_timeout = {max(1, int(left * 1000))}"))
