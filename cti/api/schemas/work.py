"""An agent at work: presence, the contact at hand with all its commands, events and state tables."""

from __future__ import annotations

from cti.acd.states import ContactState, Presence
from cti.api.my_contacts import DIGITS_MAX, EXTEND_MAX_S, NOTE_MAX
from cti.api.schemas.base import (
    COUNT,
    FLAG,
    NUMBER,
    PAGES,
    TEXT,
    TEXTS,
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
)  # fmt: skip
from cti.api.targets import DIAL_TARGETS, TARGET_MAX, TARGETS
from cti.api.work import PHONE_MAX, REASON_MAX
from cti.core.people import RemoteAnswer
from cti.core.transcripts import Author
from cti.core.wrapups import DISPOSITION_MAX, NAME_MAX, NOTES_MAX, VALUE_MAX, VARIABLES_MAX
from cti.runtime.floor.actions import AT_HAND, COMMANDS
from cti.runtime.floor.catalogue import EVENTS
from cti.runtime.floor.permanent import LegState
from cti.runtime.floor.text_actions import TEXT_AT_HAND
from cti.runtime.replies import CHAT_MAX

STATE: Schema = body({"state": one_of(("READY", "NOT_READY"))}, {"reason": text(REASON_MAX)})
#: NOT_READY takes a reason.
STATE = {
    **STATE,
    "if": {"properties": {"state": {"const": "NOT_READY"}}},
    "then": {"required": ["reason"], "properties": {"reason": {"type": "string", "minLength": 1, "pattern": "\\S"}}},
}
LIVE: Schema = {
    "agent": TEXT, "state": one_of(Presence), "reason": TEXT, "since": maybe(TIME),
    "next": maybe(shape({"state": one_of(("READY", "NOT_READY")), "reason": TEXT})), "phone": maybe(TEXT),
    "remote_answer": maybe(one_of(RemoteAnswer)),
    "permanent_leg": maybe(shape({"state": one_of(LegState), "reason": TEXT})),
}  # fmt: skip
ACTIVITIES = [*dict.fromkeys(activity for activity, _ in AT_HAND), "queued", "parked", "closed"]
SEATED = ("no-agent", "agent-not-signed-in", "session-replaced")
_CELLS = (*AT_HAND.values(), *TEXT_AT_HAND.values())
_AT_HAND_ERRORS = tuple(sorted({cell.error for cell in _CELLS if cell.error}))
_ONE: Schema = {"minProperties": 1, "maxProperties": 1}
_TO: Schema = {**body({}, dict.fromkeys(TARGETS, text(TARGET_MAX, 1))), **_ONE}
_DIALLED: Schema = {**body({}, dict.fromkeys(DIAL_TARGETS, text(TARGET_MAX, 1))), **_ONE}
_VALUE: Schema = {"anyOf": [text(VALUE_MAX), NUMBER, FLAG]}
#: What may be written about a contact.
_PARTS: dict[str, Schema] = {
    "disposition": maybe(text(DISPOSITION_MAX, 1)),
    "notes": text(NOTES_MAX),
    "variables": {**mapped(maybe(_VALUE), text(NAME_MAX, 1)), "maxProperties": VARIABLES_MAX},
}
_WROTE = {"disposition": "solved", "notes": "was told the balance", "variables": {}}
_WRAPUP = ("unknown-disposition", "bad-text", "bad-variable")
#: The same as it is told: masked.
WRITTEN: dict[str, Schema] = {"disposition": maybe(TEXT), "notes": TEXT, "variables": mapped(_VALUE)}
_ORDERS = (*SEATED, *_AT_HAND_ERRORS, "unknown-contact", "unconfirmed", "switch-unavailable", "command-refused")
_THIRD = ("bad-target", "bad-phone", "destination-denied", "agent-not-free", "unknown-queue", "queue-closed",
          "no-number", "agent-not-signed-in", "unknown-customer")  # fmt: skip

#: A frame of the stream, field by field.
_FRAME: Schema = shape(
    {
        "id": TEXT,
        "event": one_of(EVENTS),
        "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": ref("Event")},
    },
    {"retry": TEXT},
)

