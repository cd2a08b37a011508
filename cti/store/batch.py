"""Writes records to the database: one transaction per batch, idempotent, so that a batch of unknown fate is repeated.

Within a batch the tables are filled in the order of their foreign keys; within a table the order of arrival holds.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from sqlalchemy import BindParameter, Connection, Engine, bindparam, select, update
from sqlalchemy.exc import SQLAlchemyError

from cti.core.documents import DocumentServed, DocumentWaits
from cti.core.errors import StoreUnavailable
from cti.core.floor_records import FLOOR_RECORDS, ContactHandled, RunBegan
from cti.core.records import (
    CallEnded,
    CallGap,
    CallStarted,
    JournalPart,
    LegAdded,
    LegEnded,
    NodeVisit,
    NoticeCount,
    Record,
    RecordingKept,
)
from cti.core.snapshots import RunSnapshot, talk_id
from cti.core.transcripts import MessageKept
from cti.core.webhooks import EventKept
from cti.core.wrapups import WrapUpKept
from cti.store import journal, rows
from cti.store.database import insert_ignoring, insert_or_complete, is_refusal
from cti.store.document_rows import write_documents
from cti.store.fixed import run_many, run_one
from cti.store.floor_facts import write_facts
from cti.store.notice_counts import write_counts
from cti.store.owners import require_owner
from cti.store.schema import (
    call_goals,
    call_messages,
    call_records,
    calls,
    legs,
    node_visits,
    recording_agents,
    recordings,
)
from cti.store.schema_resume import call_gaps
from cti.store.sealing import Sealer
from cti.store.snapshots import SnapshotRows
from cti.store.webhook_rows import write_events
from cti.store.wrapup_rows import end_left_open, write_wrapups

log = logging.getLogger("cti.store")

Item = tuple[int, Record]  # (ordinal, record)

_OF_RECORDING = ("ended_at", "queue", "spans", "pages", "error")
_DOCUMENTS, _FLOOR = "documents", "floor"
#: Records of different types whose order among each other counts.
_TOGETHER: dict[type[Any], str] = {
    DocumentWaits: _DOCUMENTS,
    DocumentServed: _DOCUMENTS,
    **dict.fromkeys(FLOOR_RECORDS, _FLOOR),
}
_END_LEG = (
    update(legs)
    .where(legs.c.call_id == bindparam("of_call"), legs.c.leg_id == bindparam("of_leg"), legs.c.ended_at.is_(None))
    .values(ended_at=bindparam("at"), hangup_cause=bindparam("cause"))
)
_END_CALL, _REACH_GOAL = call_records.insert(), call_goals.insert()
_END_LEGS = (
    update(legs)
    .where(legs.c.call_id == bindparam("of_call"), legs.c.ended_at.is_(None))
    .values(ended_at=bindparam("at"), hangup_cause=bindparam("cause"))
)


@dataclass(slots=True)
class Written:
    """``refused``: records that this database will never take, with the reason (which quotes no data)."""

    duplicates: int = 0
    refused: list[tuple[Item, str]] = field(default_factory=list)


class BatchWriter:
    def __init__(self, engine: Engine, sealer: Sealer, file: Path | None) -> None:
        """``file``: the database file, None for a server."""
        self._engine = engine
        self._file = file
        self._inode: int | None = None
        self._sealer = sealer
        self._snapshots = SnapshotRows(sealer)
        self._connection: Connection | None = None
        #: Worker and epoch of this engine: nothing is written when the worker is another engine's by now.
        self.owner: tuple[str, int] | None = None

    def write(self, items: Sequence[Item], snapshots: Sequence[RunSnapshot] = ()) -> Written:
        """Raises SQLAlchemyError or StoreUnavailable when the database is away, StaleOwner when this engine is no
        longer the one of its worker: then nothing is written.

        A record that the database refuses is found by halving the batch; the others are written. ``snapshots`` go with
        the records that were put before them; they refer to none.
        """
        try:
            return Written(duplicates=self._transaction(items, snapshots))
        except SQLAlchemyError as error:
            if not is_refusal(error):
                raise
            if len(items) == 1 and not snapshots:
                return Written(refused=[(items[0], type(error).__name__)])
            if not items:
                log.error("the database refuses snapshots of %d calls (%s)", len(snapshots), type(error).__name__)
                return Written()
        if snapshots:
            written = self.write(items)
            self.write((), snapshots)
            return written
        middle = len(items) // 2
        first, second = self.write(items[:middle]), self.write(items[middle:])
        return Written(first.duplicates + second.duplicates, first.refused + second.refused)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _transaction(self, items: Sequence[Item], snapshots: Sequence[RunSnapshot]) -> int:
        self._require_same_file()
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(writing=True)
        try:
            with self._connection.begin():
                if self.owner is not None:
                    require_owner(self._connection, *self.owner)
                duplicates = self._fill(self._connection, items) if items else 0
                self._snapshots.write(self._connection, snapshots)
                return duplicates
        except SQLAlchemyError as error:
            if not is_refusal(error):
                self.close()  # the file may have been replaced, the server restarted: start afresh
            raise

    def _require_same_file(self) -> None:
        """SQLite goes on writing into a file that was moved or deleted under it, and everything there would be lost."""
        if self._file is None:
            return
        try:
            inode = self._file.stat().st_ino
        except OSError as error:
            self.close()
            raise StoreUnavailable(
                f"the database {self._file} was moved or deleted ({error.strerror})", remedy="put it back"
            ) from error
        if inode != self._inode:
            self.close()
            self._inode = inode

    def _fill(self, connection: Connection, items: Sequence[Item]) -> int:
        of = _sorted(items)

        run, sealer = partial(run_many, connection), self._sealer
        run(insert_ignoring(connection, calls), [rows.call_row(r, sealer) for _, r in of[CallStarted]])
        run(insert_ignoring(connection, legs), [rows.leg_row(r, sealer, n) for n, r in of[LegAdded]])
        run(_END_LEG, [rows.leg_end(r) for _, r in of[LegEnded]])
        run(insert_ignoring(connection, call_gaps), [rows.gap_row(r) for _, r in of[CallGap]])
        visits = [rows.visit_row(r, n) for n, r in of[NodeVisit]]
        run(insert_or_complete(connection, node_visits, ("left_at", "exit", "note"), when="left_at"), visits)
        kept = _records(of[RecordingKept])
        made = [rows.recording_row(r) for r in kept]
        run(insert_or_complete(connection, recordings, _OF_RECORDING, when="ended_at"), made)
        run(insert_ignoring(connection, recording_agents), [row for r in kept for row in rows.agent_rows(r)])
        lines = [rows.message_row(r, sealer) for _, r in of[MessageKept]]
        # A line that comes again is kept with less in it than before.
        run(insert_or_complete(connection, call_messages, ("text_sealed",), when="text_sealed"), lines)
        write_counts(connection, _records(of[NoticeCount]))
        write_wrapups(connection, sealer, _records(of[WrapUpKept]))
        write_documents(connection, sealer, _records(of[_DOCUMENTS]))
        floor = _records(of[_FLOOR])
        for began in [r for r in floor if type(r) is RunBegan]:
            end_left_open(connection, began)
        write_facts(connection, floor)
        write_events(connection, sealer, _records(of[EventKept]))
        ended: list[CallEnded] = _records(of[CallEnded])
        ending = {rows.clean(r.call_id, 128) for r in ended}
        journal.write_parts(connection, sealer, _records(of[JournalPart]), ending)
        journal.forget_keys(connection, sorted(ending))
        handled = {rows.clean(talk_id(r.contact), 128) for r in floor if type(r) is ContactHandled}
        self._snapshots.forget(connection, sorted(ending | handled))
        return self._end(connection, ended) if ended else 0

    def _end(self, connection: Connection, ended: list[CallEnded]) -> int:
        """The first call detail record of a call stands. The same one again (a repeated batch) is not a duplicate."""
        made = [rows.cdr_row(record) for record in ended]
        there = _ended_before(connection, sorted({row["call_id"] for row in made}))
        fresh: list[rows.Row] = []
        goals: list[rows.Row] = []
        duplicates = 0
        for record, row in zip(ended, made, strict=True):
            mark = (row["ended_at"], row["terminal_cause"])
            if row["call_id"] not in there:
                there[row["call_id"]] = mark
                fresh.append(row)
                goals += rows.goal_rows(record)
            elif there[row["call_id"]] != mark:
                duplicates += 1
        run_many(connection, _END_CALL, fresh)
        run_many(connection, _REACH_GOAL, goals)
        closing = [{"of_call": c["call_id"], "at": c["ended_at"], "cause": c["hangup_cause"]} for c in fresh]
        run_many(connection, _END_LEGS, closing)
        return duplicates


def _sorted(items: Iterable[Item]) -> defaultdict[object, list[tuple[int, Any]]]:
    """By type; those of which the order among each other counts under one name."""
    found: defaultdict[object, list[tuple[int, Any]]] = defaultdict(list)
    for item in items:
        kind = type(item[1])
        found[_TOGETHER.get(kind, kind)].append(item)
    return found


def _records(items: list[tuple[int, Any]]) -> list[Any]:
    return [record for _, record in items]


def _ended_before(connection: Connection, ids: list[str]) -> dict[str, tuple[float, str]]:
    """call -> end and cause, of those that are on record; each of ``ids`` only once, one at least."""
    # As many places as the next power of two, the rest filled with the first: few different statements.
    places = 1 << (len(ids) - 1).bit_length()
    asked = {f"id_{place}": ids[place] if place < len(ids) else ids[0] for place in range(places)}
    return {row[0]: (row[1], row[2]) for row in run_one(connection, _on_record(places), asked)}


@cache
def _on_record(places: int) -> Any:
    ids: list[BindParameter[str]] = [bindparam(f"id_{place}") for place in range(places)]
    of = call_records.c
    return select(of.call_id, of.ended_at, of.terminal_cause).where(of.call_id.in_(ids))
