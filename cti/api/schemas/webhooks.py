"""Webhooks."""

from __future__ import annotations

from cti.api.schemas.base import (
    COUNT,
    CURSOR,
    FLAG,
    LIMIT,
    NUMBER_CURSOR,
    TEXT,
    TIME,
    WHOLE,
    Operation,
    Schema,
    body,
    listed,
    maybe,
    one_of,
    page,
    ref,
    shape,
    text,
    whole,
)  # fmt: skip
from cti.api.webhooks import OVERLAP_MOST_S, REDELIVERED_MAX, SCOPES_MAX, TITLE_MAX, TYPES, WORDS_MAX
from cti.core.webhook_urls import URL_MAX
from cti.core.webhooks import DeliveryState

_NOUNS = sorted({f"{name.partition('.')[0]}.*" for name in TYPES})
_EVENTS: Schema = {**listed(one_of(("*", *_NOUNS, *TYPES)), WORDS_MAX), "minItems": 1}
_SCOPE: Schema = {"type": "string", "pattern": "^(\\*|(team|queue):[A-Za-z0-9][A-Za-z0-9_.-]{0,63})$"}
_URL: Schema = {"type": "string", "minLength": 1, "maxLength": URL_MAX, "examples": ["https://crm.example/cti"]}
_GIVEN: Schema = {"url": _URL, "user_id": text(64, 1), "events": _EVENTS}
_MORE: Schema = {"title": text(TITLE_MAX), "scopes": {**listed(_SCOPE, SCOPES_MAX), "minItems": 1}}
_REFUSED = ("bad-url", "url-not-allowed", "unknown-event", "unknown-user", "bad-scope", "bad-title")
_SECRET: Schema = {"type": "string", "description": "Shown once."}

# fmt: off
SCHEMAS: dict[str, Schema] = {
    "Webhook": shape({
        "webhook_id": TEXT, "title": TEXT, "url": TEXT, "user_id": TEXT, "events": listed(TEXT), "scopes": listed(TEXT),
        "enabled": FLAG, "disabled_at": maybe(TIME), "disabled_why": maybe(one_of(("by_user", "failing", "gone"))),
        "failing_since": maybe(TIME), "succeeded_at": maybe(TIME), "pending": COUNT, "dead": COUNT,
        "keys": listed(shape({"key_id": TEXT, "until": maybe(TIME)})), "created_at": TIME, "created_by": TEXT,
        "changed_at": TIME, "changed_by": TEXT,
    }),
    "NewWebhook": {"allOf": [ref("Webhook"), shape({"secret": _SECRET})]},
    "Delivery": shape({
        "event_id": TEXT, "type": TEXT, "at": TIME, "state": one_of(DeliveryState), "attempts": COUNT,
        "next_at": maybe(TIME), "last_at": maybe(TIME), "status": maybe(WHOLE), "error": maybe(TEXT),
        "ended_at": maybe(TIME),
    }),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/v1/webhooks"): Operation(
        "Webhooks, the oldest first", {200: page("Webhook")}, query={"limit": LIMIT, "after": CURSOR},
        errors=("bad-cursor",),
    ),
    ("POST", "/v1/webhooks"): Operation(
        "Add a webhook; its secret is shown once", {201: ref("NewWebhook")}, body(_GIVEN, _MORE),
        errors=(*_REFUSED, "too-many-webhooks"), sends=("Location",),
        example={"title": "CRM", "url": "https://crm.example/cti", "user_id": "u-crm", "events": ["contact.*"],
                 "scopes": ["queue:service"]},
    ),
    ("GET", "/v1/webhooks/{webhook_id}"): Operation("A webhook", {200: ref("Webhook")}, errors=("unknown-webhook",)),
    ("PATCH", "/v1/webhooks/{webhook_id}"): Operation(
        "Change, disable or enable a webhook", {200: ref("Webhook")},
        {**body({}, {**_GIVEN, **_MORE, "enabled": FLAG}), "minProperties": 1},
        errors=(*_REFUSED, "unknown-webhook"), example={"enabled": True},
    ),
    ("DELETE", "/v1/webhooks/{webhook_id}"): Operation("Delete a webhook", {204: None}, errors=("unknown-webhook",)),
    ("POST", "/v1/webhooks/{webhook_id}/secret"): Operation(
        "A new secret, shown once", {200: shape({"webhook_id": TEXT, "key_id": TEXT, "secret": _SECRET})},
        body({}, {"overlap_s": whole(0, OVERLAP_MOST_S)}), errors=("unknown-webhook",), body_needed=False,
        example={"overlap_s": 3600},
    ),
    ("POST", "/v1/webhooks/{webhook_id}/test"): Operation(
        "Send a test message now", {200: shape({"delivered": FLAG, "status": maybe(WHOLE), "error": maybe(TEXT)})},
        errors=("unknown-webhook",),
    ),
    ("GET", "/v1/webhooks/{webhook_id}/deliveries"): Operation(
        "What became of events, the newest first", {200: page("Delivery")},
        query={"limit": LIMIT, "after": {**NUMBER_CURSOR, "pattern": "^[0-9]{1,19}$"}, "state": one_of(DeliveryState)},
        errors=("unknown-webhook", "bad-cursor"),
    ),
    ("POST", "/v1/webhooks/{webhook_id}/redeliver"): Operation(
        "Send dead letters again", {200: shape({"redelivered": COUNT})},
        body({}, {"event_ids": {**listed(text(100, 1), REDELIVERED_MAX), "minItems": 1}}),
        errors=("unknown-webhook",), body_needed=False, example={"event_ids": ["5f0c9a1e5f0c9a1e-812"]},
    ),
}
# fmt: on
