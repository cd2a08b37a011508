"""Recordings: what they are, listening to them, holding and deleting them."""

from __future__ import annotations

from cti.api.recordings import REASON_MAX
from cti.api.schemas.base import (
    COUNT,
    CURSOR,
    FLAG,
    LIMIT,
    MOMENT,
    NUMBER,
    PAGES,
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
)  # fmt: skip
from cti.core.recordings import RecordingKind, RecordingState

_SPANS = listed({"type": "array", "items": TIME, "minItems": 2, "maxItems": 2})
_MARK = maybe(shape({"at": TIME, "by": TEXT, "reason": TEXT}))
_REASON: dict[str, Schema] = {"reason": {**text(REASON_MAX), "description": "Why; kept in the audit."}}
_UNREADABLE = ("unknown-recording", "recording-open", "recording-deleted", "recording-missing", "recording-damaged",
               "range-not-satisfiable", "reason-required", "deadline-exceeded")  # fmt: skip

# fmt: off
SCHEMAS: dict[str, Schema] = {
    "Recording": shape({
        "recording_id": TEXT, "call_id": TEXT, "kind": one_of(RecordingKind), "state": one_of(RecordingState),
        "queue": maybe(TEXT), "agents": listed(shape({"agent": TEXT, "team": maybe(TEXT)})), "node": TEXT,
        "started_at": TIME, "ended_at": maybe(TIME), "length_s": maybe(NUMBER), "size": maybe(WHOLE),
        "digest": maybe(TEXT), "key_id": maybe(TEXT), "until": maybe(TIME), "held": _MARK, "deleted": _MARK,
        "masked": _SPANS, "paused": _SPANS, "pages": COUNT, "error": TEXT,
    }),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/v1/calls/{call_id}/recordings"): Operation("Recordings of a call", {200: page("Recording")}, query=PAGES),
    ("GET", "/v1/recordings"): Operation(
        "Recordings, the newest first", {200: page("Recording")}, errors=("bad-cursor",),
        query={"limit": LIMIT, "before": CURSOR, "queue": TEXT, "agent": TEXT, "kind": one_of(RecordingKind),
               "call_id": TEXT, "since": MOMENT, "until": MOMENT, "deleted": FLAG},
    ),
    ("GET", "/v1/recordings/{recording_id}"): Operation(
        "A recording: what is known of it", {200: ref("Recording")}, errors=("unknown-recording",),
    ),
    ("DELETE", "/v1/recordings/{recording_id}"): Operation(
        "Delete a recording for good", {204: None}, query=_REASON,
        errors=("unknown-recording", "recording-open", "recording-deleted", "recording-held", "reason-required",
                "deadline-exceeded"),
    ),
    ("PUT", "/v1/recordings/{recording_id}/hold"): Operation(
        "Hold a recording, so that nothing deletes it, or end the hold", {200: ref("Recording")},
        body({"held": FLAG, "reason": text(REASON_MAX, 1)}), errors=("unknown-recording", "recording-deleted"),
        example={"held": True, "reason": "case 12/2026"},
    ),
    ("GET", "/v1/recordings/{recording_id}/audio"): Operation(
        "Listen", {200: None, 206: None}, query=_REASON, media={"audio/wav": TEXT}, errors=_UNREADABLE,
        takes=("Range",), sends=("ETag",),
    ),
    ("GET", "/v1/recordings/{recording_id}/pages"): Operation(
        "The pages of a fax", {200: None, 206: None}, query=_REASON, media={"image/tiff": TEXT}, errors=_UNREADABLE,
        takes=("Range",), sends=("ETag",),
    ),
}
# fmt: on
