"""Writes of the back office by their keys: on disk before they are sent, with what became of them.

An engine that is killed leaves the line `sent`: the next one knows that the write may have been done.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import Connection, Engine, Row, delete, insert, select, update
from sqlalchemy.engine import URL

from cti.core.noted_writes import Noted, State
from cti.flow.values import decode_all, encode_all
from cti.store.office_sealer import OfficeSealer
from cti.store.owners import require_owner
from cti.store.repository import Repository
from cti.store.rows import clean, context
from cti.store.schema_office import office_writes
from cti.store.sealing import Sealer

_PURGE_EVERY_S = 60.0


class OfficeWrites(Repository):
    """Implements `cti.boss.writes.WriteLog`."""

    def __init__(self, engine: Engine, url: URL, sealer: Sealer | OfficeSealer) -> None:
        super().__init__(engine, url)
        self._sealer = sealer
        self._purge_at = 0.0
        self._owner: tuple[str, int] | None = None

    def fence(self, owner: str, epoch: int) -> None:
        """From here on a write is only begun while the worker ``owner`` is at ``epoch``: what its calls are to write is
        another engine's to send after that. How one went that was sent before is noted all the same."""
        self._owner = owner, epoch

    def find(self, key: str) -> Noted | None:
        query = select(office_writes).where(office_writes.c.key == key)
        row = self._read(lambda connection: connection.execute(query).first())
        return None if row is None else self._noted(row)

    def note(self, noted: Noted, now: float, keep_s: float) -> None:
        """Raises StaleOwner for one that is about to be sent, where another engine has the worker."""
        values = {
            "name": clean(noted.name, 80),
            "state": noted.state,
            "backend": clean(noted.backend or "", 40),
            "since": noted.since,
            "inputs_sealed": self._seal(noted.inputs, "inputs", noted.key),
            "values_sealed": self._seal(noted.values, "values", noted.key),
            "keep_until": now + keep_s,
        }
        mine = office_writes.c.key == noted.key
        purge = now >= self._purge_at
        owner = self._owner if noted.state == "sent" else None

        def work(connection: Connection) -> None:
            if owner is not None:
                require_owner(connection, *owner)
            if purge:
                old = (office_writes.c.keep_until <= now) & (office_writes.c.state != "dead")
                connection.execute(delete(office_writes).where(old))
            if not connection.execute(update(office_writes).where(mine).values(values)).rowcount:
                connection.execute(insert(office_writes).values(key=noted.key, **values))

        self._write(work)
        if purge:
            self._purge_at = now + _PURGE_EVERY_S

    def forget(self, key: str) -> None:
        query = delete(office_writes).where(office_writes.c.key == key)
        self._write(lambda connection: connection.execute(query).rowcount)

    def dead(self, *, limit: int | None = None, after: tuple[float, str] | None = None) -> list[Noted]:
        at = office_writes.c
        query = select(office_writes).where(at.state == "dead").order_by(at.since, at.key).limit(limit)
        if after is not None:
            since, key = after
            query = query.where((at.since > since) | ((at.since == since) & (at.key > key)))
        rows = self._read(lambda connection: list(connection.execute(query)))
        return [self._noted(row) for row in rows]

    def _noted(self, row: Row[Any]) -> Noted:
        """Raises SealBroken."""
        inputs, values = (self._open(getattr(row, f"{part}_sealed"), part, row.key) for part in ("inputs", "values"))
        return Noted(row.key, row.name, inputs, row.since, cast("State", row.state), values, row.backend or None)

    def _seal(self, values: Mapping[str, Any], part: str, key: str) -> str:
        return self._sealer.seal(json.dumps(encode_all(values)), context("office_writes", part, key))

    def _open(self, sealed: str, part: str, key: str) -> dict[str, Any]:
        return decode_all(json.loads(self._sealer.open(sealed, context("office_writes", part, key))))
