"""What bodies and answers look like, by noun: each module has its `SCHEMAS` (components) and its `OPERATIONS`.

A route without an `Operation` cannot be described, which a test finds.
"""

from __future__ import annotations

from cti.api.schemas import (
    accounts,
    bulk,
    calendars,
    calls,
    chats,
    customers,
    desks,
    entries,
    feeds,
    floor,
    flows,
    nodes,
    office,
    orders,
    recordings,
    requests,
    service,
    webhooks,
    work,
)
from cti.api.schemas.base import Operation, Schema, ref

__all__ = ["OPERATIONS", "SCHEMAS", "Operation", "Schema", "ref"]

_NOUNS = (
    *(office, service, accounts, work, floor, chats, calls, recordings, desks, feeds, nodes, orders, flows, webhooks),
    *(entries, calendars, bulk, customers, requests),
)

SCHEMAS: dict[str, Schema] = {name: schema for noun in _NOUNS for name, schema in noun.SCHEMAS.items()}
#: (method, path template) -> what it takes and answers. ``{command}`` of a route may be spelt out, one line for each.
OPERATIONS: dict[tuple[str, str], Operation] = {key: one for noun in _NOUNS for key, one in noun.OPERATIONS.items()}
