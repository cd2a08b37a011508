"""Orders of other systems."""

from __future__ import annotations

from cti.api.schemas.base import (
    COUNT,
    CURSOR,
    LIMIT,
    PAGES,
    TEXT,
    TIME,
    Operation,
    Schema,
    body,
    mapped,
    maybe,
    one_of,
    page,
    ref,
    shape,
    text,
)
from cti.boss.orders.reading import FIELD_CHARS, KEY_CHARS
from cti.core.orders import OrderKind, OrderState

_KIND: Schema = one_of(tuple(OrderKind))

# fmt: off
SCHEMAS: dict[str, Schema] = {
    "Order": shape({
        "source": TEXT, "key": {**TEXT, "description": "the other system's"}, "kind": _KIND,
        "state": one_of(OrderState), "order_id": maybe(TEXT), "code": maybe(TEXT),
        "received_at": TIME, "done_at": maybe(TIME),
    }),
    "OrderAnswer": shape({
        "state": one_of(("accepted", "rejected")), "order_id": maybe(TEXT), "code": maybe(TEXT),
    }),
    "OrderSource": shape({
        "name": TEXT, "way": one_of(("files", "table", "socket")), "kinds": {"type": "array", "items": _KIND},
        "accepted": COUNT, "rejected": mapped(COUNT), "problem": maybe(TEXT), "last_look": maybe(TIME),
    }),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/v1/orders"): Operation(
        "What other systems have ordered, the newest first", {200: page("Order")},
        query={"limit": LIMIT, "after": CURSOR, "source": TEXT, "state": one_of(OrderState), "kind": _KIND},
        errors=("bad-cursor",),
    ),
    ("POST", "/v1/orders"): Operation(
        "Place one as another system; the same key again gets the first answer", {200: ref("OrderAnswer")},
        body({"key": text(KEY_CHARS, 1), "kind": _KIND}, {"fields": mapped(text(FIELD_CHARS))}),
        errors=("store-unavailable",),
        example={"key": "crm-17", "kind": "callback", "fields": {"number": "13800000000", "queue": "service"}},
    ),
    ("GET", "/v1/orders/sources"): Operation(
        "Where orders come from, and how that is", {200: page("OrderSource")}, query=PAGES,
    ),
}
# fmt: on
