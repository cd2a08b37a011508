"""The floor as supervisors see it: agents, skills, queues, contacts."""

from __future__ import annotations

from cti.acd.states import ContactState, Presence
from cti.api.contacts import PRIORITY_MAX
from cti.api.schemas.base import (
    COUNT,
    CURSOR,
    FLAG,
    LIMIT,
    NAME,
    NUMBER,
    NUMBER_CURSOR,
    PAGES,
    SECONDS,
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
    text,
    whole,
)  # fmt: skip
from cti.api.schemas.work import LIVE, SEATED, STATE
from cti.api.work import PHONE_MAX
from cti.core.people import CAPACITY_MAX, SLOTS, TITLE_MAX
from cti.runtime.floor.supervision import MODES

_LEVEL = whole(1, 10)
_LEVELS = mapped(_LEVEL, NAME)

#: Of a change that is to outlive the server before it is told to be done; 202 where the database is slow.
_KEPT = {200: ref("Agent"), 202: ref("AgentUnkept")}

# fmt: off
SCHEMAS: dict[str, Schema] = {
    "Agent": shape({
        **LIVE, "contacts": TEXTS, "user_id": TEXT, "name": TEXT, "team": TEXT, "skills": _LEVELS,
        "capacity": mapped(whole(0, CAPACITY_MAX), one_of(SLOTS)), "beside_call": listed(one_of(SLOTS)),
        "wrapup_s": SECONDS,
    }),
    "AgentUnkept": {"allOf": [ref("Agent"), shape({"command_id": TEXT})]},
    "Explanation": shape({
        "contact": TEXT, "queue": TEXT, "state": TEXT, "waited_s": NUMBER, "position": COUNT,
        "priority": {"type": "integer"}, "asked": mapped({"type": "integer"}), "relaxed": COUNT, "waits_for": TEXT,
        "agents": mapped(COUNT), "reason": TEXT,
    }),
    "ContactDetail": {"allOf": [ref("Contact"), shape({
        "screen": maybe(ref("Screen")), "explain": maybe(ref("Explanation")), "wrapup": maybe(ref("WrapUp"))})]},
    "Monitoring": shape({"command_id": TEXT, "contact": TEXT, "mode": one_of(MODES),
                         "state": one_of(("on", "ringing", "joining"))}),
    "Queue": shape({
        "queue": TEXT, "opened": FLAG, "waiting": COUNT, "longest_wait_s": NUMBER, "expected_wait_s": maybe(NUMBER),
        "expected_wait_error": maybe(NUMBER), "staffed": COUNT, "ready": COUNT, "talking": COUNT, "work": COUNT,
        "not_ready": COUNT,
        "service_level": maybe(shape({"within_s": {"type": "integer"}, "value": maybe(NUMBER), "answered": NUMBER,
                                      "abandoned": NUMBER, "since": TIME})),
    }),
    "QueueDetail": {"allOf": [ref("Queue"), shape({
        "dispositions": listed(ref("Disposition")), "disposition_required": FLAG})]},
    "Skill": shape({"skill": NAME, "title": TEXT}),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/v1/agents"): Operation(
        "Agents by id, with their live state", {200: page("Agent")},
        query={"limit": LIMIT, "after": CURSOR, "team": TEXT, "state": one_of(Presence)},
    ),
    ("GET", "/v1/agents/{agent}"): Operation("An agent", {200: ref("Agent")}),
    ("PUT", "/v1/agents/{agent}/state"): Operation(
        "Force a state", _KEPT, STATE, errors=("agent-not-signed-in", "agent-has-contacts", "phone-not-open"),
        example={"state": "NOT_READY", "reason": "meeting"},
    ),
    ("POST", "/v1/agents/{agent}/sign-out"): Operation(
        "Sign an agent out", _KEPT, body({}, {"forced": FLAG}), errors=("agent-has-contacts",),
        example={"forced": True},
    ),
    ("GET", "/v1/skills"): Operation("Skills", {200: page("Skill")}, query=PAGES),
    ("PUT", "/v1/skills/{skill}"): Operation(
        "Add or rename a skill", {200: ref("Skill")}, body({}, {"title": text(TITLE_MAX)}),
        errors=("bad-name", "bad-title"), example={"title": "Billing"},
    ),
    ("GET", "/v1/queues"): Operation("Queues, live", {200: page("Queue")}, query=PAGES),
    ("GET", "/v1/queues/{queue}"): Operation(
        "A queue, live, with the dispositions that its contacts take", {200: ref("QueueDetail")},
    ),
    ("PATCH", "/v1/queues/{queue}"): Operation(
        "Close or open a queue", {200: ref("QueueDetail")}, body({"opened": FLAG}), example={"opened": True},
    ),
    ("GET", "/v1/contacts"): Operation(
        "Contacts that wait or are at an agent, in the order in which they came", {200: page("Contact")},
        query={"limit": LIMIT, "after": NUMBER_CURSOR, "queue": TEXT, "agent": TEXT, "state": one_of(ContactState)},
        errors=("bad-cursor",),
    ),
    ("GET", "/v1/contacts/{contact}"): Operation(
        "A contact, with the screen pop and why it still waits", {200: ref("ContactDetail")}, query=UNMASK,
    ),
    ("POST", "/v1/contacts/{contact}/pick-up"): Operation(
        "Take a contact that waits, is parked, or rings at a colleague: it rings here", {200: ref("ContactAfterwards")},
        errors=(*SEATED, "not-waiting", "agent-busy", "unknown-contact"),
    ),
    ("POST", "/v1/contacts/{contact}/move"): Operation(
        "Move a contact to another queue; it keeps its rank", {200: ref("ContactAfterwards")},
        body({"queue": text(64, 1)}), errors=("not-waiting", "unknown-queue", "queue-closed", "unknown-contact"),
        example={"queue": "second"},
    ),
    ("PUT", "/v1/contacts/{contact}/priority"): Operation(
        "Reorder: one more is worth 10 s of waiting", {200: ref("Contact")},
        body({"priority": whole(-PRIORITY_MAX, PRIORITY_MAX)}), errors=("not-waiting", "unknown-contact"),
        example={"priority": 5},
    ),
    ("POST", "/v1/contacts/{contact}/monitor"): Operation(
        "Listen, whisper, barge or take over; again with another mode: change it",
        {200: ref("Monitoring"), 202: ref("Monitoring")},
        body({"mode": one_of(MODES)}, {"phone": text(PHONE_MAX)}),
        errors=("bad-phone", "bad-mode", "not-talking", "switch-unavailable", "command-refused", "unconfirmed"),
        example={"mode": "listen", "phone": "1009"},
    ),
    ("DELETE", "/v1/contacts/{contact}/monitor"): Operation(
        "Listen no longer", {204: None}, errors=("not-monitored", "switch-unavailable"),
    ),
}
# fmt: on
