"""Agents' write-ups in the database: notes and variables sealed, each handling one row, the highest version holds."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from cti.core.floor_records import RunBegan
from cti.core.wrapups import LOST, WrapUpKept, WrapUpRow, shown_parts
from cti.store.database import insert_or_exceed
from cti.store.fixed import run_many
from cti.store.rows import Row, clean, context
from cti.store.schema_wrapups import contact_wrapups
from cti.store.sealing import Sealer

_LATER = ("version", "at", "disposition", "notes_sealed", "variables_sealed", "ended_at", "ended_by")
_NAMES = {"worker": 80, "run": 64, "contact": 160, "call_id": 128, "agent": 64, "queue": 64, "medium": 16}
_IN_ONE_QUERY = 500


def write_wrapups(connection: Connection, sealer: Sealer, records: Sequence[WrapUpKept]) -> None:
    if records:
        insert = insert_or_exceed(connection, contact_wrapups, _LATER, "version")
        run_many(connection, insert, [_row(record, sealer) for record in records])


def end_left_open(connection: Connection, began: RunBegan) -> None:
    """What earlier runs of this worker did not end; what was written stays."""
    at = contact_wrapups.c
    left = (at.worker == clean(began.worker, 80), at.run != began.run, at.ended_at.is_(None))
    connection.execute(update(contact_wrapups).where(*left).values(ended_at=began.at, ended_by=LOST))


def wrapups_of(
    connection: Connection, sealer: Sealer, call_ids: Collection[str], unmask: bool
) -> dict[str, list[WrapUpRow]]:
    """call -> its write-ups, the one written first in front; calls without any are left out."""
    found: dict[str, list[WrapUpRow]] = defaultdict(list)
    names = [clean(call_id, 128) for call_id in call_ids]
    at = contact_wrapups.c
    for first in range(0, len(names), _IN_ONE_QUERY):
        query = select(contact_wrapups).where(at.call_id.in_(names[first : first + _IN_ONE_QUERY]))
        for row in connection.execute(query.order_by(at.at, at.handling_id)):
            found[row.call_id].append(_shown(row, sealer, unmask))
    return dict(found)


def _row(record: WrapUpKept, sealer: Sealer) -> Row:
    handling = clean(record.handling_id, 64)
    return {
        "handling_id": handling,
        **{name: clean(getattr(record, name), length) for name, length in _NAMES.items()},
        "version": record.version,
        "at": float(record.at),
        "disposition": None if record.disposition is None else clean(record.disposition, 64),
        "notes_sealed": _seal(sealer, record.notes, "notes", handling),
        "variables_sealed": _seal(sealer, json.dumps(dict(record.variables)) if record.variables else "", "variables",
                                  handling),
        "ended_at": None if record.ended_at is None else float(record.ended_at),
        "ended_by": clean(record.ended_by, 32),
    }  # fmt: skip


def _seal(sealer: Sealer, text: str, column: str, handling: str) -> str | None:
    return sealer.seal(text, context("contact_wrapups", column, handling)) if text else None


def _shown(row: Any, sealer: Sealer, unmask: bool) -> WrapUpRow:
    def opened(column: str) -> str:
        sealed = getattr(row, f"{column}_sealed")
        return "" if sealed is None else sealer.open(sealed, context("contact_wrapups", column, row.handling_id))

    variables = json.loads(opened("variables") or "{}")
    return WrapUpRow(
        call_id=row.call_id,
        contact=row.contact,
        agent=row.agent,
        queue=row.queue,
        medium=row.medium,
        at=row.at,
        **shown_parts(row.disposition, opened("notes"), variables, unmask=unmask),
        ended_at=row.ended_at,
        ended_by=row.ended_by,
    )
