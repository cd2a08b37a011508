"""Writes of the back office that a client has ordered and does not wait for. No I/O."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from cti.core.errors import CtiError
from cti.core.webhooks import SECRET_PREFIX

#: waiting: it is asked for until it is settled or its time is over. done, rejected: the back office said so. dead:
#: nobody knows, for a person to decide. dropped: a person decided. error: it was never written.
AsyncState = Literal["waiting", "done", "rejected", "dead", "dropped", "error"]
STATES: tuple[str, ...] = get_args(AsyncState)
#: What is to be done: ask the back office; tell the client; nothing any more.
Phase = Literal["ask", "tell", "over"]
#: What became of the callback; none was wanted, or it is not time yet: "".
Told = Literal["", "pending", "delivered", "dead"]
#: Of a secret, decoded (Standard Webhooks 1.0.0).
SECRET_LEAST, SECRET_MOST = 24, 64
#: Between attempts to ask: doubles, up to the second of these.
PAUSE_S, PAUSE_MOST_S = 1.0, 60.0


@dataclass(frozen=True, slots=True, repr=False)
class Callback:
    """``secret``: ``whsec_<base64>``; signs what is sent to ``url``."""

    url: str
    secret: str


@dataclass(frozen=True, slots=True)
class AsyncRequest:
    """``key``: of the write, as the back office gets it. ``inputs``, ``values``: by their types. ``outcome``: of the
    last attempt. ``due_at``: when there is something to do again. ``attempts``: in its phase, that came to nothing.
    Times in seconds since the epoch."""

    request_id: str
    user_id: str
    name: str
    key: str
    inputs: Mapping[str, Any]
    since: float
    expires_at: float
    callback: Callback | None = None
    state: AsyncState = "waiting"
    outcome: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    phase: Phase = "ask"
    lane: str = ""
    due_at: float = 0.0
    attempts: int = 0
    told: Told = ""
    ended_at: float | None = None


def settled(
    one: AsyncRequest, state: AsyncState, outcome: str, now: float, values: Mapping[str, Any] | None = None
) -> AsyncRequest:
    """As it is from now on: over, or to be told to whoever ordered it."""
    told = one.callback is not None
    return replace(
        one,
        state=state,
        outcome=outcome,
        values=values or {},
        phase="tell" if told else "over",
        lane=urlsplit(one.callback.url).netloc if one.callback is not None else "",
        due_at=now,
        attempts=0 if told else one.attempts,
        told="pending" if told else "",
        ended_at=now,
    )


def check_secret(secret: str) -> str:
    """Raises CtiError (bad-secret)."""
    try:
        raw = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not secret.startswith(SECRET_PREFIX) or not SECRET_LEAST <= len(raw) <= SECRET_MOST:
        message = f"a secret is {SECRET_PREFIX} and the base64 of {SECRET_LEAST} to {SECRET_MOST} random bytes"
        raise CtiError(message, code="bad-secret")
    return secret
