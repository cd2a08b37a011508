"""Opening hours and holidays."""

from __future__ import annotations

from cti.api.calendars import LIST_MAX
from cti.api.schemas.base import (
    COUNT,
    FLAG,
    LIMIT,
    NUMBER_CURSOR,
    PAGES,
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
from cti.api.schemas.flows import HELD, JUDGED, SEEN
from cti.flow.calendar import WEEKDAYS
from cti.flow.calendar_rows import COLUMNS

_HOURS = listed(text(40), 48)
_SEEN = ("stale", "precondition-required")
_REFUSED = ("bad-calendar", "flows-refused", "unwritable-folder", "stale", "precondition-required", "busy", *JUDGED)
_CHECK: dict[str, Schema] = {"check": {"type": "boolean", "description": "Look at everything, change nothing."}}
_OFFICE = {
    "title": "Office hours", "timezone": "Asia/Shanghai", "public_holidays": "CN",
    "week": {"mon-fri": ["09:00-12:00", "13:00-18:00"], "sat": ["09:00-12:00"]},
    "holidays": [{"from": "2026-10-01", "to": "2026-10-07", "name": "National Day"}],
    "special": [{"date": "2026-10-10", "hours": ["09:00-12:00"]}],
}  # fmt: skip

# fmt: off
SCHEMAS: dict[str, Schema] = {
    "Calendar": shape({
        "calendar": TEXT, "title": TEXT, "timezone": TEXT, "public_holidays": maybe(TEXT),
        "week": mapped(TEXTS, one_of(WEEKDAYS)),
        "holidays": listed(shape({"from": TEXT, "to": TEXT, "name": TEXT})),
        "special": listed(shape({"date": TEXT, "hours": TEXTS})),
        "state": one_of(("open", "closed", "holiday")), "version": TEXT, "held_back": maybe(HELD),
    }),
    "Verdict": shape({"good": FLAG, "rows": COUNT, "findings": listed(ref("Finding"))}, {"saved": TEXTS}),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/v1/calendars"): Operation(
        "Calendars, and what each says now", {200: page("Calendar"), 304: None},
        query={**PAGES, "format": one_of(("json", "csv"))}, media={"text/csv": TEXT}, takes=("If-None-Match",),
        sends=("ETag",),
    ),
    ("GET", "/v1/calendars/{calendar}"): Operation(
        "A calendar", {200: ref("Calendar"), 304: None}, errors=("not-found",), takes=("If-None-Match",),
        sends=("ETag",),
    ),
    ("PUT", "/v1/calendars/{calendar}"): Operation(
        "Write a calendar, or check it", {200: {"anyOf": [ref("Calendar"), ref("Verdict")]}, 201: ref("Calendar")},
        body=body({"timezone": text(200, 1), "week": mapped(_HOURS)}, {
            "title": maybe(text(200)), "public_holidays": maybe(text(200)),
            "holidays": listed(body({"from": text(200)}, {"to": maybe(text(200)), "name": maybe(text(200))}), LIST_MAX),
            "special": listed(body({"date": text(200), "hours": _HOURS}), LIST_MAX),
        }),
        query=_CHECK, errors=("not-found", *_REFUSED), takes=SEEN, sends=("ETag",), example=_OFFICE,
    ),
    ("DELETE", "/v1/calendars/{calendar}"): Operation(
        "Take a calendar away that nothing asks", {204: None},
        errors=("not-found", "calendar-in-use", "flows-refused", "unwritable-folder", *_SEEN, *JUDGED), takes=SEEN,
    ),
    ("GET", "/v1/calendars/{calendar}/history"): Operation(
        "What a calendar has said", {200: page("Activation")}, query={"limit": LIMIT, "before": NUMBER_CURSOR},
        errors=("not-found",),
    ),
    ("POST", "/v1/calendars/{calendar}/rollback"): Operation(
        "Go back to what a calendar said before", {200: ref("Calendar")}, body=body({"version": text(80, 6)}),
        errors=("unknown-version", "not-found", "flows-refused", "unwritable-folder", *_SEEN, *JUDGED), takes=SEEN,
        sends=("ETag",), example={"version": "3f9a2c71"},
    ),
    ("POST", "/v1/calendars/import"): Operation(
        f"Write calendars from CSV with the columns {', '.join(COLUMNS)}, or check them. All or none",
        {200: ref("Verdict")}, {"type": "string"}, body_media="text/csv", query=_CHECK,
        errors=("bad-csv", *_REFUSED), takes=SEEN,
        example="calendar,kind,from,to,hours,name\noffice,timezone,,,,Asia/Shanghai\noffice,week,mon,fri,09:00-18:00,\n",
    ),
}
# fmt: on
