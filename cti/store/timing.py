"""How long the database takes, and how often it fails: of every statement on an engine, whoever sends it."""

from __future__ import annotations

import time
from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from cti.core.histogram import Histogram

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.engine import ExceptionContext

_BEGAN = "cti_began"


class DatabaseTimes:
    """Statements run on threads, so the counts have a lock; it is held for less than a microsecond.

    ``errors``: by the kind that SQLAlchemy gives them (OperationalError, IntegrityError, …), of which there are few.
    """

    def __init__(self) -> None:
        self.statements = Histogram()
        self.errors: Counter[str] = Counter()
        self._lock = Lock()

    def watch(self, engine: Engine) -> None:
        event.listen(engine, "before_cursor_execute", self._before)
        event.listen(engine, "after_cursor_execute", self._after)
        event.listen(engine, "handle_error", self._failed)

    def _before(self, connection: Any, _cursor: Any, _sql: str, _values: Any, context: Any, _many: bool) -> None:
        connection.info[_BEGAN] = time.perf_counter()

    def _after(self, connection: Any, _cursor: Any, _sql: str, _values: Any, context: Any, _many: bool) -> None:
        began = connection.info.get(_BEGAN)
        if began is not None:
            with self._lock:
                self.statements.observe(time.perf_counter() - began)

    def _failed(self, context: ExceptionContext) -> None:
        with self._lock:
            self.errors[type(context.sqlalchemy_exception or context.original_exception).__name__] += 1
