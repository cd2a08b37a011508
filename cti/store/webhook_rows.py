"""Webhooks as rows, and the events that they are to get, written with the facts that they tell of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Double, bindparam, func, select
from sqlalchemy import Row as Found

from cti.core.access import ResourceScope, Scope
from cti.core.webhooks import DeliveryState, EventKept, Key, Webhook
from cti.store.database import insert_ignoring
from cti.store.fixed import run_many
from cti.store.rows import Row, clean, context
from cti.store.schema_webhooks import webhook_deliveries, webhook_events
from cti.store.sealing import Sealer

_ID, _LANE, _SCOPE = 64, 200, 10_000


_earlier = webhook_deliveries.alias()
#: That of the first that waits in the same lane: what stands behind something that is tried later is not looked at.
_NEXT_AT = func.coalesce(
    select(_earlier.c.next_at)
    .where(
        _earlier.c.webhook_id == bindparam("of_webhook"),
        _earlier.c.lane == bindparam("of_lane"),
        _earlier.c.state == DeliveryState.PENDING.value,
    )
    .order_by(_earlier.c.position)
    .limit(1)
    .scalar_subquery(),
    bindparam("due", type_=Double),
)


def write_events(connection: Connection, sealer: Sealer, records: Sequence[EventKept]) -> None:
    """Once more changes nothing: a batch of unknown fate is written again."""
    if not records:
        return
    run_many(connection, insert_ignoring(connection, webhook_events), [_event_row(one, sealer) for one in records])
    deliveries = [_delivery_row(one, webhook) for one in records for webhook in one.webhooks]
    run_many(connection, _deliver(insert_ignoring(connection, webhook_deliveries)), deliveries)


@cache
def _deliver(insert: Any) -> Any:
    return insert.values(next_at=_NEXT_AT)


def _event_row(record: EventKept, sealer: Sealer) -> Row:
    event_id = clean(record.event_id, _ID)
    scope = {"owner": record.owner, "teams": sorted(record.teams), "queues": sorted(record.queues)}
    return {
        "event_id": event_id,
        "type": clean(record.type, 64),
        "at": float(record.at),
        "scope": clean(json.dumps(scope), _SCOPE),
        "text_sealed": sealer.seal(clean(record.text, len(record.text)), context("webhook_events", "text", event_id)),
    }


def _delivery_row(record: EventKept, webhook: str) -> Row:
    return {
        "webhook_id": clean(webhook, _ID),
        "event_id": clean(record.event_id, _ID),
        "position": record.position,
        "lane": clean(record.lane, _LANE),
        "state": DeliveryState.PENDING.value,
        "since": float(record.at),
        "of_webhook": clean(webhook, _ID),
        "of_lane": clean(record.lane, _LANE),
        "due": float(record.at),
        "attempts": 0,
        "last_at": None,
        "status": None,
        "error": "",
        "ended_at": None,
    }


def event_text(sealed: str, event_id: str, sealer: Sealer) -> str:
    """Raises SealBroken."""
    return sealer.open(sealed, context("webhook_events", "text", event_id))


def scope_of(text: str) -> ResourceScope:
    told = json.loads(text)
    return ResourceScope(told["owner"], frozenset(told["teams"]), frozenset(told["queues"]))


def webhook_row(one: Webhook, sealer: Sealer) -> Row:
    return {
        "webhook_id": one.webhook_id,
        "title": one.title,
        "url_sealed": sealer.seal(one.url, context("webhooks", "url", one.webhook_id)),
        "user_id": one.user_id,
        "events": json.dumps(list(one.events)),
        "scopes": json.dumps([str(scope) for scope in one.scopes]),
        "keys_sealed": _keys_sealed(one, sealer),
        "created_at": one.created_at,
        "created_by": clean(one.created_by, 200),
        "changed_at": one.changed_at,
        "changed_by": clean(one.changed_by, 200),
        "disabled_at": one.disabled_at,
        "disabled_why": one.disabled_why,
        "failing_since": one.failing_since,
        "succeeded_at": one.succeeded_at,
    }


def _keys_sealed(one: Webhook, sealer: Sealer) -> str:
    told = [{"key_id": key.key_id, "secret": key.secret, "until": key.until} for key in one.keys]
    return sealer.seal(json.dumps(told), context("webhooks", "keys", one.webhook_id))


def webhook_of(row: Found[Any], sealer: Sealer) -> Webhook:
    """Raises SealBroken."""
    id_ = row.webhook_id
    keys = json.loads(sealer.open(row.keys_sealed, context("webhooks", "keys", id_)))
    return Webhook(
        webhook_id=id_,
        title=row.title,
        url=sealer.open(row.url_sealed, context("webhooks", "url", id_)),
        user_id=row.user_id,
        events=tuple(json.loads(row.events)),
        scopes=tuple(Scope.parse(text) for text in json.loads(row.scopes)),
        keys=tuple(Key(**key) for key in keys),
        created_at=row.created_at,
        created_by=row.created_by,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
        disabled_at=row.disabled_at,
        disabled_why=row.disabled_why,
        failing_since=row.failing_since,
        succeeded_at=row.succeeded_at,
    )
