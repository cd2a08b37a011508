"""What machines ask of the server: health, metrics, this description, error pages, the switch's directory."""

from __future__ import annotations

from cti.api.schemas.base import COUNT, FLAG, TEXT, WHOLE, Operation, Schema, listed, mapped, maybe, one_of, ref, shape

# fmt: off
SCHEMAS: dict[str, Schema] = {
    "Problem": shape({
        "type": {"type": "string", "format": "uri"}, "title": TEXT, "status": {**WHOLE, "minimum": 400, "maximum": 599},
        "error_id": ref("ErrorId"), "detail": TEXT, "remedy": TEXT, "instance": TEXT,
    }, {"findings": listed(ref("Finding")), "dispositions": listed(ref("Disposition"))}),
    "Health": shape({
        "status": one_of(("ok", "degraded")), "switches": mapped(TEXT), "calls": COUNT,
        "store": shape({"healthy": FLAG, "queued": COUNT, "lost": COUNT, "error": TEXT}),
    }),
}
_XML = {"text/xml": TEXT}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/healthz"): Operation(
        "Whether every part works: 503 with the same body when one does not", {200: ref("Health"), 503: ref("Health")},
    ),
    ("GET", "/metrics"): Operation("Prometheus metrics", {200: None}, media={"text/plain": TEXT}),
    ("GET", "/problems/{error_id}"): Operation(
        "The page of an error", {200: None}, media={"text/plain": TEXT}, errors=("not-found",),
    ),
    ("GET", "/v1/openapi.json"): Operation("This description", {200: shape({
        "openapi": TEXT, "info": {"type": "object"}, "paths": {"type": "object"}, "components": {"type": "object"}})}),
    ("GET", "/switch/directory"): Operation(
        "What the switch's own directory files are to hold", {200: None}, query={"domain": TEXT}, media=_XML,
        errors=("not-found",),
    ),
    ("POST", "/switch/directory"): Operation(
        "mod_xml_curl asks who a phone is, and for the trunks of the switch that the query names", {200: None},
        shape({}, {"section": TEXT, "user": TEXT, "domain": TEXT, "tag_name": TEXT, "key_name": TEXT,
                   "key_value": TEXT}),
        query={"switch": TEXT}, body_media="application/x-www-form-urlencoded", media=_XML,
        example={"section": "directory", "user": "1001", "domain": "cti.local"},
    ),
    ("POST", "/v1/phones/{agent}/password"): Operation(
        "A new password for an agent's phone, shown once",
        {200: shape({"agent_id": TEXT, "phone": maybe(TEXT), "password": TEXT})}, errors=("unknown-agent",),
    ),
}
# fmt: on
