"""Webhooks as people look after them. Each change and its line of the audit are one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine, Row, func, insert, select, update
from sqlalchemy.engine import URL

from cti.core.access import Deed
from cti.core.errors import CtiError
from cti.core.webhooks import WEBHOOKS_MAX, DeliveryState, Webhook
from cti.store.audit import append
from cti.store.people import get as get_user
from cti.store.repository import Repository
from cti.store.rows import clean
from cti.store.schema_webhooks import webhook_deliveries, webhook_events, webhooks
from cti.store.sealing import Sealer
from cti.store.webhook_rows import webhook_of, webhook_row

Cursor = tuple[float, str]  # created_at and id of the last one seen


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one event at one webhook. Times in seconds since the epoch; ``next_at`` while it is pending."""

    event_id: str
    type: str
    at: float
    position: int
    state: DeliveryState
    attempts: int
    next_at: float | None
    last_at: float | None
    status: int | None
    error: str
    ended_at: float | None


class Webhooks(Repository):
    """Beside StoreUnavailable, raises CtiError: unknown-webhook, unknown-user, too-many-webhooks."""

    def __init__(self, engine: Engine, url: URL, sealer: Sealer) -> None:
        super().__init__(engine, url)
        self._sealer = sealer

    def add(self, one: Webhook, deed: Deed) -> Webhook:
        def work(connection: Connection) -> Webhook:
            get_user(connection, one.user_id)
            there = select(func.count()).where(webhooks.c.deleted_at.is_(None))
            if connection.execute(there).scalar_one() >= WEBHOOKS_MAX:
                raise CtiError(f"there are {WEBHOOKS_MAX} webhooks already", code="too-many-webhooks")
            row = {**webhook_row(one, self._sealer), "deleted_at": None, "lease_by": "", "lease_until": 0.0}
            connection.execute(insert(webhooks).values(row))
            append(connection, deed.line("webhook.add", f"webhook:{one.webhook_id}", after=_shown(one)))
            return one

        return self._write(work)

    def change(self, webhook_id: str, change: Callable[[Webhook], Webhook], deed: Deed, action: str) -> Webhook:
        """``change`` makes the new one of the one that is there."""

        def work(connection: Connection) -> Webhook:
            before = self._get(connection, webhook_id)
            after = change(before)
            get_user(connection, after.user_id)
            mine = update(webhooks).where(webhooks.c.webhook_id == before.webhook_id)
            connection.execute(mine.values(webhook_row(after, self._sealer)))
            append(connection, deed.line(action, f"webhook:{before.webhook_id}", _shown(before), _shown(after)))
            return after

        return self._write(work)

    def delete(self, webhook_id: str, deed: Deed) -> None:
        """What was to be sent to it is not sent any more."""

        def work(connection: Connection) -> None:
            before = self._get(connection, webhook_id)
            mine = update(webhooks).where(webhooks.c.webhook_id == before.webhook_id)
            connection.execute(mine.values(deleted_at=deed.at))
            append(connection, deed.line("webhook.delete", f"webhook:{before.webhook_id}", _shown(before)))

        self._write(work)

    def find(self, webhook_id: str) -> Webhook:
        return self._read(lambda connection: self._get(connection, webhook_id))

    def some(self, *, limit: int, after: Cursor | None = None) -> list[Webhook]:
        """The oldest first."""
        at = webhooks.c
        query = select(webhooks).where(at.deleted_at.is_(None)).order_by(at.created_at, at.webhook_id).limit(limit)
        if after is not None:
            query = query.where((at.created_at > after[0]) | ((at.created_at == after[0]) & (at.webhook_id > after[1])))
        return self._read(lambda connection: [webhook_of(row, self._sealer) for row in connection.execute(query)])

    def counts(self, ids: Sequence[str]) -> dict[tuple[str, DeliveryState], int]:
        """How many deliveries of each there are, by state."""
        at = webhook_deliveries.c
        query = select(at.webhook_id, at.state, func.count()).where(at.webhook_id.in_(ids))
        grouped = query.group_by(at.webhook_id, at.state)
        return self._read(
            lambda connection: {(row[0], DeliveryState(row[1])): row[2] for row in connection.execute(grouped)}
        )

    def deliveries(
        self, webhook_id: str, *, limit: int, before: int | None = None, state: str | None = None
    ) -> list[Delivery]:
        """The newest event first; ``before``: `Delivery.position` of the last one seen."""
        at = webhook_deliveries.c
        joined = webhook_deliveries.join(webhook_events, at.event_id == webhook_events.c.event_id)
        query = select(webhook_deliveries, webhook_events.c.type, webhook_events.c.at).select_from(joined)
        query = query.where(at.webhook_id == clean(webhook_id, 64)).order_by(at.position.desc()).limit(limit)
        if before is not None:
            query = query.where(at.position < before)
        if state is not None:
            query = query.where(at.state == state)

        def work(connection: Connection) -> list[Delivery]:
            self._get(connection, webhook_id)
            return [_delivery(row) for row in connection.execute(query)]

        return self._read(work)

    def redeliver(self, webhook_id: str, events: Sequence[str] | None, deed: Deed) -> int:
        """Dead letters, all or these, are sent again; how many."""

        def work(connection: Connection) -> int:
            before = self._get(connection, webhook_id)
            at = webhook_deliveries.c
            dead = (at.webhook_id == before.webhook_id) & (at.state == DeliveryState.DEAD.value)
            if events is not None:
                dead &= at.event_id.in_([clean(event, 64) for event in events])
            # At once, so before what may wait behind it in its lane.
            again = {"state": DeliveryState.PENDING.value, "since": deed.at, "next_at": 0.0, "attempts": 0}
            done = connection.execute(update(webhook_deliveries).where(dead).values(**again, ended_at=None)).rowcount
            after = {"events": done, "all": events is None}
            append(connection, deed.line("webhook.redeliver", f"webhook:{before.webhook_id}", after=after))
            return int(done)

        return self._write(work)

    def _get(self, connection: Connection, webhook_id: str) -> Webhook:
        at = webhooks.c
        query = select(webhooks).where(at.webhook_id == clean(webhook_id, 64), at.deleted_at.is_(None))
        row = connection.execute(query).first()
        if row is None:
            raise CtiError(f"there is no webhook {webhook_id[:64]!r}", code="unknown-webhook")
        return webhook_of(row, self._sealer)


def _shown(one: Webhook) -> dict[str, Any]:
    """For the audit. Path and query of a URL may hold a secret of the receiver: only that they changed is told."""
    parts = urlsplit(one.url)
    return {
        "title": one.title,
        "host": f"{parts.scheme}://{parts.netloc}",
        "secret": one.url + "".join(key.key_id for key in one.keys),  # masked by the audit: only that it changed shows
        "user": one.user_id,
        "events": list(one.events),
        "scopes": [str(scope) for scope in one.scopes],
        "keys": [key.key_id for key in one.keys],
        "disabled": one.disabled_why,
    }


def _delivery(row: Row[Any]) -> Delivery:
    pending = row.state == DeliveryState.PENDING.value
    return Delivery(
        row.event_id,
        row.type,
        row.at,
        row.position,
        DeliveryState(row.state),
        row.attempts,
        row.next_at if pending else None,
        row.last_at,
        row.status,
        row.error,
        row.ended_at,
    )
