"""Which engine of a worker is the present one: an epoch that rises with each that begins, and when another worker takes
its calls up. Who has another epoch by now writes nothing more.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, Engine, bindparam, delete, select, update
from sqlalchemy.engine import URL

from cti.core.errors import CtiError
from cti.core.snapshots import CallsLeft, Ownership, Sign, floor_id
from cti.store.fixed import run_one
from cti.store.repository import Repository
from cti.store.rows import clean
from cti.store.schema_floor import queue_entries
from cti.store.schema_resume import call_snapshots, engine_owners
from cti.store.sealing import Sealer
from cti.store.snapshots import find_snapshots, find_stays

#: Part of every transaction that writes records: made once, because making it costs more than asking it.
_EPOCH_NOW = (
    select(engine_owners.c.epoch).where(engine_owners.c.owner == bindparam("of_owner")).with_for_update(read=True)
)
_SEEN = (
    update(engine_owners)
    .where(engine_owners.c.owner == bindparam("of_owner"), engine_owners.c.epoch == bindparam("at_epoch"))
    .values(seen_at=bindparam("at"))
)


class StaleOwner(CtiError):
    """Another engine of this worker has begun, or its calls were taken up by another worker."""

    code = "stale-owner"


def require_owner(connection: Connection, owner: str, epoch: int) -> None:
    """Within a transaction: until its end nobody takes the worker over. Raises StaleOwner. A row that is gone (the
    file was put back without its write-ahead log, say) tells of nobody who did."""
    found = run_one(connection, _EPOCH_NOW, {"of_owner": clean(owner, 100)}).scalar()
    if found is not None and found != epoch:
        raise StaleOwner(f"worker {owner} is at epoch {found}, and this engine was epoch {epoch} of it")


class Owners(Repository):
    """Which engine of a worker is the present one. All methods raise StoreUnavailable. ``sealer``: the key ring."""

    def __init__(self, engine: Engine, url: URL, sealer: Sealer) -> None:
        super().__init__(engine, url)
        self._sealer = sealer

    def begin(self, owner: str, at: float) -> Ownership:
        """Another engine of this worker: the epoch after the last one."""

        def work(connection: Connection) -> Ownership:
            key, table = clean(owner, 100), engine_owners
            row = connection.execute(select(table).where(table.c.owner == key)).one_or_none()
            if row is None:
                connection.execute(table.insert(), {"owner": key, "epoch": 1, "seen_at": float(at)})
                return Ownership(1)
            new = {"epoch": row.epoch + 1, "seen_at": float(at)}
            connection.execute(table.update().where(table.c.owner == key).values(new))
            return Ownership(row.epoch + 1, row.seen_at)

        return self._write(work)

    def seen(self, owner: str, epoch: int, at: float) -> bool:
        """A sign of life; False: another engine of this worker has begun since."""

        sign = {"of_owner": clean(owner, 100), "at_epoch": epoch, "at": float(at)}
        return self._write(lambda connection: run_one(connection, _SEEN, sign).rowcount == 1)

    def find(self, owner: str) -> Sign | None:
        """The last sign of life; None: no engine of this worker ever ran on this database."""

        def work(connection: Connection) -> Sign | None:
            table = engine_owners.c
            row = connection.execute(select(table.epoch, table.seen_at).where(table.owner == clean(owner, 100))).first()
            return None if row is None else Sign(row.epoch, row.seen_at)

        return self._read(work)

    def take_up(self, dead: str, seen: Sign, heir: str, epoch: int, run: str) -> CallsLeft | None:
        """All calls of the worker ``dead`` are the worker ``heir``'s from now on: where they stand, and their stays in
        queues, which its ``run`` goes on with. None: ``dead`` is not as it was ``seen``. Raises StaleOwner."""

        def work(connection: Connection) -> CallsLeft | None:
            table, shot, stay = engine_owners, call_snapshots, queue_entries
            # The row is written: an engine of the dead worker that begins now waits, and finds another epoch.
            same = (table.c.owner == clean(dead, 100), table.c.epoch == seen.epoch, table.c.seen_at == seen.seen_at)
            if connection.execute(update(table).where(*same).values(epoch=seen.epoch + 1)).rowcount != 1:
                return None
            require_owner(connection, heir, epoch)
            found = find_snapshots(connection, self._sealer, dead)
            floor = floor_id(dead)
            connection.execute(delete(shot).where(shot.c.call_id == clean(floor, 128)))
            theirs = shot.c.owner == clean(dead, 100)
            waiting = (stay.c.worker == clean(dead, 80), stay.c.ended_at.is_(None))
            of_calls = stay.c.call_id.in_(select(shot.c.call_id).where(theirs))
            new = {"worker": clean(heir, 80), "run": clean(run, 32)}
            connection.execute(update(stay).where(*waiting, of_calls).values(new))
            connection.execute(update(shot).where(theirs).values(owner=clean(heir, 100), epoch=epoch))
            calls = {one.call_id for one in found}
            stays = [one for one in find_stays(connection, heir) if one.call_id in calls]
            bodies = [one.body for one in found if one.call_id == floor]
            mine = [replace(one, owner=heir, epoch=epoch) for one in found if one.call_id != floor]
            return CallsLeft(tuple(mine), tuple(stays), bodies[0] if bodies else b"")

        return self._write(work)