# fmt: off
SCHEMAS: dict[str, Schema] = {
    "Contact": shape({
        "contact": TEXT, "call_id": TEXT, "version": COUNT, "queue": TEXT, "medium": TEXT,
        "state": one_of(ContactState), "activity": one_of(ACTIVITIES), "agent": TEXT, "priority": WHOLE,
        "began_at": TIME, "since": TIME, "waited_s": maybe(NUMBER), "offer": maybe(WHOLE), "expires_at": maybe(TIME),
        "work_until": maybe(TIME), "consult": maybe(shape({"contact": TEXT, "agent": TEXT, "phone": TEXT})),
        "disposition": maybe(TEXT), "wrapup_version": COUNT, "muted": FLAG,
        "assist": maybe(shape({"since": TIME, "note": TEXT, "supervisors": TEXTS})), "allowed_actions": TEXTS,
    }),
    "Disposition": shape({"code": TEXT, "title": TEXT}),
    "WrapUp": shape({
        "contact": TEXT, "version": COUNT, "at": maybe(TIME), **WRITTEN, "editable": mapped(TEXT),
        "dispositions": listed(ref("Disposition")), "disposition_required": FLAG,
    }),
    "ContactGone": shape({"contact": TEXT, "state": {"const": "GONE"}}),
    "ContactAfterwards": {"anyOf": [ref("Contact"), ref("ContactGone")]},
    "Unconfirmed": {"allOf": [ref("ContactAfterwards"), shape({"command_id": TEXT})]},
    "Screen": shape({
        "caller": maybe(TEXT), "caller_name": TEXT, "called": TEXT, "flow": TEXT, "language": TEXT,
        "path": listed(shape({"flow": TEXT, "node": TEXT})), "variables": {"type": "object"},
        "identity": shape({"verified": FLAG}),
    }, {"previous": maybe(listed(shape({"call_id": TEXT, "at": TIME, "flow": TEXT, "outcome": TEXT,
                                        "goals": TEXTS, "disposition": maybe(TEXT), "notes": TEXT}))),
        "wrapups": listed(shape({"contact": TEXT, "agent": TEXT, "queue": TEXT, "at": TIME, **WRITTEN})),
        "messages": listed(ref("Message"))}),
    "Message": shape({"number": {**COUNT, "minimum": 1}, "at": TIME, "from": one_of(Author), "agent": TEXT,
                      "text": TEXT}),
    "Work": shape({**LIVE, "contacts": listed(ref("Contact")), "allowed_actions": TEXTS, "last_event_id": TEXT}),
    "WorkUnkept": {"allOf": [ref("Work"), shape({"command_id": TEXT})]},
    "Event": shape(
        {"id": TEXT, "type": one_of(EVENTS), "at": TIME, "data": {"type": "object"}}, {"version": COUNT},
    ),
    "State": shape({"state": TEXT, "command": TEXT, "to": maybe(TEXT), "event": maybe(one_of(EVENTS)),
                    "error_id": maybe(ref("ErrorId"))}),
    "States": mapped(listed(ref("State"))),
}

#: Of a change that is to outlive the server before it is told to be done; 202 where the database is slow.
_KEPT = {200: ref("Work"), 202: ref("WorkUnkept")}
_SENTENCES = {
    "answer": "Have the phone answer an offer", "reject": "Take no offer of this contact", "hangup": "End the talk",
    "hold": "Put the contact on hold", "retrieve": "Go on with a contact on hold", "mute": "Mute the phone, or not",
    "dtmf": "Send keys", "consult": "Ask somebody while the contact holds",
    "complete": "Hand the contact to whom is consulted", "return": "Go back from a consultation",
    "conference": "All three talk", "drop": "Have the third party leave", "transfer": "Hand the contact over unasked",
    "park": "Leave the contact for whoever picks it up",
    "pause-recording": "Leave out of the recording what follows, or not",
    "assist": "Ask supervisors for help, or no longer",
    "extend": "More time for the work after the talk", "finish": "End the work, with what came of the contact",
}
_BODIES: dict[str, tuple[Schema, object]] = {
    "mute": (body({"on": FLAG}), {"on": True}),
    "dtmf": (body({"digits": text(DIGITS_MAX, 1)}), {"digits": "12#"}),
    "consult": (body({"to": _TO}), {"to": {"agent": "1002"}}),
    "transfer": (body({"to": _TO}), {"to": {"queue": "second"}}),
    "pause-recording": (body({"on": FLAG}), {"on": True}),
    "assist": (body({"on": FLAG}, {"note": text(NOTE_MAX)}), {"on": True, "note": "wants the manager"}),
    "extend": (body({"seconds": {**NUMBER, "exclusiveMinimum": 0, "maximum": EXTEND_MAX_S}}), {"seconds": 30}),
    "finish": (body({}, _PARTS), _WROTE),
}
_OWN_ERRORS: dict[str, tuple[str, ...]] = {
    "finish": (*_WRAPUP, "disposition-required"),
    "answer": ("phone-cannot-answer",), "pause-recording": ("not-recorded",),
    "dtmf": ("bad-digits",), "consult": _THIRD, "transfer": _THIRD,
}

