"""The audit: lines are added, and read. Nothing here changes or deletes one, and triggers of the database forbid it.

Whoever gets around the triggers is found by the chain over the lines (`audit_chain`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, select
from sqlalchemy.engine import URL

from cti.core.access import AuditLine, Author
from cti.store.audit_chain import Head, link, use_sealer
from cti.store.audit_proof import Proof, prove
from cti.store.repository import Repository
from cti.store.rows import clean
from cti.store.schema_people import audit
from cti.store.sealing import Sealer


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Only what is set narrows. Times in seconds since the epoch, ``until`` excluded."""

    user: str | None = None  # name or id
    action: str | None = None
    permission: str | None = None
    target: str | None = None
    allowed: bool | None = None
    since: float | None = None
    until: float | None = None


class Audit(Repository):
    def __init__(self, engine: Engine, url: URL, sealer: Sealer) -> None:
        super().__init__(engine, url)
        self._sealer = sealer
        use_sealer(engine, sealer)

    def prove(self, noted: Head | None = None) -> Proof:
        """Is every line there, as it was written? Reads all of them."""
        return prove(self._read, self._sealer, noted)

    def add(self, line: AuditLine) -> None:
        """A decision that changes nothing in the database: a refusal, an unmasked read. On return it is written."""
        self._write(lambda connection: append(connection, line))

    def lines(self, *, limit: int, before: int | None = None, where: AuditFilter | None = None) -> list[AuditLine]:
        """The newest first; ``before`` is a `number` to go on from."""
        query = select(audit).order_by(audit.c.number.desc()).limit(limit)
        if before is not None:
            query = query.where(audit.c.number < before)
        for condition in _conditions(where or AuditFilter()):
            query = query.where(condition)
        return self._read(lambda connection: [_line(row) for row in connection.execute(query)])


def append(connection: Connection, line: AuditLine) -> None:
    """In the transaction of the change that the line is about."""
    values = {
        "at": line.at,
        "user_id": clean(line.author.user_id, 64),
        "user_name": clean(line.author.name, 64),
        "via": clean(line.author.via, 100),
        "permission": clean(line.permission, 64),
        "action": clean(line.action, 64),
        "target": clean(line.target, 200),
        "allowed": line.allowed,
        "reason": clean(line.reason, 500),
        "before_json": json.dumps(dict(line.before), sort_keys=True),
        "after_json": json.dumps(dict(line.after), sort_keys=True),
    }
    link(connection, values)


def _conditions(where: AuditFilter) -> list[Any]:
    at = audit.c
    found: list[Any] = []
    if where.user is not None:
        found.append((at.user_id == clean(where.user, 64)) | (at.user_name == clean(where.user, 64)))
    for column, text in ((at.action, where.action), (at.permission, where.permission), (at.target, where.target)):
        if text is not None:
            found.append(column == clean(text, 200))
    if where.allowed is not None:
        found.append(at.allowed.is_(where.allowed))
    if where.since is not None:
        found.append(at.at >= where.since)
    if where.until is not None:
        found.append(at.at < where.until)
    return found


def _line(row: Row[Any]) -> AuditLine:
    author = Author(row.user_id, row.user_name, row.via)
    return AuditLine(
        row.at, author, row.action, row.target, row.permission, row.allowed, row.reason,
        json.loads(row.before_json), json.loads(row.after_json), row.number,
    )  # fmt: skip
