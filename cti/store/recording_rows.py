"""Rows of recordings as `Recording`, with who talks in them; and how they are looked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, or_, select

from cti.core.access import Visible
from cti.core.recordings import Mark, Recording, RecordingKind
from cti.store.rows import clean
from cti.store.schema import call_records, recording_agents, recordings

_AT_ONCE = 500
_OVER = exists().where(call_records.c.call_id == recordings.c.call_id)
#: To be narrowed, and given to `recordings_in`.
QUERY: Select[Any] = select(recordings, _OVER.label("call_over"))


@dataclass(frozen=True, slots=True)
class RecordingFilter:
    """Only what is set narrows. Times in seconds since the epoch, ``until`` excluded. ``what``: what may be seen."""

    call_id: str | None = None
    kind: RecordingKind | None = None
    queue: str | None = None
    agent: str | None = None
    since: float | None = None
    until: float | None = None
    deleted: bool | None = None
    what: Visible | None = None


def recordings_of(connection: Connection, call_id: str) -> list[Recording]:
    """In the order in which they began."""
    at = recordings.c
    query = QUERY.where(at.call_id == clean(call_id, 128)).order_by(at.started_at, at.recording_id)
    return recordings_in(connection, query)


def recordings_in(connection: Connection, query: Select[Any]) -> list[Recording]:
    found = connection.execute(query).all()
    agents = _agents(connection, [row.recording_id for row in found])
    return [_recording(row, tuple(agents.get(row.recording_id, ()))) for row in found]


def _agents(connection: Connection, ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    at, found = recording_agents.c, dict[str, list[tuple[str, str]]]()
    for first in range(0, len(ids), _AT_ONCE):
        query = select(recording_agents).where(at.recording_id.in_(ids[first : first + _AT_ONCE])).order_by(at.agent)
        for row in connection.execute(query):
            found.setdefault(row.recording_id, []).append((row.agent, row.team))
    return found


def _recording(row: Row[Any], agents: tuple[tuple[str, str], ...]) -> Recording:
    spans = {name: tuple((start, end) for start, end in told) for name, told in json.loads(row.spans).items()}
    return Recording(
        recording_id=row.recording_id,
        call_id=row.call_id,
        kind=RecordingKind(row.kind),
        node=row.node,
        started_at=row.started_at,
        ended_at=row.ended_at,
        path=row.path,
        sealed_path=row.sealed_path,
        queue=row.queue,
        agents=agents,
        length_s=row.length_s,
        size=row.size,
        digest=row.digest,
        key_id=row.key_id,
        sealed_at=row.sealed_at,
        until=row.until,
        masked=spans.get("masked", ()),
        paused=spans.get("paused", ()),
        pages=row.pages,
        error=row.error,
        held=None if row.held_at is None else Mark(row.held_at, row.held_by, row.held_reason),
        deleted=None if row.deleted_at is None else Mark(row.deleted_at, row.deleted_by, row.deleted_reason),
        call_over=bool(row.call_over),
    )


def conditions(where: RecordingFilter) -> list[Any]:
    found: list[Any] = []
    for column, value in ((recordings.c.call_id, where.call_id), (recordings.c.kind, where.kind and where.kind.value)):
        if value is not None:
            found.append(column == clean(value, 200))
    if where.queue is not None:
        found.append(recordings.c.queue == clean(where.queue, 64))
    if where.agent is not None:
        found.append(_with(recording_agents.c.agent == clean(where.agent, 64)))
    if where.since is not None:
        found.append(recordings.c.started_at >= where.since)
    if where.until is not None:
        found.append(recordings.c.started_at < where.until)
    if where.deleted is not None:
        found.append(recordings.c.deleted_at.is_not(None) if where.deleted else recordings.c.deleted_at.is_(None))
    if where.what is not None and not where.what.everything:
        teams, queues = sorted(where.what.teams), sorted(where.what.queues)
        found.append(or_(recordings.c.queue.in_(queues), _with(recording_agents.c.team.in_(teams))))
    return found


def _with(condition: Any) -> Any:
    return exists().where(recording_agents.c.recording_id == recordings.c.recording_id, condition)
