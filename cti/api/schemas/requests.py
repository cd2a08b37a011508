"""Requests to the back office that are not waited for, and dead letters."""

from __future__ import annotations

from cti.api.async_requests import EXPIRES_MOST_S, EXPIRES_S, NAME_MAX, SECRET_MAX
from cti.api.dead_letters import KEY_MAX, REASON_MAX
from cti.api.schemas.base import (
    ANYTHING,
    CURSOR,
    LIMIT,
    TEXT,
    TEXTS,
    TIME,
    UNMASK,
    Operation,
    Schema,
    body,
    maybe,
    one_of,
    page,
    ref,
    shape,
    text,
    whole,
)
from cti.core.async_requests import STATES
from cti.core.webhook_urls import URL_MAX

_STATE: Schema = {
    **one_of(STATES),
    "description": "waiting; done or rejected by the back office; dead: nobody knows, a person decides; dropped: one "
    "did; error: nothing was written",
}
_MASKED: Schema = {**TEXTS, "description": "which arguments and values are masked"}
_TOLD: Schema = maybe(one_of(("pending", "delivered", "dead")))
_SECRET: Schema = {
    **text(SECRET_MAX, 1),
    "description": "Signs what is sent, as webhooks are signed: whsec_ and the base64 of 24 to 64 random bytes.",
}
_DECISION: Schema = body({"key": text(KEY_MAX, 1), "reason": text(REASON_MAX, 1)})
_DECIDED: Schema = shape({"key": TEXT, "outcome": TEXT})
_EXAMPLE = {"key": "c-1/fault.file.1", "reason": "the back office says that it was not done"}

# fmt: off
SCHEMAS: dict[str, Schema] = {
    "AsyncRequest": shape({
        "request_id": TEXT, "request": TEXT, "state": _STATE, "outcome": maybe(TEXT), "arguments": ANYTHING,
        "values": ANYTHING, "masked": _MASKED, "ordered_at": TIME, "expires_at": TIME, "ended_at": maybe(TIME),
        "callback": maybe(shape({"url": TEXT, "state": _TOLD})),
    }),
    "DeadLetter": shape({
        "key": TEXT, "request": TEXT, "backend": maybe(TEXT), "since": TIME, "arguments": ANYTHING, "masked": _MASKED,
    }),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("POST", "/v1/requests"): Operation(
        "Order a write; it is seen through, and what came of it told", {202: ref("AsyncRequest")},
        body({"request": text(NAME_MAX, 1)}, {
            "arguments": ANYTHING,
            "callback": maybe(body({"url": text(URL_MAX, 1), "secret": _SECRET})),
            "expires_s": {**whole(1, EXPIRES_MOST_S), "default": EXPIRES_S,
                          "description": "For how long it is tried while nothing was written."},
        }),
        errors=("unknown-request", "bad-arguments", "bad-url", "url-not-allowed", "bad-secret", "busy"),
        sends=("Location",),
        example={"request": "package.order", "arguments": {"msisdn": "13800000000", "product": "fibre"}},
    ),
    ("GET", "/v1/requests"): Operation(
        "One's own requests, the newest first", {200: page("AsyncRequest")},
        query={"limit": LIMIT, "after": CURSOR, "state": _STATE}, errors=("bad-cursor",),
    ),
    ("GET", "/v1/requests/{request_id}"): Operation(
        "What came of a request", {200: ref("AsyncRequest")}, query=UNMASK, errors=("not-found", "unknown-request"),
    ),
    ("GET", "/v1/requests/dead"): Operation(
        "Writes of which nobody knows whether they were done", {200: page("DeadLetter")},
        query={"limit": LIMIT, "after": CURSOR}, errors=("bad-cursor",),
    ),
    ("POST", "/v1/requests/dead/replay"): Operation(
        "Send a dead letter again", {200: _DECIDED}, _DECISION, errors=("unknown-request",), example=_EXAMPLE,
    ),
    ("POST", "/v1/requests/dead/drop"): Operation(
        "Settle a dead letter", {200: _DECIDED}, _DECISION, errors=("unknown-request",), example=_EXAMPLE,
    ),
}
# fmt: on
