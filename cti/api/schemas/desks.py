"""What people look after while the platform runs: callbacks, notices, blocked numbers."""

from __future__ import annotations

from cti.api.notices import REASON_MAX
from cti.api.schemas.base import (
    COUNT,
    CURSOR,
    LIMIT,
    MOMENT,
    PAGES,
    TEXT,
    TIME,
    UNMASK,
    WHOLE,
    Operation,
    Schema,
    body,
    listed,
    mapped,
    maybe,
    one_of,
    page,
    ref,
    shape,
    text,
    whole,
)  # fmt: skip
from cti.core.callback_wishes import ATTEMPTS_MAX, WHEN_EVENT
from cti.core.callbacks import CallbackState

_STATES = ("open", *CallbackState)
_WHEN: Schema = {"anyOf": [{"const": "now"}, {"type": "string", "pattern": f"^{WHEN_EVENT}$"}, MOMENT]}
_NUMBER: Schema = {"type": "string", "pattern": "^\\+?[0-9]{3,15}$"}
_ATTEMPTS = whole(1, ATTEMPTS_MAX)
_SAY: Schema = {"anyOf": [text(1000, 1), {**mapped(text(1000, 1)), "minProperties": 1}]}
_WORDS = listed(text(64, 1), 500)
_NOTICE: Schema = {
    "say": _SAY, "areas": _WORDS, "services": _WORDS, "numbers": _WORDS, "starts": MOMENT, "ends": MOMENT,
    "priority": whole(0, 100),
}  # fmt: skip
_GIVEN: Schema = {name: maybe(schema) for name, schema in _NOTICE.items() if name != "say"}
_ID: Schema = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_.-]{0,63}$"}
_SAID = {"say": "Because of the storm some calls are cut off.", "areas": ["Yulin"], "priority": 10}

# fmt: off
SCHEMAS: dict[str, Schema] = {
    "Callback": shape({
        "callback_id": TEXT, "state": one_of(CallbackState), "number": TEXT, "queue": maybe(TEXT), "flow": maybe(TEXT),
        "due_at": maybe(TIME), "event": maybe(TEXT), "created_at": TIME, "waits_since": maybe(TIME), "attempts": COUNT,
        "attempts_allowed": COUNT, "last": maybe(TEXT), "call_id": maybe(TEXT), "called_as": maybe(TEXT),
        "agent": maybe(TEXT), "ended_at": maybe(TIME), "version": WHOLE,
    }),
    "Notice": shape({
        "notice_id": TEXT, **{name: maybe(schema) for name, schema in _NOTICE.items()}, "created_at": TIME,
        "created_by": TEXT, "changed_at": maybe(TIME), "changed_by": maybe(TEXT), "ended_at": maybe(TIME),
        "version": WHOLE, "heard": COUNT, "heard_whole": COUNT, "hung_up": COUNT,
    }),
    "Blocked": shape({
        "blocked_id": TEXT, "number": TEXT, "reason": TEXT, "until": maybe(TIME), "created_at": TIME,
        "created_by": TEXT,
    }),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/v1/callbacks"): Operation(
        "Callbacks, the newest first", {200: page("Callback")},
        query={"limit": LIMIT, "after": CURSOR, "state": one_of(_STATES), "queue": TEXT, **UNMASK},
        errors=("bad-cursor",),
    ),
    ("POST", "/v1/callbacks"): Operation(
        "Promise a callback, met by an agent of a queue or by a flow", {201: ref("Callback")},
        {**body({"number": _NUMBER}, {"when": _WHEN, "queue": text(64), "flow": text(64), "attempts": _ATTEMPTS}),
         "oneOf": [{"required": ["queue"]}, {"required": ["flow"]}]},
        errors=("bad-number", "bad-time", "nobody-calls", "too-many-callbacks", "switch-unavailable"),
        sends=("Location",), example={"number": "13800000000", "queue": "service", "when": "now"},
    ),
    ("GET", "/v1/callbacks/{callback_id}"): Operation(
        "A callback", {200: ref("Callback")}, query=UNMASK, errors=("unknown-callback",),
    ),
    ("PATCH", "/v1/callbacks/{callback_id}"): Operation(
        "Change when, by whom, or how often", {200: ref("Callback")},
        {**body({}, {"when": _WHEN, "queue": text(64, 1), "attempts": _ATTEMPTS}), "minProperties": 1},
        errors=("unknown-callback", "callback-over", "bad-time", "nobody-calls"), example={"attempts": 5},
    ),
    ("DELETE", "/v1/callbacks/{callback_id}"): Operation(
        "Cancel a callback", {204: None}, errors=("unknown-callback", "callback-over"),
    ),
    ("GET", "/v1/notices"): Operation(
        "Notices that were set here, ended ones of the last week too", {200: page("Notice")}, query=PAGES,
    ),
    ("POST", "/v1/notices"): Operation(
        "Set a notice; it holds from the next call on", {201: ref("Notice")},
        body({"notice_id": _ID, "say": _SAY}, _GIVEN), errors=("bad-notice", "notice-exists"), sends=("Location",),
        example={"notice_id": "storm", **_SAID},
    ),
    ("GET", "/v1/notices/{notice_id}"): Operation("A notice", {200: ref("Notice")}, errors=("unknown-notice",)),
    ("PUT", "/v1/notices/{notice_id}"): Operation(
        "Replace a notice", {200: ref("Notice")}, body({"say": _SAY}, _GIVEN),
        errors=("unknown-notice", "bad-notice", "notice-exists"), example=_SAID,
    ),
    ("DELETE", "/v1/notices/{notice_id}"): Operation("End a notice", {204: None}, errors=("unknown-notice",)),
    ("GET", "/v1/blocked"): Operation(
        "Blocked numbers, the newest first", {200: page("Blocked")},
        query={"limit": LIMIT, "after": CURSOR, **UNMASK}, errors=("bad-cursor",),
    ),
    ("POST", "/v1/blocked"): Operation(
        "Let a number in no longer", {201: ref("Blocked")},
        body({"number": text(24, 1), "reason": text(REASON_MAX, 1)}, {"until": MOMENT}), errors=("bad-number",),
        sends=("Location",), example={"number": "13800009999", "reason": "calls at night and says nothing"},
    ),
    ("DELETE", "/v1/blocked/{blocked_id}"): Operation(
        "Let a number in again", {204: None}, errors=("unknown-blocked",),
    ),
}
# fmt: on
