"""Customers who write: chats that machines relay, SMS that gateways bring, and the document of a fax."""

from __future__ import annotations

from cti.api.chats import ATTRIBUTE, ATTRIBUTE_MAX, ATTRIBUTES_MAX, CALLED_MAX, NAME_MAX, NUMBER, TEXT_MAX, WAIT_MAX_S
from cti.api.schemas.base import (
    COUNT,
    PAGES,
    TEXT,
    TIME,
    Operation,
    Schema,
    body,
    listed,
    mapped,
    maybe,
    one_of,
    ref,
    shape,
    text,
    whole,
)  # fmt: skip
from cti.core.transcripts import Author

_NUMBER: Schema = {"type": "string", "pattern": NUMBER}
_SAID: Schema = {**text(TEXT_MAX, 1), "pattern": "\\S"}
_ATTRIBUTES: Schema = {**mapped(text(ATTRIBUTE_MAX), {"pattern": ATTRIBUTE}), "maxProperties": ATTRIBUTES_MAX}
_CHAT: Schema = {"chat": TEXT, "state": one_of(("open", "ended")), "last": COUNT}
_UNREADABLE = ("no-document", "recording-open", "recording-deleted", "recording-missing", "recording-damaged",
               "range-not-satisfiable", "deadline-exceeded")  # fmt: skip

# fmt: off
SCHEMAS: dict[str, Schema] = {
    "Chat": shape(_CHAT),
    "ChatMessage": shape({"number": {**COUNT, "minimum": 1}, "at": TIME, "from": one_of(Author), "text": TEXT}),
    "ChatMessages": shape({"items": listed(ref("ChatMessage")), "next": maybe(TEXT), **_CHAT}),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("POST", "/v1/chats"): Operation(
        "Open a chat with what the customer writes first", {201: ref("Chat")},
        body({"text": _SAID}, {"customer": maybe(_NUMBER), "name": text(NAME_MAX), "called": text(CALLED_MAX),
                               "attributes": _ATTRIBUTES}),
        errors=("bad-number", "busy", "engine-leaving"), sends=("Location",),
        example={"text": "Hello", "customer": "13800000000", "attributes": {"origin": "web"}},
    ),
    ("GET", "/v1/chats/{chat}"): Operation("A chat", {200: ref("Chat")}, errors=("unknown-chat",)),
    ("DELETE", "/v1/chats/{chat}"): Operation("The customer has left", {204: None}, errors=("unknown-chat",)),
    ("GET", "/v1/chats/{chat}/messages"): Operation(
        "What was written, at once or as soon as something is", {200: ref("ChatMessages")},
        query={"limit": PAGES["limit"], "after": COUNT, "wait_s": whole(0, WAIT_MAX_S)}, errors=("unknown-chat",),
    ),
    ("POST", "/v1/chats/{chat}/messages"): Operation(
        "The customer writes", {202: ref("Chat")}, body({"text": _SAID}),
        errors=("unknown-chat", "chat-over", "too-many-messages", "engine-leaving"),
        example={"text": "My bill is wrong."},
    ),
    ("POST", "/v1/sms"): Operation(
        "An SMS has come in", {202: shape({"conversation": TEXT})},
        body({"from": _NUMBER, "to": _NUMBER, "text": _SAID}),
        errors=("bad-number", "too-many-messages", "engine-leaving"),
        example={"from": "13800000000", "to": "10086", "text": "CXYE"},
    ),
    ("GET", "/v1/contacts/{contact}/document"): Operation(
        "The pages of a fax at hand", {200: None, 206: None},
        query={"reason": {**text(200), "description": "Why; kept in the audit."}}, media={"image/tiff": TEXT},
        errors=_UNREADABLE, takes=("Range",), sends=("ETag",),
    ),
}
# fmt: on
