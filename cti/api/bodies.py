"""Reading a request's body: JSON, bounded in size, depth and time, and every mistake of the client told as such."""

from __future__ import annotations

import json
from typing import Any

import falcon
import gevent

from cti.api.problems import Problem

BODY_LIMIT = 64 * 1024
#: How long a client may take to send a body.
BODY_S = 10.0


def json_body(req: falcon.Request) -> dict[str, Any]:
    """The body as an object. Raises Problem: media-type, body-too-large, bad-request."""
    media = (req.content_type or "").partition(";")[0].strip().lower()
    if media != falcon.MEDIA_JSON:
        raise Problem("media-type", f"Content-Type is {req.content_type!r}")
    if (req.content_length or 0) > BODY_LIMIT:
        raise Problem("body-too-large", f"{req.content_length} bytes")
    raw = _read(req)
    if len(raw) > BODY_LIMIT:
        raise Problem("body-too-large", f"more than {BODY_LIMIT} bytes")
    try:
        body = json.loads(raw, object_pairs_hook=_names_once, parse_constant=_no_such_number)
    except ValueError as error:
        raise Problem("bad-request", f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise Problem("bad-request", "the body is nested too deeply") from error
    if not isinstance(body, dict):
        raise Problem("bad-request", "the body must be a JSON object")
    return body


def _read(req: falcon.Request) -> bytes:
    # A chunked body has no length; the server itself says whether it ends such a stream.
    unbounded = req.content_length is None and req.env.get("wsgi.input_terminated")
    stream = req.stream if unbounded else req.bounded_stream
    try:
        with gevent.Timeout(BODY_S, TimeoutError("the client was too slow")):
            return bytes(stream.read(BODY_LIMIT + 1))
    except OSError as error:  # TimeoutError is one: cut short, too slow, or chunks that are none
        raise Problem("bad-request", "the body ended too early, came too slowly or is badly chunked") from error


def _names_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice in one object")
    return found


def _no_such_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")
