"""Flows: which version callers meet, and the history."""

from __future__ import annotations

from hashlib import sha256

from cti.api.schemas.base import (
    COUNT,
    FLAG,
    LIMIT,
    NUMBER,
    PAGES,
    SECONDS,
    TEXT,
    TEXTS,
    TIME,
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
)  # fmt: skip
from cti.core.versions import Origin

_FINDINGS = listed(ref("Finding"))
HELD = shape({"version": maybe(TEXT), "findings": _FINDINGS})

HELLO = """\
flow: hello
start: say
languages: {default: en-US}
nodes:
  say: {type: play, say: "Welcome."}
  bye: {type: end}
"""
_FILE: Schema = {"type": "string", "pattern": r"^(calendars/)?[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.yaml$"}
JUDGED = ("reload-failed",)
SEEN = ("If-Match", "If-None-Match")
TEXT_MAX = 1 << 20

# fmt: off
SCHEMAS: dict[str, Schema] = {
    "Finding": shape({
        "file": TEXT, "line": COUNT, "col": COUNT, "code": TEXT, "severity": TEXT, "message": TEXT, "path": TEXTS,
    }),
    "VersionFigures": shape({
        "calls": COUNT, "errors": COUNT, "contained": COUNT, "queued": COUNT, "abandoned": COUNT, "error_rate": NUMBER,
        "containment": NUMBER, "abandonment": NUMBER,
    }),
    "Canary": shape({"version": TEXT, "percent": NUMBER, "since": TIME}, {
        "figures": ref("VersionFigures"), "figures_of_active": ref("VersionFigures")}),
    "Flow": shape({
        "flow": TEXT, "title": TEXT, "version": TEXT, "file_version": maybe(TEXT), "canary": maybe(ref("Canary")),
        "held_back": maybe(HELD), "findings": _FINDINGS,
    }),
    "Activation": shape({
        "version": TEXT, "at": TIME, "author": TEXT, "origin": one_of(Origin), "file_version": TEXT, "note": TEXT,
    }),
    "FlowDetail": {"anyOf": [
        {"allOf": [ref("Flow"), shape({"history": listed(ref("Activation"))})]},
        shape({"flow": TEXT, "version": {"type": "null"}, "held_back": maybe(HELD),
               "history": listed(ref("Activation"))}),
    ]},
    "FlowDraft": shape({"file": TEXT, "version": TEXT, "base": TEXT, "changed_at": maybe(TIME), "changed_by": TEXT}),
    "FlowSource": {"allOf": [ref("FlowDraft"), shape({"text": TEXT, "draft": FLAG})]},
    "FlowChecked": shape({
        "good": FLAG, "held_back": TEXTS, "findings": _FINDINGS, "versions": mapped(TEXT), "tests_run": COUNT,
    }),
    "Attempt": shape({
        "at": TIME, "took_s": SECONDS, "taken": TEXTS, "tests_run": COUNT, "prompts_rendered": COUNT,
        "findings": _FINDINGS,
    }),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/v1/flows"): Operation("Flows, and what the last reload found", {200: shape({
        "items": listed(ref("Flow")), "next": maybe(TEXT),
        "held_back": listed({"allOf": [shape({"name": TEXT}), HELD]}),
        "pending": TEXTS, "last_attempt": maybe(ref("Attempt")),
    })}, query=PAGES),
    ("GET", "/v1/flows/{flow}"): Operation(
        "A flow with its history", {200: ref("FlowDetail")}, query={"limit": LIMIT},
    ),
    ("POST", "/v1/flows/check"): Operation(
        "Check files of flows; nothing is kept", {200: ref("FlowChecked")},
        body=body({"files": mapped(text(TEXT_MAX), _FILE)}), errors=("busy", *JUDGED),
        example={"files": {"hello.yaml": HELLO}},
    ),
    ("GET", "/v1/flows/drafts"): Operation("What was uploaded and is not live", {200: page("FlowDraft")}, query=PAGES),
    ("POST", "/v1/flows/activate"): Operation(
        "Put drafts live as one set", {200: all_of_them("Flow")},
        body=body({"drafts": mapped(TEXT)}, {"entries": body({"text": text(TEXT_MAX, 1)}, {"version": text(80)})}),
        errors=("not-found", "stale", "flows-refused", "unwritable-folder", *JUDGED),
        example={"drafts": {"hello.yaml": sha256(HELLO.encode()).hexdigest()}},
    ),
    ("GET", "/v1/flows/{flow}/source"): Operation(
        "The draft of a flow, or its file", {200: ref("FlowSource"), 304: None}, query={"live": FLAG},
        errors=("not-found",), takes=("If-None-Match",), sends=("ETag",),
    ),
    ("PUT", "/v1/flows/{flow}/source"): Operation(
        "Upload a draft", {200: ref("FlowSource"), 201: ref("FlowSource")}, body=body({"text": text(TEXT_MAX, 1)}),
        errors=("not-found", "stale", "precondition-required"), takes=SEEN, sends=("ETag", "Location"),
        example={"text": HELLO},
    ),
    ("DELETE", "/v1/flows/{flow}/source"): Operation(
        "Throw a draft away", {204: None}, errors=("not-found", "stale", "precondition-required"), takes=SEEN,
    ),
    ("POST", "/v1/flows/{flow}/rollback"): Operation(
        "Go back to an earlier version", {200: ref("Flow")}, body=body({"version": text(80, 6)}),
        example={"version": "3f9a2c71"},
        errors=("unknown-version", "flows-refused"),
    ),
}
# fmt: on
