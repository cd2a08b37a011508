"""Asynchronous requests on disk: what is outstanding stands here and not in memory, and outlives the engine.

Engines share the table: whoever takes something up has a lease for it, and an engine of the same name takes its own up
again at its start.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, func, or_, select, update
from sqlalchemy.engine import URL

from cti.core.async_requests import PAUSE_MOST_S, AsyncRequest, Callback, Phase
from cti.core.moments import SKEW_S
from cti.core.webhooks import WAIT_MOST_S
from cti.flow.values import decode_all, encode_all
from cti.store.database import insert_new
from cti.store.office_sealer import OfficeSealer
from cti.store.repository import Repository
from cti.store.rows import clean, context
from cti.store.schema_office import async_requests
from cti.store.sealing import SealBroken, Sealer

log = logging.getLogger("cti.store")

_PURGED_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of a list ended: the newest come first."""

    since: float
    request_id: str


class AsyncRequests(Repository):
    """Implements `cti.boss.async_desk.AsyncLog`."""

    def __init__(self, engine: Engine, url: URL, sealer: Sealer | OfficeSealer) -> None:
        super().__init__(engine, url)
        self._sealer = sealer

    def add(self, one: AsyncRequest) -> bool:
        """On return it is on disk. False: there is one of this id, which stays as it is."""
        row = {"request_id": one.request_id, "worker": "", "lease_until": 0.0, **self._columns(one)}
        return self._write(lambda connection: insert_new(connection, async_requests, row))

    def find(self, request_id: str) -> AsyncRequest | None:
        return self._one(async_requests.c.request_id == clean(request_id, 64))

    def find_by_key(self, key: str) -> AsyncRequest | None:
        return self._one(async_requests.c.key == clean(key, 300))

    def of_user(self, user_id: str, *, limit: int, before: Place | None, state: str | None) -> list[AsyncRequest]:
        """The newest first."""
        at = async_requests.c
        query = select(async_requests).where(at.user_id == user_id)
        if before is not None:
            older = and_(at.since == before.since, at.request_id < before.request_id)
            query = query.where(or_(at.since < before.since, older))
        if state is not None:
            query = query.where(at.state == state)
        query = query.order_by(at.since.desc(), at.request_id.desc()).limit(limit)
        return [self._of(row) for row in self._read(lambda connection: list(connection.execute(query)))]

    def outstanding(self) -> int:
        query = select(func.count()).where(async_requests.c.phase == "ask")
        return self._read(lambda connection: int(connection.execute(query).scalar() or 0))

    # ---- of a worker -----------------------------------------------------------------------------------------------

    def claim(
        self, phase: Phase, worker: str, now: float, lease_s: float, limit: int, without: Collection[str]
    ) -> list[AsyncRequest]:
        """Those that are due the longest, not in the lanes ``without``; they are this worker's for ``lease_s``. What is
        further ahead than anything is put off was written before the clock was set back."""
        at, ahead = async_requests.c, now + SKEW_S
        due = or_(
            at.due_at <= now,
            and_(at.attempts == 0, at.due_at > ahead),
            at.due_at > ahead + (PAUSE_MOST_S if phase == "ask" else WAIT_MOST_S),
        )
        free = and_(at.phase == phase, due, or_(at.lease_until <= now, at.lease_until > ahead + lease_s))
        query = select(at.request_id).where(free, at.lane.not_in(sorted(without))).order_by(at.due_at).limit(limit)

        def work(connection: Connection) -> list[Row[Any]]:
            ids = list(connection.execute(query).scalars())
            if not ids:
                return []
            # Said once more: another engine may have been faster.
            mine = update(async_requests).where(at.request_id.in_(ids), free)
            mine = mine.values(worker=clean(worker, 80), lease_until=now + lease_s)
            return list(connection.execute(mine.returning(*at)))

        if self._read(lambda connection: connection.execute(query.limit(1)).first()) is None:
            return []  # no write where there is nothing to do: it would wait for others'
        return self._readable(sorted(self._write(work), key=lambda row: row.due_at))

    def put(self, one: AsyncRequest) -> None:
        """What became of it; the lease ends."""
        mine = update(async_requests).where(async_requests.c.request_id == one.request_id)
        mine = mine.values(worker="", lease_until=0.0, **self._columns(one))
        self._write(lambda connection: connection.execute(mine).rowcount)

    def release(self, worker: str) -> None:
        """What a worker of this name had is free."""
        mine = update(async_requests).where(async_requests.c.worker == clean(worker, 80))
        self._write(lambda connection: connection.execute(mine.values(worker="", lease_until=0.0)).rowcount)

    def purge(self, before: float) -> None:
        """Forget those that are over since then, but dead ones, of which a person has to decide."""
        at = async_requests.c
        old = select(at.request_id).where(at.phase == "over", at.due_at < before, at.state != "dead")
        old = old.limit(_PURGED_AT_ONCE)
        self._write(
            lambda connection: connection.execute(async_requests.delete().where(at.request_id.in_(old))).rowcount
        )

    # ---- rows ------------------------------------------------------------------------------------------------------

    def _readable(self, rows: list[Row[Any]]) -> list[AsyncRequest]:
        """One that does not open stops no others: it is looked at again when its lease has ended."""
        found = []
        for row in rows:
            try:
                found.append(self._of(row))
            except SealBroken as error:
                log.error("the request %s cannot be taken up: %s", row.request_id, error)
        return found

    def _one(self, where: Any) -> AsyncRequest | None:
        query = select(async_requests).where(where)
        row = self._read(lambda connection: connection.execute(query).first())
        return None if row is None else self._of(row)

    def _columns(self, one: AsyncRequest) -> dict[str, Any]:
        body = {"inputs": encode_all(one.inputs), "values": encode_all(one.values)}
        if one.callback is not None:
            body["callback"] = {"url": one.callback.url, "secret": one.callback.secret}
        return {
            "user_id": clean(one.user_id, 64),
            "name": clean(one.name, 80),
            "key": one.key,
            "since": one.since,
            "expires_at": one.expires_at,
            "state": one.state,
            "outcome": clean(one.outcome, 40),
            "phase": one.phase,
            "lane": clean(one.lane, 260),
            "due_at": one.due_at,
            "attempts": one.attempts,
            "told": one.told,
            "ended_at": one.ended_at,
            "body_sealed": self._sealer.seal(json.dumps(body), _context(one.request_id)),
        }

    def _of(self, row: Row[Any]) -> AsyncRequest:
        """Raises SealBroken."""
        body = json.loads(self._sealer.open(row.body_sealed, _context(row.request_id)))
        callback = body.get("callback")
        return AsyncRequest(
            row.request_id, row.user_id, row.name, row.key, decode_all(body["inputs"]), row.since, row.expires_at,
            None if callback is None else Callback(callback["url"], callback["secret"]), row.state, row.outcome,
            decode_all(body["values"]), row.phase, row.lane, row.due_at, row.attempts, row.told, row.ended_at,
        )  # fmt: skip


def _context(request_id: str) -> str:
    return context("async_requests", "body", request_id)
