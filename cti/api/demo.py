"""``POST /v1/demo/calls``: a virtual caller on the embedded switch, so that a client's CI runs without a telephone."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Protocol

import falcon

from cti.api.problems import Problem
from cti.core.script import ScriptError, parse_script

if TYPE_CHECKING:
    from cti.core.script import Step

KEYS_KEPT = 10_000
BODY_LIMIT = 64 * 1024


class Sandbox(Protocol):
    """Places a virtual call; returns its id. Raises CtiError (``no-sandbox`` on a real switch)."""

    def place(self, caller: str, called: str, script: list[Step]) -> str: ...


def body_of(req: falcon.Request) -> dict[str, Any]:
    if (req.content_length or 0) > BODY_LIMIT:
        raise Problem("body-too-large", f"{req.content_length} bytes")
    if not (req.content_type or "").startswith(falcon.MEDIA_JSON):
        raise Problem("media-type", f"Content-Type is {req.content_type!r}")
    raw = req.bounded_stream.read(BODY_LIMIT + 1)
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise Problem("bad-request", f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise Problem("bad-request", "the body must be a JSON object")
    return body


class DemoCalls:
    """Body: ``{"called": "10086", "caller": "13800000000", "script": ["1", {"silence": "5s"}, "hangup"]}``.

    An ``Idempotency-Key`` makes a repeated post answer with the first call; the same key with another body is 409.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._seen: OrderedDict[str, tuple[str, str]] = OrderedDict()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = body_of(req)
        unknown = sorted(set(body) - {"called", "caller", "script"})
        if unknown:
            raise Problem("bad-request", f"unknown field {unknown[0]!r}; known are called, caller, script")
        caller, called = _number(body, "caller", "13800000000"), _number(body, "called", "10086")
        try:
            script = parse_script(body.get("script", []))
        except ScriptError as error:
            raise Problem("bad-script", str(error)) from error
        key = req.get_header("Idempotency-Key")
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        if key is not None and key in self._seen:
            known, call_id = self._seen[key]
            if known != digest:
                raise Problem("idempotency-conflict", f"key {key!r}")
        else:
            call_id = self._sandbox.place(caller, called, script)
            if key is not None:
                self._seen[key] = (digest, call_id)
                if len(self._seen) > KEYS_KEPT:
                    self._seen.popitem(last=False)
        resp.status = falcon.HTTP_201
        resp.location = f"/v1/calls/{call_id}"
        resp.media = {"call_id": call_id, "caller": caller, "called": called}


def _number(body: dict[str, Any], name: str, default: str) -> str:
    value = body.get(name, default)
    digits = value[1:] if isinstance(value, str) and value.startswith("+") else value
    if not isinstance(digits, str) or not digits.isascii() or not digits.isdigit() or not 2 <= len(digits) <= 20:
        raise Problem("bad-request", f"{name} must be a text of 2 to 20 digits, with or without a leading +")
    return str(value)
