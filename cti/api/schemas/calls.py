"""Calls, reports and the virtual callers of the demo."""

from __future__ import annotations

from cti.acd.counts import WITHIN_S
from cti.api.schemas.base import (
    COUNT,
    CURSOR,
    FLAG,
    LIMIT,
    MOMENT,
    NUMBER,
    TEXT,
    TEXTS,
    TIME,
    UNMASK,
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
)  # fmt: skip
from cti.api.schemas.work import WRITTEN
from cti.core.calls import Medium, TerminalCause
from cti.core.recordings import RecordingKind, RecordingState
from cti.core.script import MAX_STEPS
from cti.runtime.reports.making import NAMES, Interval

NUMBER_TEXT: Schema = {"type": "string", "pattern": "^\\+?[0-9]{2,20}$"}
_SPANS = listed({"type": "array", "items": TIME, "minItems": 2, "maxItems": 2})
_FIGURES = mapped({"type": ["number", "string", "null"]})
_STEP: Schema = {"anyOf": [
    {"type": "string", "pattern": "^(hangup|h|star|hash|[0-9*#]{1,64})$"},
    body({"hear": {"type": "string", "minLength": 1}}),
    body({"silence": {"anyOf": [{"type": "number", "minimum": 0, "maximum": 86_400},
                                {"type": "string", "pattern": "^[0-9]{1,6}(ms|s|m)$"}]}}),
]}  # fmt: skip

# fmt: off
SCHEMAS: dict[str, Schema] = {
    "Call": shape({
        "call_id": TEXT, "switch": TEXT, "medium": one_of(Medium), "called": TEXT, "caller": maybe(TEXT),
        "caller_name": TEXT, "entry": TEXT, "flow": TEXT, "flow_version": TEXT, "language": TEXT, "started_at": TIME,
        "answered_at": maybe(TIME), "ended_at": maybe(TIME), "terminal_cause": maybe(one_of(TerminalCause)),
        "hangup_cause": TEXT, "outcome": TEXT, "goals": TEXTS, "error": TEXT, "duration_s": maybe(NUMBER),
    }),
    "Leg": shape({
        "leg_id": TEXT, "role": TEXT, "switch": TEXT, "number": maybe(TEXT), "added_at": TIME, "ended_at": maybe(TIME),
        "hangup_cause": TEXT,
    }),
    "Visit": shape({
        "flow": TEXT, "node": TEXT, "type": TEXT, "visit": COUNT, "entered_at": TIME, "left_at": maybe(TIME),
        "exit": TEXT, "note": TEXT,
    }),
    "RecordingOfCall": shape({
        "recording_id": TEXT, "kind": one_of(RecordingKind), "state": one_of(RecordingState), "started_at": TIME,
        "ended_at": maybe(TIME), "masked": _SPANS, "paused": _SPANS, "pages": COUNT, "error": TEXT,
    }),
    "CallDetail": {"allOf": [ref("Call"), shape({
        "legs": listed(ref("Leg")), "visits": listed(ref("Visit")), "recordings": listed(ref("RecordingOfCall")),
        "messages": listed(shape({"number": COUNT, "at": TIME, "author": TEXT, "agent": TEXT, "text": TEXT})),
        "wrapups": listed(shape({
            "call_id": TEXT, "contact": TEXT, "agent": TEXT, "queue": TEXT, "medium": TEXT, "at": TIME, **WRITTEN,
            "ended_at": maybe(TIME), "ended_by": TEXT})),
        "gaps": listed(shape({
            "began_at": TIME, "ended_at": TIME, "how": one_of(("resumed", "begun_again", "talked_on"))})),
    })]},
    "Report": shape({
        "report": one_of(NAMES), "from": TIME, "to": TIME, "interval": one_of(Interval), "items": listed(_FIGURES),
        "total": _FIGURES, "formulas": mapped(TEXT), "notes": TEXTS,
    }, {"now": mapped({"type": "object"})}),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/v1/calls"): Operation(
        "Calls, the newest first", {200: page("Call")}, query={
            "limit": LIMIT, "before": CURSOR, "caller": TEXT, "called": TEXT, "flow": TEXT, "outcome": TEXT,
            "terminal_cause": one_of(TerminalCause), "since": MOMENT, "until": MOMENT, "live": FLAG, **UNMASK,
        }, errors=("bad-cursor",),
    ),
    ("GET", "/v1/calls/{call_id}"): Operation(
        "A call with its legs, the nodes it went through, its recordings and what agents wrote",
        {200: ref("CallDetail")}, query=UNMASK,
    ),
    ("GET", "/v1/reports/{name}"): Operation(
        "A report with the formulas it used", {200: ref("Report")}, query={
            "from": {**MOMENT, "description": "On a quarter of an hour. Must be given."},
            "to": {**MOMENT, "description": "As `from`, later, 400 days at most. Must be given."},
            "interval": one_of(Interval), "within": {"type": "integer", "enum": list(WITHIN_S), "default": 20},
            "fcr_days": {"type": "integer", "minimum": 1, "maximum": 90, "default": 7},
            "format": {**one_of(("json", "csv")), "default": "json"},
        }, media={"text/csv": TEXT},
    ),
    ("POST", "/v1/demo/calls"): Operation(
        "A virtual caller on the embedded switch",
        {201: shape({"call_id": TEXT, "caller": NUMBER_TEXT, "called": NUMBER_TEXT})},
        body({}, {"called": NUMBER_TEXT, "caller": NUMBER_TEXT, "script": listed(_STEP, MAX_STEPS)}),
        errors=("bad-script", "no-sandbox", "switch-unavailable"), sends=("Location",),
        example={"called": "10086", "caller": "13800000000", "script": ["1", {"silence": "5s"}, "hangup"]},
    ),
}
# fmt: on
