"""Customers, as the platform knows them."""

from __future__ import annotations

from cti.api.customers import CONTACT_MAX, NUMBER_MAX
from cti.api.schemas.base import (
    COUNT,
    CURSOR,
    FLAG,
    LIMIT,
    TEXT,
    TEXTS,
    TIME,
    UNMASK,
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
)  # fmt: skip
from cti.core.calls import Medium, TerminalCause

_MEDIUM = one_of(Medium)

# fmt: off
SCHEMAS: dict[str, Schema] = {
    "Customer": shape({
        "customer": TEXT, "number": maybe(TEXT), "name": TEXT,
        "identity": shape({"verified": FLAG, "at": maybe(TIME), "call_id": maybe(TEXT)}),
        "contacts": COUNT, "media": mapped(COUNT, _MEDIUM), "first_at": maybe(TIME), "last_at": maybe(TIME),
        "callbacks_open": COUNT,
    }),
    "CustomerContact": shape({
        "call_id": TEXT, "medium": _MEDIUM, "called": TEXT, "started_at": TIME, "ended_at": maybe(TIME), "flow": TEXT,
        "outcome": TEXT, "terminal_cause": maybe(one_of(TerminalCause)), "goals": TEXTS, "identity_verified": FLAG,
        "agents": TEXTS,
    }),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("POST", "/v1/customers/lookup"): Operation(
        "The customer who has a number, or of a contact; audited", {200: ref("Customer")},
        {**body({}, {"number": text(NUMBER_MAX, 1), "contact": text(CONTACT_MAX, 1)}), "minProperties": 1,
         "maxProperties": 1},
        errors=("unknown-customer", "unknown-contact", "no-number"), example={"number": "13800001234"},
    ),
    ("GET", "/v1/customers/{customer}"): Operation(
        "A customer", {200: ref("Customer")}, query=UNMASK, errors=("unknown-customer",),
    ),
    ("GET", "/v1/customers/{customer}/contacts"): Operation(
        "Contacts of a customer, the newest first", {200: page("CustomerContact")},
        query={"limit": LIMIT, "before": CURSOR}, errors=("unknown-customer", "bad-cursor"),
    ),
}
# fmt: on
