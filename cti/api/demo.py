"""``POST /v1/demo/calls``: a virtual caller on the embedded switch, so that a client's CI runs without a telephone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import falcon

from cti.api.bodies import json_body, only
from cti.api.once import Once
from cti.api.problems import Problem
from cti.core.script import ScriptError, parse_script

if TYPE_CHECKING:
    from cti.core.script import Step


class Sandbox(Protocol):
    """Places a virtual call; returns its id. Raises CtiError (``no-sandbox`` on a real switch)."""

    def place(self, caller: str, called: str, script: list[Step]) -> str: ...


class DemoCalls:
    """Body: ``{"called": "10086", "caller": "13800000000", "script": ["1", {"silence": "5s"}, "hangup"]}``.

    An ``Idempotency-Key`` makes a repeated post answer with the first call; the same key with another body is 409.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._once: Once[str] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = json_body(req)
        only(body, "called", "caller", "script")
        caller, called = _number(body, "caller", "13800000000"), _number(body, "called", "10086")
        try:
            script = parse_script(body.get("script", []))
        except ScriptError as error:
            raise Problem("bad-script", str(error)) from error
        place = partial(self._sandbox.place, caller, called, script)
        call_id = self._once.do(req, body, place)
        resp.status = falcon.HTTP_201
        resp.location = f"/v1/calls/{call_id}"
        resp.media = {"call_id": call_id, "caller": caller, "called": called}


def _number(body: dict[str, Any], name: str, default: str) -> str:
    value = body.get(name, default)
    digits = value[1:] if isinstance(value, str) and value.startswith("+") else value
    if not isinstance(digits, str) or not digits.isascii() or not digits.isdigit() or not 2 <= len(digits) <= 20:
        raise Problem("bad-request", f"{name} must be a text of 2 to 20 digits, with or without a leading +")
    return str(value)
