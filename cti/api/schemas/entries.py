"""The entry table: which number, medium and caller goes to which flow."""

from __future__ import annotations

from hashlib import sha256

from cti.api.schemas.base import (
    COUNT,
    FLAG,
    LIMIT,
    MOMENT,
    NUMBER,
    NUMBER_CURSOR,
    TEXT,
    TEXTS,
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
)  # fmt: skip
from cti.api.schemas.flows import HELD, JUDGED, SEEN, TEXT_MAX
from cti.core.calls import Medium
from cti.flow.calendar import WEEKDAYS

_WEEK = mapped(TEXTS, one_of(WEEKDAYS))
TABLE = "entries:\n  - {name: everybody, medium: voice, flow: hotline}\n"

# fmt: off
SCHEMAS: dict[str, Schema] = {
    "Entry": shape({
        "name": TEXT, "flow": TEXT, "media": TEXTS, "called": TEXTS,
        "caller": shape({"line": maybe(one_of(("mobile", "fixed"))), "numbers": TEXTS, "withheld": maybe(FLAG)}),
        "attributes": mapped(TEXTS),
        "when": maybe(shape({"calendar": maybe(TEXT), "is": TEXTS, "week": maybe(_WEEK)})),
        "every": maybe(shape({"times": TEXTS, "days": TEXTS, "dates": listed(COUNT), "timezone": TEXT})),
        "percent": maybe(NUMBER), "canary": maybe(shape({"version": TEXT, "percent": NUMBER})),
        "inputs": maybe(mapped(TEXT)),
    }),
    "Entries": shape({
        "version": maybe(TEXT), "file_version": TEXT, "items": listed(ref("Entry")), "held_back": maybe(HELD),
        "draft": maybe(ref("FlowDraft")),
    }),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/v1/entries"): Operation(
        "The entry table that calls meet", {200: ref("Entries"), 304: None}, takes=("If-None-Match",), sends=("ETag",),
    ),
    ("GET", "/v1/entries/source"): Operation(
        "The draft of the table, or its file", {200: ref("FlowSource"), 304: None}, query={"live": FLAG},
        errors=("not-found",), takes=("If-None-Match",), sends=("ETag",),
    ),
    ("PUT", "/v1/entries/source"): Operation(
        "Upload a draft of the table", {200: ref("FlowSource"), 201: ref("FlowSource")},
        body=body({"text": text(TEXT_MAX, 1)}), errors=("stale", "precondition-required"), takes=SEEN,
        sends=("ETag", "Location"), example={"text": TABLE},
    ),
    ("DELETE", "/v1/entries/source"): Operation(
        "Throw the draft of the table away", {204: None}, errors=("not-found", "stale", "precondition-required"),
        takes=SEEN,
    ),
    ("POST", "/v1/entries/check"): Operation(
        "Check a table; nothing is kept", {200: ref("FlowChecked")}, body=body({"text": text(TEXT_MAX, 1)}),
        errors=("busy", *JUDGED), example={"text": TABLE},
    ),
    ("POST", "/v1/entries/activate"): Operation(
        "Put the draft of the table live", {200: ref("Entries")}, body=body({"version": text(80, 1)}),
        errors=("not-found", "stale", "flows-refused", "unwritable-folder", *JUDGED),
        example={"version": sha256(TABLE.encode()).hexdigest()},
    ),
    ("POST", "/v1/entries/rollback"): Operation(
        "Go back to an earlier table", {200: ref("Entries")}, body=body({"version": text(80, 6)}),
        errors=("unknown-version", "flows-refused", "unwritable-folder", *JUDGED), example={"version": "3f9a2c71"},
    ),
    ("GET", "/v1/entries/history"): Operation(
        "Which tables calls met", {200: page("Activation")}, query={"limit": LIMIT, "before": NUMBER_CURSOR},
    ),
    ("POST", "/v1/entries/match"): Operation(
        "Which entry and flow a caller would meet", {200: shape({
            "medium": one_of(Medium), "entry": maybe(TEXT), "flow": maybe(TEXT), "version": maybe(TEXT), "canary": FLAG,
        })},
        body=body({"called": text(64, 1)}, {
            "caller": maybe(text(64, 1)), "medium": one_of(Medium), "at": maybe(MOMENT),
            "attributes": {**mapped(text(200)), "maxProperties": 20},
        }),
        example={"called": "10086", "caller": "13800000000", "at": "2026-03-02T10:00+08:00"},
    ),
}
# fmt: on
