"""Errors as RFC 9457 problem details, mapped in one place.

Every problem has a stable ``error_id``; ``type`` is the URL of the page about it, served by this API.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any

import falcon

from cti.core.errors import CtiError

log = logging.getLogger("cti.api")

CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """What clients are told about one ``error_id``."""

    status: int
    title: str
    remedy: str
    retry_after_s: int | None = None


KINDS: dict[str, Kind] = {
    "not-found": Kind(404, "No such resource", "Check the identifier; lists show what exists."),
    "bad-request": Kind(400, "The request cannot be understood", "Compare the body and query with the description."),
    "bad-cursor": Kind(
        400, "The page cursor is not one of ours", "Use the `next` value of the previous page as it is."
    ),
    "bad-script": Kind(422, "The caller's script cannot be used", "See the description of POST /v1/demo/calls."),
    "idempotency-conflict": Kind(
        409, "This Idempotency-Key was used with another body", "Use a new key for a new request."
    ),
    "method-not-allowed": Kind(405, "Not a method of this resource", "The Allow header lists the methods."),
    "media-type": Kind(415, "The body is not JSON", "Send Content-Type: application/json."),
    "body-too-large": Kind(413, "The body is too large", "Send at most 64 KiB."),
    "switch-unavailable": Kind(503, "The switch cannot be reached", "Try again; see /healthz.", 5),
    "store-unavailable": Kind(503, "The database cannot be read now", "Try again; see /healthz.", 5),
    "command-refused": Kind(502, "The switch refused the command", "The detail holds the switch's own words."),
    "deadline-exceeded": Kind(504, "The switch did not answer in time", "Try again; see /healthz.", 5),
    "no-sandbox": Kind(409, "This switch places no virtual calls", "Start the demo, or call with a real phone."),
    "internal-error": Kind(500, "A fault of this server", "Tell the operator; the log has the details."),
}


class Problem(CtiError):
    """Raise anywhere in a resource: ``raise Problem("not-found", "no call 12")``."""

    def __init__(self, error_id: str, detail: str) -> None:
        super().__init__(detail, code=error_id)


def respond(req: falcon.Request, resp: falcon.Response, error_id: str, detail: str) -> None:
    kind = KINDS[error_id]
    resp.status = kind.status
    resp.content_type = CONTENT_TYPE
    resp.text = json.dumps(
        {
            "type": f"{req.prefix}/problems/{error_id}",
            "title": kind.title,
            "status": kind.status,
            "error_id": error_id,
            "detail": detail,
            "remedy": kind.remedy,
            "instance": req.path,
        },
        ensure_ascii=False,
    )
    if kind.retry_after_s is not None:
        resp.set_header("Retry-After", str(kind.retry_after_s))


def on_cti_error(req: falcon.Request, resp: falcon.Response, error: CtiError, params: dict[str, Any]) -> None:
    error_id = error.code if error.code in KINDS else "internal-error"
    if error_id == "internal-error":
        log.error("%s %s: %s", req.method, req.path, error)
        respond(req, resp, error_id, "unexpected error; see the log")
    else:
        respond(req, resp, error_id, error.message)


def on_bug(req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, Any]) -> None:
    log.error("%s %s failed", req.method, req.path, exc_info=error)
    respond(req, resp, "internal-error", "unexpected error; see the log")


_BY_STATUS = {400: "bad-request", 404: "not-found", 405: "method-not-allowed", 413: "body-too-large", 415: "media-type"}


def serialize_http_error(req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError) -> None:
    """Falcon's own errors (no route, wrong method, bad JSON) in the same form; its headers (Allow) stay."""
    status = error.status_code
    respond(req, resp, _BY_STATUS.get(status, "bad-request"), error.description or error.title or "")
    resp.status = status


class ProblemPage:
    """``GET /problems/{error_id}``: what the URL in ``type`` shows to a person."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, error_id: str) -> None:
        kind = KINDS.get(error_id)
        if kind is None:
            raise Problem("not-found", f"no problem {error_id!r} is known")
        resp.content_type = "text/plain; charset=utf-8"
        resp.text = f"{error_id} (HTTP {kind.status})\n\n{kind.title}.\n\nWhat to do: {kind.remedy}\n"

    on_head = on_get
