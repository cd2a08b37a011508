"""One SQLite database in memory for all engines of a run: what was committed outlives the engine that is killed."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import gevent
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.pool import StaticPool

import cti.store.database as database_module
from tests.store.template import compiled_once

from .virtual_time import engine_of

#: What SQLite says of each fault.
_SAYS = {
    "locked": ("database is locked", sqlite3.SQLITE_BUSY),
    "full": ("database or disk is full", sqlite3.SQLITE_FULL),
}


#: What an engine may do that owns no calls any more: jobs have leases of their own, whoever has the file of a recording
#: seals it, and what became of a write to the back office that was sent before is good to know.
_BESIDES = (
    "SELECT",
    "BEGIN",
    "UPDATE job_leases",
    "UPDATE recordings",
    "DELETE FROM async_requests",
    "DELETE FROM inbound_orders",
    "DELETE FROM office_writes",
    "UPDATE office_writes",
)


class Database:
    """``owner``: number of the engine that runs now; statements of those before it are refused. ``fault``: what
    those who write meet meanwhile, ``locked`` as they begin or ``full`` as they commit; empty: nothing. ``met``: how
    often what was met. ``taken_over``: engines in whose place another one has begun; ``stale``: what they have
    changed all the same."""

    def __init__(self, image: bytes = b"") -> None:
        self.raw = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        if image:
            self.raw.deserialize(image)
        self.owner = 0
        self.fault = ""
        self.met: Counter[str] = Counter()
        self.taken_over: set[int] = set()
        self.stale: list[str] = []

    def image(self) -> bytes:
        return self.raw.serialize()

    def engine(self, url: URL, **_: Any) -> Engine:
        """In the place of `cti.store.database.make_engine`: belongs to the engine that runs now."""
        Path(url.database or "").touch()  # the store looks whether its file is still there
        lent = _Lent(self)
        made = compiled_once(create_engine("sqlite://", creator=lambda: lent, poolclass=StaticPool))
        database_module._tune_sqlite(made, read_only=False)
        return made

    def kill(self) -> None:
        """Whoever used it is dead: what was not committed is gone."""
        self.owner += 1
        if self.raw.in_transaction:
            self.raw.rollback()

    def check(self, owner: int) -> None:
        if owner != self.owner:
            self.met["statement of a dead engine"] += 1
            raise sqlite3.OperationalError("this process is dead")

    def trouble(self, fault: str) -> None:
        if self.fault == fault:
            self.met[f"store {fault}"] += 1
            text, code = _SAYS[fault]
            error = sqlite3.OperationalError(text)
            error.sqlite_errorcode = code
            raise error


class _Cursor(sqlite3.Cursor):
    lent: _Lent

    def execute(self, *arguments: Any) -> Any:
        self.lent.database.check(self.lent.owner)
        if arguments[0] == "BEGIN IMMEDIATE":
            self.lent.database.trouble("locked")
            self.lent.changes = self.lent.database.raw.total_changes
            self.lent.asked.clear()
        self.lent.asked.append(arguments[0])
        return super().execute(*arguments)

    def executemany(self, *arguments: Any) -> Any:
        self.lent.database.check(self.lent.owner)
        self.lent.asked.append(arguments[0])
        return super().executemany(*arguments)


class _Lent:
    """The connection as one engine has it: all have the same, so none closes it."""

    def __init__(self, database: Database) -> None:
        self.database, self.owner = database, database.owner
        self.engine = engine_of(gevent.getcurrent())
        self.changes: int | None = None  # of the database, when a transaction that writes began
        self.asked: list[str] = []  # in it

    def __getattr__(self, name: str) -> Any:
        return getattr(self.database.raw, name)

    def cursor(self) -> sqlite3.Cursor:
        made = self.database.raw.cursor(_Cursor)
        made.lent = self
        return made

    def commit(self) -> None:
        self.database.check(self.owner)
        before, self.changes = self.changes, None
        if before is not None and self.database.raw.total_changes != before:
            self.database.trouble("full")
            if self.engine in self.database.taken_over:
                self.database.stale += [one for one in self.asked if not one.startswith(_BESIDES)]
        self.database.raw.commit()

    def rollback(self) -> None:
        self.changes = None
        if self.owner == self.database.owner:
            self.database.raw.rollback()

    def close(self) -> None:
        """It stays; what was not committed is gone."""
        if self.database.raw.in_transaction:
            self.rollback()
