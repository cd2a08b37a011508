"""Many agents at once, and their shifts."""

from __future__ import annotations

from cti.acd.states import Presence
from cti.api.agent_bulk import AGENTS_MAX, COLUMNS, SKILL_COLUMNS, SKILLS_MAX
from cti.api.schedules import COLUMNS as SHIFT_COLUMNS
from cti.api.schemas.base import (
    COUNT,
    CURSOR,
    FLAG,
    LIMIT,
    MOMENT,
    SECONDS,
    TEXT,
    TIME,
    WHOLE,
    Operation,
    Schema,
    all_of_them,
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
from cti.core.schedules import NOTE_MAX

_GIVEN_LEVELS: Schema = {**mapped(maybe(whole(1, 10))), "maxProperties": SKILLS_MAX}
_CHECK: dict[str, Schema] = {"check": {"type": "boolean", "description": "Look at every line, change nothing."}}
_PERIOD: dict[str, Schema] = {"from": MOMENT, "to": MOMENT}
_FORMAT: dict[str, Schema] = {"format": one_of(("json", "csv"))}
_STATES = one_of((Presence.READY, Presence.NOT_READY))
_LINES = ("bad-csv", "not-found", "forbidden", "bad-name", "bad-title")
_SHIFT = body({"agent": text(64, 1), "from": MOMENT, "to": MOMENT}, {"note": text(NOTE_MAX)})
_NEW_SHIFT = {"agent": "1001", "from": "2026-03-02T08:00+08:00", "to": "2026-03-02T16:00+08:00", "note": "early"}
_SHIFT_ERRORS = ("bad-shift", "unknown-agent", "shift-overlaps")
_SEEN = ("If-Match", "If-None-Match")

# fmt: off
SCHEMAS: dict[str, Schema] = {
    "AgentPeriod": shape({
        "agent": TEXT, "state": _STATES, "reason": maybe(TEXT), "from": TIME, "to": maybe(TIME), "seconds": SECONDS,
    }),
    "ImportVerdict": shape({"good": FLAG, "rows": COUNT, "findings": listed(ref("Finding")), "saved": COUNT}),
    "Attendance": shape({
        "passed_s": SECONDS, "signed_in_s": SECONDS, "ready_s": SECONDS, "first_at": maybe(TIME),
    }),
    "Shift": shape({
        "shift_id": TEXT, "agent": TEXT, "from": TIME, "to": TIME, "note": TEXT, "version": WHOLE, "changed_at": TIME,
        "changed_by": TEXT, "attendance": maybe(ref("Attendance")),
    }),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/v1/agents/states"): Operation(
        "States of agents by period", {200: page("AgentPeriod")},
        query={**_PERIOD, "agent": TEXT, "team": TEXT, "state": _STATES, "limit": LIMIT, "after": CURSOR, **_FORMAT},
        media={"text/csv": TEXT}, errors=("bad-cursor",),
    ),
    ("PATCH", "/v1/agents/skills"): Operation(
        "Change levels of several agents; null takes a skill away. All or none", {200: all_of_them("Agent")},
        body({"agents": {**mapped(_GIVEN_LEVELS), "minProperties": 1, "maxProperties": AGENTS_MAX}}),
        errors=("bad-items", "unknown-skill", "bad-level", "bad-name", "unknown-agent"),
        example={"agents": {"1001": {"person": 3, "english": None}}},
    ),
    ("POST", "/v1/agents/import"): Operation(
        f"Write profiles from CSV with the columns {', '.join(COLUMNS)}. All or none", {200: ref("ImportVerdict")},
        {"type": "string"}, body_media="text/csv", query=_CHECK,
        errors=(*_LINES, "unknown-user", "unknown-team", "agent-taken", "phone-taken", "unknown-skill", "bad-level",
                "bad-phone", "bad-capacity", "bad-wrapup"),
        example="agent_id,user,name,team,phone,skills\n1001,anna,Anna,north,1001,person:3\n",
    ),
    ("POST", "/v1/skills/import"): Operation(
        f"Add or rename skills from CSV with the columns {', '.join(SKILL_COLUMNS)}. All or none",
        {200: ref("ImportVerdict")}, {"type": "string"}, body_media="text/csv", query=_CHECK, errors=_LINES,
        example="skill,title\nbilling,Billing\n",
    ),
    ("GET", "/v1/schedules"): Operation(
        "Shifts, and what agents were there of them", {200: page("Shift")},
        query={**_PERIOD, "agent": TEXT, "team": TEXT, "limit": LIMIT, "after": CURSOR, **_FORMAT},
        media={"text/csv": TEXT}, errors=("bad-cursor",),
    ),
    ("POST", "/v1/schedules"): Operation(
        "Plan a shift", {201: ref("Shift")}, _SHIFT, errors=_SHIFT_ERRORS, sends=("ETag", "Location"),
        example=_NEW_SHIFT,
    ),
    ("POST", "/v1/schedules/import"): Operation(
        f"Plan shifts from CSV with the columns {', '.join(SHIFT_COLUMNS)}. All or none", {200: ref("ImportVerdict")},
        {"type": "string"}, body_media="text/csv",
        query={**_CHECK, "replace": {"type": "boolean", "description": "Shifts of these agents in its span give way."}},
        errors=("bad-csv", *_SHIFT_ERRORS),
        example="agent_id,from,to,note\n1001,2026-03-02T08:00+08:00,2026-03-02T16:00+08:00,early\n",
    ),
    ("GET", "/v1/schedules/{shift}"): Operation(
        "A shift", {200: ref("Shift"), 304: None}, errors=("unknown-shift",), takes=("If-None-Match",),
        sends=("ETag",),
    ),
    ("PUT", "/v1/schedules/{shift}"): Operation(
        "Change a shift", {200: ref("Shift")}, _SHIFT, takes=_SEEN, sends=("ETag",),
        errors=("unknown-shift", "stale", "precondition-required", *_SHIFT_ERRORS), example=_NEW_SHIFT,
    ),
    ("DELETE", "/v1/schedules/{shift}"): Operation(
        "Take a shift out", {204: None}, errors=("unknown-shift", "stale", "precondition-required"), takes=_SEEN,
    ),
}
# fmt: on