def _command(name: str) -> Operation:
    known, example = _BODIES.get(name, (body({}), None))
    return Operation(
        _SENTENCES[name], {200: ref("ContactAfterwards"), 202: ref("Unconfirmed")}, known,
        errors=(*_ORDERS, *_OWN_ERRORS.get(name, ())), example=example, body_needed=name in _BODIES,
    )


OPERATIONS: dict[tuple[str, str], Operation] = {
    ("POST", "/v1/me/sign-in"): Operation(
        "Sign in to work, with a phone", _KEPT,
        body({}, {"phone": text(PHONE_MAX), "remote_answer": one_of(RemoteAnswer)}),
        errors=("no-agent", "already-signed-in", "bad-phone", "phone-taken", "phone-not-allowed",
                "phone-not-registered", "switch-unavailable"),
        example={"phone": "1001", "remote_answer": "none"},
    ),
    ("POST", "/v1/me/sign-out"): Operation(
        "End the work", _KEPT, errors=(*SEATED, "agent-has-contacts"),
    ),
    ("PUT", "/v1/me/state"): Operation(
        "Take contacts, or none for a reason", _KEPT, STATE, errors=(*SEATED, "agent-has-contacts", "phone-not-open"),
        example={"state": "NOT_READY", "reason": "break"},
    ),
    ("PUT", "/v1/me/next"): Operation(
        "Choose the state after the work", {200: ref("Work")},
        body({"state": maybe(one_of(("READY", "NOT_READY")))}, {"reason": text(REASON_MAX)}),
        errors=(*SEATED, "no-contact"), example={"state": "READY"},
    ),
    ("PUT", "/v1/me/heartbeat"): Operation(
        "The client is there although it has no stream", {200: shape({"agent": TEXT, "good_until": TIME})},
        errors=SEATED,
    ),
    ("POST", "/v1/me/dial"): Operation(
        "Call somebody: my own phone rings first", {200: ref("ContactAfterwards"), 202: ref("Unconfirmed")},
        body({"to": _DIALLED}), example={"to": {"number": "+8613800138000"}},
        errors=(*SEATED, "agent-busy", "phone-not-open", "not-reached", "bad-phone", "destination-denied",
                "unknown-contact", "unknown-customer", "no-number", "switch-unavailable", "command-refused"),
    ),
    ("GET", "/v1/me/contacts"): Operation("My contacts", {200: page("Contact")}, query=PAGES, errors=("no-agent",)),
    **{("POST", f"/v1/me/contacts/{{contact}}/{name}"): _command(name) for name in COMMANDS},
    ("GET", "/v1/me/contacts/{contact}/wrapup"): Operation(
        "What I wrote about a contact, and what can be written", {200: ref("WrapUp"), 304: None}, query=UNMASK,
        errors=("no-agent", "unknown-contact"), takes=("If-None-Match",), sends=("ETag",),
    ),
    ("PATCH", "/v1/me/contacts/{contact}/wrapup"): Operation(
        "Write about a contact, from the talk on: the last word holds, null takes a disposition or variable back",
        {200: ref("WrapUp"), 202: {"allOf": [ref("WrapUp"), shape({"command_id": TEXT})]}},
        {**body({}, _PARTS), "minProperties": 1}, takes=("If-Match",), sends=("ETag",),
        errors=(*SEATED, "unknown-contact", "not-talking", *_WRAPUP, "stale"), example=_WROTE,
    ),
    ("GET", "/v1/me/contacts/{contact}/messages"): Operation(
        "What was written", {200: page("Message")}, query={"limit": PAGES["limit"], "after": COUNT, **UNMASK},
        errors=("no-agent", "unknown-contact"),
    ),
    ("POST", "/v1/me/contacts/{contact}/messages"): Operation(
        "Write to the customer", {201: ref("Message")}, body({"text": text(CHAT_MAX, 1)}),
        errors=(*SEATED, "unknown-contact", "not-by-text", "not-talking", "contact-over", "message-too-long",
                "message-not-sent"),
        example={"text": "Which month do you mean?"},
    ),
    ("GET", "/v1/events"): Operation(
        "Live state as server-sent events; each `data:` is an `Event`", {200: None},
        query={"ticket": text(200, 1), "last_event_id": {"type": "string", "minLength": 1, "maxLength": 64,
                                                         "pattern": "^[!-~]+$"}},
        media={"text/event-stream": _FRAME},
        takes=("Last-Event-ID",),
    ),
    ("GET", "/v1/states"): Operation("State tables", {200: ref("States")}),
}
# fmt: on
