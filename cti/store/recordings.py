"""Recordings in the database: which are to be sealed, what became of them, holds and deletions (audited)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, and_, exists, or_, select, update
from sqlalchemy.engine import URL

from cti.core.access import SYSTEM, Deed
from cti.core.errors import CtiError
from cti.core.recordings import Recording, RecordingKind, RecordingState, Retention
from cti.core.records import RecordingKept
from cti.store import rows
from cti.store.audit import append
from cti.store.database import insert_ignoring
from cti.store.recording_rows import QUERY, RecordingFilter, conditions, recordings_in, recordings_of
from cti.store.repository import Repository
from cti.store.rows import clean, context
from cti.store.schema import call_records, calls, recordings
from cti.store.sealed_files import SealedContent
from cti.store.sealing import Sealer

_AT_ONCE = 500
_AT = recordings.c


class Recordings(Repository):
    def __init__(self, engine: Engine, url: URL, sealer: Sealer) -> None:
        super().__init__(engine, url)
        self._sealer = sealer

    # ---- reading -------------------------------------------------------------------------------------------------

    def find(self, recording_id: str) -> Recording | None:
        return self._read(lambda connection: _find(connection, recording_id))

    def of_call(self, call_id: str) -> list[Recording]:
        return self._read(lambda connection: recordings_of(connection, call_id))

    def search(
        self, *, limit: int, before: tuple[float, str] | None = None, where: RecordingFilter | None = None
    ) -> list[Recording]:
        """The newest first; ``before``: started_at and id of the last one seen."""
        query = QUERY.order_by(_AT.started_at.desc(), _AT.recording_id.desc()).limit(limit)
        if before is not None:
            older = and_(_AT.started_at == before[0], _AT.recording_id < before[1])
            query = query.where(or_(_AT.started_at < before[0], older))
        query = query.where(*conditions(where or RecordingFilter()))
        return self._read(lambda connection: recordings_in(connection, query))

    def key_of(self, recording: Recording) -> bytes:
        """The key of its file. Raises SealBroken; CtiError (recording-deleted)."""
        one = select(_AT.key_sealed).where(_AT.recording_id == recording.recording_id)
        sealed = self._read(lambda connection: connection.execute(one).scalar_one_or_none())
        if sealed is None:
            raise CtiError("the key of this recording was deleted with it", code="recording-deleted")
        return self._sealer.open_bytes(sealed, context("recordings", "key", recording.recording_id))

    # ---- from the plain file to the sealed one -------------------------------------------------------------------

    def pending(self, node: str, complete: Collection[str] = ()) -> list[Recording]:
        """Those of a node whose plain file nobody writes any more, as far as records tell, or that are ``complete``."""
        over = exists().where(call_records.c.call_id == _AT.call_id)
        done = or_(_AT.ended_at.is_not(None), over, _AT.recording_id.in_(list(complete)[:_AT_ONCE]))
        query = QUERY.where(_AT.node == node, _AT.sealed_at.is_(None), _AT.deleted_at.is_(None), _AT.path != "", done)
        return self._read(lambda connection: recordings_in(connection, query.order_by(_AT.started_at).limit(_AT_ONCE)))

    def sealed(
        self,
        recording: Recording,
        key: bytes,
        content: SealedContent,
        sealed_path: str,
        *,
        at: float,
        ended_at: float,
        length_s: float | None,
        until: float | None,
    ) -> bool:
        """It lies sealed in ``sealed_path``. False: it was deleted, or somebody else has sealed it, meanwhile."""
        id_ = recording.recording_id
        values = {
            "key_sealed": self._sealer.seal_bytes(key, context("recordings", "key", id_)),
            "key_id": self._sealer.active,
            "sealed_path": sealed_path,
            "sealed_at": at,
            "ended_at": ended_at,
            "path": "",
            "length_s": length_s,
            "size": content.size,
            "digest": content.digest,
            "until": until,
            "error": "" if recording.error.startswith(SEAL_FAILED) else recording.error,
        }
        same = update(recordings).where(_AT.recording_id == id_, _AT.sealed_at.is_(None), _AT.deleted_at.is_(None))
        return self._write(lambda connection: bool(_count(connection.execute(same.values(values)))))

    def failed(self, recording: Recording, error: str, *, gone: bool, ended_at: float | None = None) -> None:
        """``gone``: there is no file, and none will be. Else sealing is tried again."""
        values: dict[str, Any] = {"error": clean(recording.error or error)}
        if gone:
            values |= {"path": "", "ended_at": recording.ended_at or ended_at}
        one = update(recordings).where(_AT.recording_id == recording.recording_id, _AT.sealed_at.is_(None))
        self._write(lambda connection: connection.execute(one.values(values)))

    def found(self, kept: RecordingKept) -> bool:
        """A plain file without a row gets one. False: its call is not on record."""

        def work(connection: Connection) -> bool:
            there = select(calls.c.call_id).where(calls.c.call_id == clean(kept.call_id, 128))
            if connection.execute(there).first() is None:
                return False
            connection.execute(insert_ignoring(connection, recordings), [rows.recording_row(kept)])
            return True

        return self._write(work)

    def states(self, ids: Sequence[str]) -> dict[str, RecordingState]:
        query = QUERY.where(_AT.recording_id.in_(ids))
        return {one.recording_id: one.state for one in self._read(lambda c: recordings_in(c, query))}

    def known_files(self, paths: Sequence[str]) -> set[str]:
        """Which of these sealed files belong to a recording."""
        query = select(_AT.sealed_path).where(_AT.sealed_path.in_(paths))
        return set(self._read(lambda connection: connection.execute(query).scalars().all()))

    # ---- how long it is kept -------------------------------------------------------------------------------------

    def apply(self, retention: Retention) -> int:
        """What the configuration says now holds for what was recorded before as well; how many have changed."""

        def work(connection: Connection) -> int:
            there = _AT.deleted_at.is_(None), _AT.sealed_at.is_not(None)
            kinds = connection.execute(select(_AT.kind, _AT.queue).where(*there).distinct()).all()
            return sum(_set_until(connection, retention, kind, queue) for kind, queue in kinds)

        return self._write(work)

    def due(self, node: str, now: float, limit: int) -> list[Recording]:
        query = QUERY.where(
            _AT.node == node, _AT.until <= now, _AT.deleted_at.is_(None), _AT.held_at.is_(None)
        ).order_by(_AT.until)
        return self._read(lambda connection: recordings_in(connection, query.limit(limit)))

    def expire(self, due: Iterable[Recording], at: float) -> list[Recording]:
        """Delete by retention, with one line in the audit; those that were not held or deleted meanwhile."""

        def work(connection: Connection) -> list[Recording]:
            reason = "retention"
            gone = [one for one in due if _tombstone(connection, one, at, "system", reason, free=True)]
            if gone:
                deed = Deed(SYSTEM, at, "", reason)
                shown = {"count": len(gone), "recordings": [one.recording_id for one in gone]}
                append(connection, deed.line("recording.expire", "recording:*", {}, shown))
            return gone

        return self._write(work)

    # ---- what people do ------------------------------------------------------------------------------------------

    def delete(self, recording_id: str, deed: Deed) -> Recording:
        """The row as it was; whoever asks removes the file. Raises CtiError: unknown-recording, recording-deleted,
        recording-held, recording-open."""

        def work(connection: Connection) -> Recording:
            one = _get(connection, recording_id)
            if one.held is not None:
                raise CtiError(
                    f"recording {recording_id!r} is held", code="recording-held", remedy="end the hold first"
                )
            if one.state in (RecordingState.RUNNING, RecordingState.COMPLETE):
                raise CtiError(
                    f"recording {recording_id!r} is not sealed yet", code="recording-open", remedy="try again later"
                )
            _tombstone(connection, one, deed.at, deed.author.name, deed.reason)
            append(connection, deed.line("recording.delete", f"recording:{one.recording_id}", _shown(one), {}))
            return one

        return self._write(work)

    def hold(self, recording_id: str, held: bool, deed: Deed) -> Recording:
        """``held``: it is not deleted, by nobody and no retention. Raises CtiError: unknown-recording,
        recording-deleted."""

        def work(connection: Connection) -> Recording:
            one = _get(connection, recording_id)
            values: dict[str, Any] = {"held_at": None, "held_by": "", "held_reason": ""}
            if held:
                by, reason = clean(deed.author.name, 200), clean(deed.reason, 500)
                values = {"held_at": deed.at, "held_by": by, "held_reason": reason}
            connection.execute(update(recordings).where(_AT.recording_id == one.recording_id).values(values))
            before, after = {"held": one.held is not None}, {"held": held}
            append(connection, deed.line("recording.hold", f"recording:{one.recording_id}", before, after))
            return _get(connection, recording_id)

        return self._write(work)

    def leftovers(self, node: str) -> list[Recording]:
        """Deleted ones whose files may still be there."""
        query = QUERY.where(_AT.node == node, _AT.deleted_at.is_not(None), or_(_AT.sealed_path != "", _AT.path != ""))
        return self._read(lambda connection: recordings_in(connection, query.limit(_AT_ONCE)))

    def removed(self, ids: Sequence[str]) -> None:
        """Their files are gone."""
        these = update(recordings).where(_AT.recording_id.in_(ids), _AT.deleted_at.is_not(None))
        self._write(lambda connection: connection.execute(these.values(sealed_path="", path="")))


#: How the error of a recording begins that could not be sealed yet.
SEAL_FAILED = "seal-failed"


def _find(connection: Connection, recording_id: str) -> Recording | None:
    query = QUERY.where(_AT.recording_id == clean(recording_id, 200))
    return next(iter(recordings_in(connection, query)), None)


def _get(connection: Connection, recording_id: str) -> Recording:
    found = _find(connection, recording_id)
    if found is None:
        raise CtiError(f"no recording {recording_id[:200]!r}", code="unknown-recording")
    if found.deleted is not None:
        raise CtiError(f"recording {recording_id!r} was deleted", code="recording-deleted")
    return found


def _tombstone(connection: Connection, one: Recording, at: float, by: str, reason: str, *, free: bool = False) -> bool:
    """What it was stays on record, its content and the key of its file do not. ``free``: only if it is not held."""
    same = update(recordings).where(_AT.recording_id == one.recording_id, _AT.deleted_at.is_(None))
    if free:
        same = same.where(_AT.held_at.is_(None))
    empty = {"key_sealed": None, "key_id": "", "digest": "", "size": None, "spans": "{}", "until": None}
    who = {"deleted_at": at, "deleted_by": clean(by, 200), "deleted_reason": clean(reason, 500)}
    return bool(_count(connection.execute(same.values({**empty, **who}))))


def _set_until(connection: Connection, retention: Retention, kind: str, queue: str) -> int:
    days = retention.days_of(RecordingKind(kind), queue)
    until = _AT.ended_at + days * 86_400.0 if days else None
    these = update(recordings).where(
        _AT.kind == kind, _AT.queue == queue, _AT.deleted_at.is_(None), _AT.sealed_at.is_not(None)
    )
    other = _AT.until.is_not(None) if until is None else or_(_AT.until.is_(None), _AT.until != until)
    return _count(connection.execute(these.where(other).values(until=until)))


def _shown(one: Recording) -> dict[str, Any]:
    return {"call_id": one.call_id, "kind": one.kind.value, "queue": one.queue, "digest": one.digest}


def _count(result: CursorResult[Any]) -> int:
    return int(result.rowcount)
