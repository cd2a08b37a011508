"""Writes records to the database: one transaction per batch, idempotent, so that a batch of unknown fate is repeated.

Within a batch the tables are filled in the order of their foreign keys; within a table the order of arrival holds.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, select, update
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
_ENDED_BEFORE = select(call_records.c.call_id, call_records.c.ended_at, call_records.c.terminal_cause).where(
    call_records.c.call_id.in_(bindparam("ids", expanding=True))
)
_END_LEG = (
    update(legs)
    .where(legs.c.call_id == bindparam("of_call"), legs.c.leg_id == bindparam("of_leg"), legs.c.ended_at.is_(None))
    .values(ended_at=bindparam("at"), hangup_cause=bindparam("cause"))
)
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
        def run(statement: Any, values: list[rows.Row]) -> None:
            if values:
                connection.execute(statement, values)

        sealer = self._sealer
        run(insert_ignoring(connection, calls), [rows.call_row(r, sealer) for _, r in items if type(r) is CallStarted])
        run(insert_ignoring(connection, legs), [rows.leg_row(r, sealer, n) for n, r in items if type(r) is LegAdded])
        run(_END_LEG, [rows.leg_end(r) for _, r in items if type(r) is LegEnded])
        run(insert_ignoring(connection, call_gaps), [rows.gap_row(r) for _, r in items if type(r) is CallGap])
        visits = [rows.visit_row(r, n) for n, r in items if type(r) is NodeVisit]
        run(insert_or_complete(connection, node_visits, ("left_at", "exit", "note"), when="left_at"), visits)
        kept = [r for _, r in items if type(r) is RecordingKept]
        made = [rows.recording_row(r) for r in kept]
        run(insert_or_complete(connection, recordings, _OF_RECORDING, when="ended_at"), made)
        run(insert_ignoring(connection, recording_agents), [row for r in kept for row in rows.agent_rows(r)])
        lines = [rows.message_row(r, self._sealer) for _, r in items if type(r) is MessageKept]
        # A line that comes again is kept with less in it than before.
        run(insert_or_complete(connection, call_messages, ("text_sealed",), when="text_sealed"), lines)
        write_counts(connection, [r for _, r in items if type(r) is NoticeCount])
        write_wrapups(connection, sealer, [r for _, r in items if type(r) is WrapUpKept])
        write_documents(connection, sealer, [r for _, r in items if isinstance(r, DocumentWaits | DocumentServed)])
        for began in [r for _, r in items if type(r) is RunBegan]:
            end_left_open(connection, began)
        write_facts(connection, [r for _, r in items if isinstance(r, FLOOR_RECORDS)])
        write_events(connection, sealer, [r for _, r in items if type(r) is EventKept])
        ended = [r for _, r in items if type(r) is CallEnded]
        ending = {rows.clean(r.call_id, 128) for r in ended}
        journal.write_parts(connection, sealer, [r for _, r in items if type(r) is JournalPart], ending)
        journal.forget_keys(connection, sorted(ending))
        handled = {rows.clean(talk_id(r.contact), 128) for _, r in items if type(r) is ContactHandled}
        self._snapshots.forget(connection, sorted(ending | handled))
        return self._end(connection, ended) if ended else 0

    def _end(self, connection: Connection, ended: list[CallEnded]) -> int:
        """The first call detail record of a call stands. The same one again (a repeated batch) is not a duplicate."""
        ids = {rows.clean(record.call_id, 128) for record in ended}
        there = {row[0]: (row[1], row[2]) for row in connection.execute(_ENDED_BEFORE, {"ids": sorted(ids)})}
        fresh: list[CallEnded] = []
        duplicates = 0
        for record in ended:
            row = rows.cdr_row(record)
            mark = (row["ended_at"], row["terminal_cause"])
            if row["call_id"] not in there:
                there[row["call_id"]] = mark
                fresh.append(record)
            elif there[row["call_id"]] != mark:
                duplicates += 1
        if fresh:
            cdrs = [rows.cdr_row(record) for record in fresh]
            connection.execute(call_records.insert(), cdrs)
            goals = [goal for record in fresh for goal in rows.goal_rows(record)]
            if goals:
                connection.execute(call_goals.insert(), goals)
            closing = [{"of_call": c["call_id"], "at": c["ended_at"], "cause": c["hangup_cause"]} for c in cdrs]
            connection.execute(_END_LEGS, closing)
        return duplicates
