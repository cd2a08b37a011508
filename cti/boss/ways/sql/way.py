"""The SQL way: each question on a thread of the back end's own pool, so that no driver can hold up the hub.

A thread cannot be interrupted from outside, so it may outlive the caller's deadline; whoever counts what runs at once
(`cti.boss.backend`) counts it until it ends. A database that hangs occupies its own threads and nobody else's.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from gevent.threadpool import ThreadPool
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from cti.boss.way import OUTCOME, Question, Surroundings, WayError
from cti.boss.ways.databases import bound_time, describe, open_engines, reason_of
from cti.boss.ways.sql.options import SqlBackend, SqlTarget
from cti.boss.ways.sql.statements import prepared

log = logging.getLogger("cti.boss")

Fields = Mapping[str, Any]
Work = Callable[[Connection, Question], Fields]


class SqlWay:
    """Implements `cti.boss.way.Way`. Raises ConfigError for a database that can never work."""

    def __init__(self, options: SqlBackend, around: Surroundings) -> None:
        self._name = around.name
        self._reads, self._writes = open_engines(options, around)
        self._pool = ThreadPool(around.at_once)

    def ask(self, question: Question) -> Fields:
        if question.key is None:
            return self._on_thread(self._reads, _read, question)
        return self._on_thread(self._writes, _write, question)

    def probe(self, deadline: float) -> None:
        self._on_thread(self._reads, _greet, Question(None, {}, None, deadline))

    def facts(self) -> Mapping[str, int | float | str]:
        return {"threads": self._pool.size, "busy": len(self._pool)}

    def close(self) -> None:
        if len(self._pool) == 0:  # else a thread still hangs in the database, and waiting for it would hang too
            self._pool.kill()
        for engine in {self._reads, self._writes}:
            engine.dispose()

    def _on_thread(self, engine: Engine, work: Work, question: Question) -> Fields:
        # Returned, not raised: gevent prints what a pool thread raises.
        ended: Fields | WayError = self._pool.spawn(self._ask, engine, work, question).get()  # type: ignore[assignment]
        if isinstance(ended, WayError):
            raise ended
        return ended

    # ---- on a pool thread ------------------------------------------------------------------------------------------

    def _ask(self, engine: Engine, work: Work, question: Question) -> Fields | WayError:
        writes, committing = question.key is not None, False
        if time.monotonic() >= question.deadline:
            return WayError("timeout", "deadline", sent=False)
        try:
            with engine.connect() as connection:
                bound_time(connection, question.deadline, writes=writes)
                fields = work(connection, question)
                if writes and _final(question, fields):
                    committing = True
                    connection.commit()
                return fields
        except WayError as error:  # before anything is final
            return WayError(error.outcome, error.reason, sent=False)
        except SQLAlchemyError as error:
            if time.monotonic() >= question.deadline:
                return WayError("timeout", "stopped", sent=committing)
            log.error("%s: the database failed: %s", self._name, describe(error))
            return WayError("error", reason_of(error), sent=committing)
        except Exception as error:  # noqa: BLE001 - a driver's bug is an outcome too; the type is logged, no data
            log.error("%s: the database's driver broke: %s", self._name, type(error).__name__)
            return WayError("error", f"bug-{type(error).__name__}", sent=writes)


def _greet(connection: Connection, _question: Question) -> Fields:
    connection.execute(text("SELECT 1"))
    return {}


def _read(connection: Connection, question: Question) -> Fields:
    target: SqlTarget = question.target
    assert target.sql is not None
    return _row(connection, target.sql, question.fields, "not_found")


def _write(connection: Connection, question: Question) -> Fields:
    target: SqlTarget = question.target
    assert target.read is not None
    values = {**question.fields, "key": question.key}
    for statement in target.write:
        clause, names = prepared(statement)
        connection.execute(clause, _bound(values, names))
    return _row(connection, target.read, values, "rejected")


def _row(connection: Connection, statement: str, values: Fields, without: str) -> Fields:
    """Raises WayError for several rows, SQLAlchemyError."""
    clause, names = prepared(statement)
    found = connection.execute(clause, _bound(values, names)).mappings().fetchmany(2)
    if len(found) > 1:
        raise WayError("error", "several-rows", sent=True)
    return dict(found[0]) if found else {OUTCOME: without}


def _bound(values: Fields, names: frozenset[str]) -> dict[str, Any]:
    """Only what the statement names: some drivers refuse the rest. Decimals as text, which every driver takes without
    loss."""
    return {name: str(values[name]) if isinstance(values[name], Decimal) else values[name] for name in names}


def _final(question: Question, fields: Fields) -> bool:
    """May it be committed? Raises WayError for an answer that does not fit."""
    if fields.get(OUTCOME) not in (None, "ok"):
        return False
    return question.judge is None or question.judge(fields) == "ok"
