"""Notices that people set while the platform runs: a document each, as in a file of notices, and who wrote it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, insert, select, update

from cti.core.errors import CtiError
from cti.store.audit import append
from cti.store.repository import Repository
from cti.store.rows import clean
from cti.store.schema_desks import notices

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cti.core.access import Deed

_ENDED_KEPT_S = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class SetNotice:
    """``document``: the options of the file of notices. ``ended_at``: taken away by hand. ``version`` counts changes.
    Times in seconds since the epoch."""

    notice_id: str
    document: Mapping[str, Any]
    created_at: float
    created_by: str
    changed_at: float
    changed_by: str
    ended_at: float | None = None
    version: int = 1


class Notices(Repository):
    def put(self, notice_id: str, document: Mapping[str, Any], deed: Deed, *, new: bool = False) -> SetNotice:
        """Set one, or change it (one that was ended begins anew). Raises CtiError (notice-exists) with ``new``."""

        def work(connection: Connection) -> SetNotice:
            before, author = _find(connection, notice_id), deed.author.name
            if before is not None and new and before.ended_at is None:
                raise CtiError(f"there is a notice {notice_id!r}", code="notice-exists", remedy="change it, or end it")
            made = SetNotice(
                clean(notice_id, 64),
                document,
                before.created_at if before else deed.at,
                before.created_by if before else author,
                deed.at,
                author,
                None,
                before.version + 1 if before else 1,
            )
            if before is None:
                connection.execute(insert(notices).values(_row(made)))
            else:
                connection.execute(update(notices).where(notices.c.notice_id == made.notice_id).values(_row(made)))
            old = before.document if before is not None and before.ended_at is None else {}
            action = "notice.change" if old else "notice.set"
            append(connection, deed.line(action, f"notice:{made.notice_id}", old, document))
            return made

        return self._write(work)

    def end(self, notice_id: str, deed: Deed) -> SetNotice:
        """Nobody is told it any more. Raises CtiError (unknown-notice)."""

        def work(connection: Connection) -> SetNotice:
            found = _find(connection, notice_id)
            if found is None or found.ended_at is not None:
                raise CtiError(f"no notice {notice_id[:64]!r} was set here", code="unknown-notice")
            row = update(notices).where(notices.c.notice_id == found.notice_id)
            author = clean(deed.author.name, 200)
            values = {"ended_at": deed.at, "changed_at": deed.at, "changed_by": author, "version": found.version + 1}
            connection.execute(row.values(values))
            append(connection, deed.line("notice.end", f"notice:{found.notice_id}", found.document))
            ended = _find(connection, notice_id)
            assert ended is not None
            return ended

        return self._write(work)

    def find(self, notice_id: str) -> SetNotice | None:
        return self._read(lambda connection: _find(connection, notice_id))

    def all(self, now: float) -> list[SetNotice]:
        """Those that were not ended by hand, and those that were within the last week."""
        at = notices.c
        query = select(notices).where(at.ended_at.is_(None) | (at.ended_at > now - _ENDED_KEPT_S))
        return self._read(lambda connection: [_notice(row) for row in connection.execute(query.order_by(at.notice_id))])


def _find(connection: Connection, notice_id: str) -> SetNotice | None:
    row = connection.execute(select(notices).where(notices.c.notice_id == clean(notice_id, 64))).first()
    return None if row is None else _notice(row)


def _notice(row: Row[Any]) -> SetNotice:
    return SetNotice(
        row.notice_id,
        json.loads(row.document),
        row.created_at,
        row.created_by,
        row.changed_at,
        row.changed_by,
        row.ended_at,
        row.version,
    )


def _row(one: SetNotice) -> dict[str, Any]:
    return {
        "notice_id": one.notice_id,
        "document": json.dumps(one.document, ensure_ascii=False),
        "created_at": one.created_at,
        "created_by": clean(one.created_by, 200),
        "changed_at": one.changed_at,
        "changed_by": clean(one.changed_by, 200),
        "ended_at": one.ended_at,
        "version": one.version,
    }
