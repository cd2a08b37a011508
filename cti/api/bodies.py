"""Reading a request's body: JSON, bounded in size, depth and time, and every mistake of the client told as such."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import falcon
import gevent

from cti.api.problems import Problem

BODY_LIMIT = 64 * 1024
#: How long a client may take to send a body.
BODY_S = 10.0
FORM_FIELDS_MAX = 500
#: No body of ours is nested nearly so deep; what is read must also be written without an end of the stack.
DEPTH_MAX = 32


def json_body(req: falcon.Request, *, limit: int = BODY_LIMIT) -> dict[str, Any]:
    """The body as an object. Raises Problem: media-type, body-too-large, bad-request."""
    raw = _raw(req, falcon.MEDIA_JSON, limit)
    try:
        body = json.loads(raw, object_pairs_hook=_names_once, parse_constant=_no_such_number)
    except ValueError as error:
        raise Problem("bad-request", f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise Problem("bad-request", "the body is nested too deeply") from error
    if not isinstance(body, dict):
        raise Problem("bad-request", "the body must be a JSON object")
    if _is_deep(body):
        raise Problem("bad-request", f"the body is nested more than {DEPTH_MAX} deep")
    return body


def form_body(req: falcon.Request) -> dict[str, list[str]]:
    """The fields of a form (``application/x-www-form-urlencoded``), each with all its values; what is not UTF-8 shows
    U+FFFD. Raises Problem: media-type, body-too-large, bad-request."""
    raw = _raw(req, falcon.MEDIA_URLENCODED)
    try:
        return parse_qs(raw.decode("ascii"), keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX)
    except ValueError as error:
        detail = f"the body is not the ASCII of an encoded form of {FORM_FIELDS_MAX} fields at most"
        raise Problem("bad-request", detail) from error


def text_body(req: falcon.Request, media_type: str, *, limit: int = BODY_LIMIT) -> str:
    """The body as UTF-8 text. Raises Problem: media-type, body-too-large, bad-request."""
    if (req.content_type or "").partition(";")[0].strip().lower() != media_type:
        raise Problem("media-type", f"Content-Type is {req.content_type!r}; this takes {media_type}")
    if (req.content_length or 0) > limit:
        raise Problem("body-too-large", f"{req.content_length} bytes")
    raw = _read(req, limit)
    if len(raw) > limit:
        raise Problem("body-too-large", f"more than {limit} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Problem("bad-request", f"the body is not UTF-8: {error}") from error


def raw_body(req: falcon.Request, limit: int) -> bytes:
    """Of any kind, as it came. Raises Problem: body-too-large, bad-request."""
    if (req.content_length or 0) > limit:
        raise Problem("body-too-large", f"{req.content_length} bytes")
    raw = _read(req, limit)
    if len(raw) > limit:
        raise Problem("body-too-large", f"more than {limit} bytes")
    return raw


def only(body: dict[str, Any], *known: str) -> None:
    """A field with a typo must not be ignored. Raises Problem."""
    unknown = sorted(set(body) - set(known))
    if unknown:
        raise Problem("bad-request", f"unknown field {unknown[0][:80]!r}; known are {', '.join(known)}")


def text_field(body: dict[str, Any], name: str, *, limit: int, default: str | None = None) -> str:
    """A text of ``limit`` characters at most; without a default it must be given. Raises Problem."""
    value = body.get(name, default)
    if not isinstance(value, str) or len(value) > limit or (not value and default is None):
        raise Problem(
            "bad-request", f"{name} must be a text of {0 if default is not None else 1} to {limit} characters"
        )
    return value


def file_text(body: dict[str, Any], name: str, *, limit: int, default: str | None = None) -> str:
    """As `text_field`, of a text that is to become a file, in UTF-8. Raises Problem."""
    text = text_field(body, name, limit=limit, default=default)
    need_utf8(text, name)
    return text


def need_utf8(text: str, name: str) -> None:
    """JSON can spell half of a surrogate pair, which no file can hold. Raises Problem."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        half = f"\\u{ord(text[error.start]):04x}"
        detail = f"{name} has half of a surrogate pair, {half}, as character {error.start + 1}; send both or none"
        raise Problem("bad-request", detail) from error


def _raw(req: falcon.Request, wanted: str, limit: int = BODY_LIMIT) -> bytes:
    media = (req.content_type or "").partition(";")[0].strip().lower()
    if media != wanted:
        raise Problem("media-type", f"Content-Type is {req.content_type!r}, not {wanted}")
    return raw_body(req, limit)


def _read(req: falcon.Request, limit: int = BODY_LIMIT) -> bytes:
    # A chunked body has no length; the server itself says whether it ends such a stream.
    unbounded = req.content_length is None and req.env.get("wsgi.input_terminated")
    stream = req.stream if unbounded else req.bounded_stream
    try:
        with gevent.Timeout(BODY_S, TimeoutError("the client was too slow")):
            return bytes(stream.read(limit + 1))
    except OSError as error:  # TimeoutError is one: cut short, too slow, or chunks that are none
        raise Problem("bad-request", "the body ended too early, came too slowly or is badly chunked") from error


def _is_deep(body: Any) -> bool:
    level = [body]
    for _ in range(DEPTH_MAX):
        below = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        level = [item for items in below for item in items]
    return bool(level)


def _names_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice in one object")
    return found


def _no_such_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")
