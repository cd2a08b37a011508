"""`SqlRequests`: writes by a database, each in one transaction and once for each key.

A request that is not heard of again may have been written or not: its outcome is unknown, and asking again with the
same key tells. A thread that hangs in the database keeps its slot, as in `cti.boss.sql`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from gevent.lock import BoundedSemaphore
from gevent.threadpool import ThreadPool
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from cti.boss.model import RequestDefinition
from cti.boss.reading import KEY
from cti.boss.sql import answer_values, bind_arguments, describe_error, make_engine
from cti.core.events import RequestEnded
from cti.flow.types import BadValue

log = logging.getLogger("cti.boss")


class SqlRequests:
    """Implements `cti.ports.RequestSink`. ``at_once``: writes in the database at the same time; more are throttled."""

    def __init__(self, definitions: Mapping[str, RequestDefinition], url: str, *, at_once: int = 8) -> None:
        """Raises ConfigError for a url that cannot work. A database that is only down now is no error."""
        self._definitions = dict(definitions)
        self._engine = make_engine(url, at_once, writes=True)
        self._pool = ThreadPool(at_once)
        self._slots = BoundedSemaphore(at_once)

    def request(self, source: str, arguments: Mapping[str, Any], key: str) -> RequestEnded:
        """Blocks this greenlet up to the request's own deadline. Never raises."""
        definition = self._definitions.get(source)
        if definition is None:
            log.error("a flow requests '%s', which is not configured", source)
            return RequestEnded(0, "error")
        try:
            values = bind_arguments(definition, arguments)
        except BadValue as error:
            log.warning("%s: an argument is unusable: %s", source, error)
            return RequestEnded(0, "rejected")
        if not self._slots.acquire(blocking=False):
            return RequestEnded(0, "throttled")
        job = self._pool.spawn(self._work, definition, {**values, KEY: key})
        job.rawlink(self._free)
        job.wait(timeout=definition.deadline_s)
        ended = job.get(block=False) if job.ready() else None
        return ended if isinstance(ended, RequestEnded) else RequestEnded(0, "unknown")

    def close(self) -> None:
        if len(self._pool) == 0:  # as in `SqlLookups.close`
            self._pool.kill()
        self._engine.dispose()

    def _free(self, _job: object) -> None:
        self._slots.release()

    # ---- on a pool thread ------------------------------------------------------------------------------------------

    def _work(self, definition: RequestDefinition, values: dict[str, Any]) -> RequestEnded:
        committing = False
        try:
            with self._engine.connect() as connection:
                ended = _write(connection, definition, values)
                if ended.outcome == "done":
                    committing = True
                    connection.commit()
                return ended
        except BadValue as error:
            log.error("%s: the database's answer does not fit, nothing was written: %s", definition.name, error)
        except SQLAlchemyError as error:
            log.error("%s: the database failed: %s", definition.name, describe_error(error))
            if committing:
                return RequestEnded(0, "unknown")
        except Exception as error:  # noqa: BLE001 - a driver's bug is an outcome too; the type is logged, no data
            log.error("%s: the request broke: %s", definition.name, type(error).__name__)
            return RequestEnded(0, "unknown")
        return RequestEnded(0, "error")


def _write(connection: Connection, definition: RequestDefinition, values: dict[str, Any]) -> RequestEnded:
    """All statements, not yet committed. Raises BadValue, SQLAlchemyError."""
    for statement in definition.write:
        connection.execute(text(statement), _bound(statement, values))
    found = connection.execute(text(definition.read), _bound(definition.read, values)).mappings().fetchmany(2)
    if not found:
        return RequestEnded(0, "rejected")
    if len(found) > 1:
        raise BadValue("more than one row; 'read' finds what was written under one key")
    row = dict(found[0])
    if "outcome" not in definition.signature.outputs and row.get("outcome") not in (None, "done"):
        if row["outcome"] != "rejected":
            raise BadValue("the column 'outcome' holds neither done nor rejected")
        return RequestEnded(0, "rejected")
    return RequestEnded(0, "done", answer_values(definition, row))


def _bound(statement: str, values: dict[str, Any]) -> dict[str, Any]:
    """Only what this statement names: some drivers refuse the rest."""
    return {name: values[name] for name in text(statement).compile().params}
