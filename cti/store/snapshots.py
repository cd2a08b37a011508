"""Snapshots of running calls in the database: one row each, replaced at every wait, gone with the call.

The body is compressed and sealed with a key of the call, which stands beside it sealed with the key ring. Row and key
go in the transaction that writes the call detail record; SQLite is told to overwrite what it deletes.
"""

from __future__ import annotations

import logging
import os
import zlib
from collections.abc import Collection, Iterable
from dataclasses import fields
from functools import cache
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, exists, literal, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from cti.core.floor_records import EntryOpened
from cti.core.snapshots import TALK, RunSnapshot
from cti.store.fixed import run_many
from cti.store.rows import clean, context
from cti.store.schema_floor import queue_entries
from cti.store.schema_resume import call_snapshots
from cti.store.sealing import KEY_BYTES, SealBroken, Sealer, compress

log = logging.getLogger("cti.store")

#: Of a body, sealed. A call that stands for more (variables filled by a back office that answers novels) keeps the
#: snapshot it had.
BODY_MAX = 256 * 1024
_LEVEL = 1  # of zlib: the fastest; a body of 2 KB becomes 1 KB
_CALL_KEY = "call"
_FORGET = delete(call_snapshots).where(call_snapshots.c.call_id == bindparam("of_call"))
_ENDED = delete(call_snapshots).where(
    call_snapshots.c.call_id == bindparam("of"), call_snapshots.c.epoch <= bindparam("up_to")
)
_CHANGING = ("switch", "owner", "epoch", "number", "saved_at", "key_sealed", "body_sealed")


class SnapshotRows:
    """The writing side, used from one thread at a time. ``sealer``: the key ring."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._keys: dict[str, tuple[bytes, Sealer]] = {}  # call -> its key, sealed and ready to use

    def write(self, connection: Connection, snapshots: Collection[RunSnapshot]) -> None:
        """A row that is newer already stays: an engine that lost a call cannot write it back."""
        rows = [row for row in map(self._row, (one for one in snapshots if one.body)) if row is not None]
        run_many(connection, _replacing(connection.dialect.name), rows)
        over = [one for one in snapshots if not one.body]
        if over:
            run_many(connection, _ENDED, [{"of": clean(one.call_id, 128), "up_to": one.epoch} for one in over])
            for one in over:
                self._keys.pop(clean(one.call_id, 128), None)

    def forget(self, connection: Connection, ended: Iterable[str]) -> None:
        gone = list(ended)
        if gone:
            run_many(connection, _FORGET, [{"of_call": call_id} for call_id in gone])
            for call_id in gone:
                self._keys.pop(call_id, None)

    def _row(self, one: RunSnapshot) -> dict[str, Any] | None:
        call_id = clean(one.call_id, 128)
        key_sealed, key = self._key(call_id)
        body = key.seal_bytes(compress(one.body, _LEVEL), context("call_snapshots", "body", call_id))
        if len(body) > BODY_MAX:
            log.warning("call %s: where it stands takes %d bytes and is not kept", call_id[:64], len(body))
            return None
        return {
            "call_id": call_id,
            "switch": clean(one.switch, 64),
            "owner": clean(one.owner, 100),
            "epoch": one.epoch,
            "number": one.number,
            "saved_at": float(one.saved_at),
            "key_sealed": key_sealed,
            "body_sealed": body,
        }

    def _key(self, call_id: str) -> tuple[bytes, Sealer]:
        if call_id not in self._keys:
            raw = os.urandom(KEY_BYTES)
            sealed = self._sealer.seal_bytes(raw, context("call_snapshots", "key", call_id))
            self._keys[call_id] = sealed, Sealer({_CALL_KEY: raw}, _CALL_KEY, b"")
        return self._keys[call_id]


@cache
def _replacing(dialect: str) -> Any:
    insert = (postgresql if dialect == "postgresql" else sqlite).insert(call_snapshots)
    new, old = insert.excluded, call_snapshots.c
    newer = or_(new.epoch > old.epoch, and_(new.epoch == old.epoch, new.number > old.number))
    return insert.on_conflict_do_update(
        index_elements=[old.call_id], set_={name: new[name] for name in _CHANGING}, where=newer
    )


def find_snapshots(connection: Connection, sealer: Sealer, owner: str) -> list[RunSnapshot]:
    """Those of a worker; one that does not open is left out, and said."""
    found: list[RunSnapshot] = []
    for row in connection.execute(select(call_snapshots).where(call_snapshots.c.owner == clean(owner, 100))):
        try:
            body = _open(sealer, row)
        except (SealBroken, zlib.error) as error:
            log.error("call %s: where it stood cannot be read: %s", row.call_id[:64], error)
            continue
        found.append(RunSnapshot(row.call_id, row.switch, row.owner, row.epoch, row.number, row.saved_at, body))
    return found


def find_stays(connection: Connection, worker: str) -> list[EntryOpened]:
    """Of callers in queues of this worker, as they began: those whose call has no end yet; and of callbacks that an
    agent is about to take, or has taken, which are no calls of their own."""
    stay, shot = queue_entries.c, call_snapshots.c
    called = and_(stay.medium == "callback", shot.call_id == literal(TALK).concat(stay.contact))
    kept = exists().where(or_(shot.call_id == stay.call_id, called))
    open_stays = select(queue_entries).where(stay.worker == clean(worker, 80), stay.ended_at.is_(None), kept)
    names = [one.name for one in fields(EntryOpened)]
    found = [{name: getattr(row, name) for name in names} for row in connection.execute(open_stays)]
    return [EntryOpened(**{**one, "counted": bool(one["counted"])}) for one in found]


def _open(sealer: Sealer, row: Any) -> bytes:
    raw = sealer.open_bytes(row.key_sealed, context("call_snapshots", "key", row.call_id))
    if len(raw) != KEY_BYTES:
        raise SealBroken(f"the key of call {row.call_id} is damaged")
    key = Sealer({_CALL_KEY: raw}, _CALL_KEY, b"")
    return zlib.decompress(key.open_bytes(row.body_sealed, context("call_snapshots", "body", row.call_id)))
