"""Drafts of flows: what was uploaded and is not live yet. It has the name of its file, and a version of its text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, delete, insert, select

from cti.core.errors import CtiError
from cti.store.audit import append
from cti.store.repository import Repository
from cti.store.rows import clean
from cti.store.schema_api import flow_drafts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cti.core.access import Deed


@dataclass(frozen=True, slots=True)
class Draft:
    """``version``: of the text; ``base``: of the file that it is to replace, empty: there was none. ``changed_at`` in
    seconds since the epoch."""

    file: str
    text: str
    version: str
    base: str
    changed_at: float
    changed_by: str


class Stale(CtiError):
    """It is not the version that whoever changes it has seen."""

    code = "stale"


class FlowDrafts(Repository):
    def all(self) -> list[Draft]:
        query = select(flow_drafts).order_by(flow_drafts.c.file)
        return self._read(lambda connection: [_draft(row) for row in connection.execute(query)])

    def find(self, file: str) -> Draft | None:
        return self._read(lambda connection: _find(connection, file))

    def put(self, draft: Draft, seen: str, deed: Deed) -> None:
        """``seen``: version of the draft that it replaces; empty: there must be none. Raises Stale."""

        def work(connection: Connection) -> None:
            before = _find(connection, draft.file)
            _same(before, draft.file, seen)
            connection.execute(delete(flow_drafts).where(flow_drafts.c.file == draft.file))
            connection.execute(insert(flow_drafts).values(_row(draft)))
            was = {"version": before.version} if before else {}
            action, target = f"{_noun(draft.file)}.upload", f"{_noun(draft.file)}:{draft.file}"
            append(connection, deed.line(action, target, was, {"version": draft.version}))

        self._write(work)

    def drop(self, versions: Mapping[str, str], deed: Deed, *, done: str = "discard") -> None:
        """Those drafts, where they are still of these versions: all or none. ``done``: what the audit says was done
        with them, as ``flow.discard``. Raises Stale."""

        def work(connection: Connection) -> None:
            for file, version in versions.items():
                _same(_find(connection, file), file, version)
                connection.execute(delete(flow_drafts).where(flow_drafts.c.file == file))
                noun = _noun(file)
                append(connection, deed.line(f"{noun}.{done}", f"{noun}:{file}", after={"version": version}))

        self._write(work)


def _noun(file: str) -> str:
    """What the audit calls a file of the folder of flows."""
    return "entries" if file == "entry.yaml" else "flow"


def _same(found: Draft | None, file: str, seen: str) -> None:
    version = found.version if found is not None else ""
    if version != seen:
        raise Stale(f"the draft of {file} is {version[:12] or 'not there'}, not {seen[:12] or 'new'}")


def _find(connection: Connection, file: str) -> Draft | None:
    row = connection.execute(select(flow_drafts).where(flow_drafts.c.file == clean(file, 200))).first()
    return None if row is None else _draft(row)


def _draft(row: Row[Any]) -> Draft:
    return Draft(row.file, row.text, row.version, row.base, row.changed_at, row.changed_by)


def _row(draft: Draft) -> dict[str, Any]:
    return {
        "file": clean(draft.file, 200),
        "text": draft.text,
        "version": draft.version,
        "base": draft.base,
        "changed_at": draft.changed_at,
        "changed_by": clean(draft.changed_by, 200),
    }
