"""The way by interface tables: a row is written, and the back office writes one with the same key.

A request's key is the row's, so that the same request is the same row, whoever asks again and after whatever kill.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping
from typing import Any

from cti.boss.mapping import KEY
from cti.boss.way import OUTCOME, Question, Surroundings, WayError
from cti.boss.ways.databases import open_engines
from cti.boss.ways.table.options import TableBackend, TableTarget
from cti.boss.ways.table.statements import Tables
from cti.boss.ways.table.waiting import Waiter, Waiting

log = logging.getLogger("cti.boss")


class TableWay:
    """Implements `cti.boss.way.Way`. Raises ConfigError for a database that can never work."""

    def __init__(self, options: TableBackend, around: Surroundings) -> None:
        self._name = around.name
        self._engines = open_engines(options, around)
        self._tables = Tables(options, *self._engines)
        shortest, longest = options.response.poll_ms
        self._waiting = Waiting(
            around.name,
            self._tables,
            (shortest / 1000, longest / 1000),
            options.response.batch,
            withdraws=options.request.state is not None,
        )

    def ask(self, question: Question) -> Mapping[str, Any]:
        target: TableTarget = question.target
        if time.monotonic() >= question.deadline:
            raise WayError("timeout", "deadline", sent=False)
        read = question.key is None
        key = uuid.uuid4().hex if question.key is None else question.key
        fields = {name: value for name, value in question.fields.items() if read or name != KEY}
        waiter = Waiter(self._tables.row(key, target.op, fields), read=read)
        try:
            rows = self._waiting.ask(waiter, question.deadline)
        except WayError as error:
            if error.outcome != "rejected" or read:
                raise
            log.warning("%s: the table refuses a request: %s", self._name, error.reason)
            return {OUTCOME: "rejected"}
        if len(rows) > 1:
            raise WayError("error", "several-rows", sent=True)
        return rows[0]

    def probe(self, deadline: float) -> None:
        self._waiting.probe(deadline)

    def facts(self) -> Mapping[str, int | float | str]:
        told, waiting = {}, self._waiting
        if waiting.trouble:
            told["trouble"] = waiting.trouble
        return {
            "unwritten": waiting.unwritten,
            "outstanding": waiting.outstanding,
            "looks": waiting.looks,
            "late": waiting.late,
            "purged": waiting.purged,
            **told,
        }

    def close(self) -> None:
        self._waiting.close()
        for engine in set(self._engines):
            engine.dispose()
