"""Answers look-ups from a database: bound parameters only, on threads of its own, within the deadline."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import gevent
import sqlalchemy as sa
from gevent.threadpool import ThreadPool

from cti.boss.definitions import LookupDefinition
from cti.core.events import LookupEnded
from cti.flow import types as t
from cti.flow.catalog import LookupSignature

log = logging.getLogger("cti.boss")

#: Statements at once. A database that hangs fills these and nothing else: the next look-ups are throttled at once.
AT_ONCE = 16


class SqlLookups:
    """Implements `cti.ports.LookupSource`.

    A statement whose caller has stopped waiting goes on in its thread and keeps its slot until the database answers,
    so that a slow database is not asked ever more.
    """

    def __init__(self, lookups: Mapping[str, LookupDefinition], url: str, *, at_once: int = AT_ONCE) -> None:
        self._lookups = dict(lookups)
        self._engine = sa.create_engine(url, pool_size=at_once, max_overflow=0, pool_pre_ping=True)
        self._threads = ThreadPool(at_once)
        self._at_once = at_once
        self._running = 0

    def signatures(self) -> dict[str, LookupSignature]:
        return {name: found.signature for name, found in self._lookups.items()}

    def ask(self, source: str, arguments: Mapping[str, Any], deadline_s: float) -> LookupEnded:
        """Outcome ok, not_found, timeout, throttled or error; never raises. Logs no value."""
        definition = self._lookups.get(source)
        if definition is None:
            log.error("look-up %s is not configured", source)
            return LookupEnded(0, "error")
        try:
            bound = {name: t.convert(kind, arguments.get(name)) for name, kind in definition.signature.inputs.items()}
        except t.BadValue as bad:
            log.warning("look-up %s: %s", source, bad)
            return LookupEnded(0, "error")
        if self._running >= self._at_once:
            return LookupEnded(0, "throttled")
        self._running += 1
        asked = self._threads.spawn(self._query, definition, bound)
        asked.rawlink(self._finished)
        try:
            return self._answer(definition, asked.get(timeout=min(deadline_s, definition.deadline_s)))
        except gevent.Timeout:
            return LookupEnded(0, "timeout")
        except sa.exc.SQLAlchemyError as error:
            log.warning("look-up %s: %s", source, type(error).__name__)
            return LookupEnded(0, "error")

    def close(self) -> None:
        self._threads.kill()
        self._engine.dispose()

    def _finished(self, _: object) -> None:
        self._running -= 1

    def _query(self, definition: LookupDefinition, bound: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """In a thread. One row or None."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.text(definition.sql), dict(bound)).mappings().first()
            return None if row is None else dict(row)

    def _answer(self, definition: LookupDefinition, row: Mapping[str, Any] | None) -> LookupEnded:
        if row is None:
            return LookupEnded(0, "not_found")
        try:
            values = {name: t.convert(kind, row.get(name)) for name, kind in definition.signature.outputs.items()}
        except t.BadValue as bad:
            log.error("%s: look-up %s: the database's answer does not fit: %s", definition.place, definition.name, bad)
            return LookupEnded(0, "error")
        return LookupEnded(0, "ok", values)
