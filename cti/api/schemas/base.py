"""What descriptions are made of: shapes of JSON (JSON Schema 2020-12) and an `Operation` for each method of a route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cti.api.paging import CURSOR_MAX, LIMIT_DEFAULT, LIMIT_MAX

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TIME: Schema = {"type": "string", "format": "date-time"}
#: As it may be given: ISO 8601 with an offset; seconds may be left out, which RFC 3339 has not.
MOMENT: Schema = {
    "type": "string",
    "anyOf": [
        {"format": "date-time"},
        {"pattern": "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]"
                    "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"},
    ],
    "examples": ["2026-03-02T10:00+08:00"],
}  # fmt: skip
NUMBER: Schema = {"type": "number"}
SECONDS: Schema = {"type": "number", "minimum": 0}
WHOLE: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
ANYTHING: Schema = {"type": "object"}
#: Of users, teams, queues, agents, skills, flows, as `cti.core.people.check_name` has it.
NAME: Schema = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"}


@dataclass(frozen=True, slots=True)
class Operation:
    """What one method of a route takes and answers. What its rule brings with it (401, 403, 429 and the like), its
    path parameters and its Idempotency-Key are added by `cti.api.openapi`.

    ``answers``: status -> what is answered as JSON; None: nothing, or what ``media`` says.
    ``media``: other media types of a successful answer -> schema.
    ``errors``: the error ids of this route, beyond those that every route of its kind has.
    ``query``: name -> schema. ``takes`` and ``sends``: names in `HEADERS_TAKEN` and `HEADERS_SENT`.
    ``example``: a body with which the request works, given that what it names is there.
    """

    summary: str
    answers: Mapping[int, Schema | None]
    body: Schema | None = None
    query: Mapping[str, Schema] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    example: Any = None
    media: Mapping[str, Schema] = field(default_factory=dict)
    body_media: str = "application/json"
    body_needed: bool = True
    takes: tuple[str, ...] = ()
    sends: tuple[str, ...] = ()


#: Headers of requests: name -> (description, schema, whether it must be sent).
HEADERS_TAKEN: Mapping[str, tuple[str, Schema, bool]] = {
    "Idempotency-Key": (
        "The same key with the same body is done once and answered alike; with another body: 409.",
        {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
        False,
    ),
    "Last-Event-ID": (
        "Go on after this event; when it is too old, `resync` comes and then a snapshot.",
        {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[!-~]+$"},
        False,
    ),
    "Range": ("A part: `bytes=FIRST-LAST`.", {"type": "string"}, False),
    "If-Match": ("The ETag of what is to be changed, or *.", {"type": "string"}, False),
    "If-None-Match": ("The ETag that is known: 304 while it holds.", {"type": "string"}, False),
}
#: Headers of successful answers.
HEADERS_SENT: Mapping[str, tuple[str, Schema]] = {
    "Location": ("Where it is.", {"type": "string", "format": "uri-reference"}),
    "ETag": ("Names this version of it, for If-Match and If-None-Match.", {"type": "string"}),
}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def maybe(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def one_of(values: Any) -> Schema:
    return {"type": "string", "enum": [str(value) for value in values]}


def text(most: int, least: int = 0) -> Schema:
    """Of ``least`` to ``most`` characters."""
    return {"type": "string", "maxLength": most, **({"minLength": least} if least else {})}


def whole(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def listed(item: Schema, most: int | None = None) -> Schema:
    return {"type": "array", "items": item, **({} if most is None else {"maxItems": most})}


def mapped(value: Schema, names: Schema | None = None) -> Schema:
    """An object whose names are data."""
    return {"type": "object", "additionalProperties": value, **({"propertyNames": names} if names else {})}


def shape(required: Schema, optional: Schema | None = None, *, closed: bool = False) -> Schema:
    """An object. ``closed``: a body, where a name with a typo is refused; answers may get more fields."""
    properties = {**required, **(optional or {})}
    found: Schema = {"type": "object", "properties": properties, "required": sorted(required)}
    return {**found, "additionalProperties": False} if closed else found


def body(required: Schema, optional: Schema | None = None) -> Schema:
    return shape(required, optional, closed=True)


def page(name: str) -> Schema:
    """Of a list that is read page by page: ``next`` is the cursor of the next one, null at the end."""
    return shape({"items": listed(ref(name)), "next": maybe(TEXT)})


def all_of_them(name: str) -> Schema:
    """Of a list that comes as a whole."""
    return shape({"items": listed(ref(name))})


TEXTS: Schema = listed(TEXT)
LIMIT: Schema = {**whole(1, LIMIT_MAX), "default": LIMIT_DEFAULT}
CURSOR: Schema = {"type": "string", "description": "`next` of the page before, as it is."}
#: Of a list that comes whole where nobody asks for less.
PAGES: Mapping[str, Schema] = {
    "limit": {**whole(1, LIMIT_MAX), "default": LIMIT_MAX},
    "after": {**CURSOR, "minLength": 1, "maxLength": CURSOR_MAX},
}
#: Number of the last one seen, as text.
NUMBER_CURSOR: Schema = {**CURSOR, "pattern": "^[0-9]{1,15}$"}
UNMASK: Mapping[str, Schema] = {
    "unmask": {"type": "boolean", "description": "Personal data in clear; takes `reason`, and is audited."},
    "reason": {**text(200), "description": "Why clear data is read; kept in the audit."},
}
