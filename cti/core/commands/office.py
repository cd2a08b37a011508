"""The back office and what goes out by other ways: look-ups, requests, notices, callbacks, messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Lookup:
    """A read from the back office. Ends with `LookupEnded(ref)` within ``deadline_s``; the runtime enforces it."""

    ref: int
    source: str
    arguments: Mapping[str, Any]
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Request:
    """A write to the back office. Ends with `RequestEnded(ref)` within ``deadline_s``; what lasts longer, or longer
    than the caller stays, is finished by the engine.

    ``key`` is the node and the visit, the same whenever this very request is made again: with the call's id before it
    the back office knows a repetition and does it once.
    """

    ref: int
    source: str
    arguments: Mapping[str, Any]
    key: str
    deadline_s: float


@dataclass(frozen=True, slots=True)
class FindNotices:
    """Which notices hold at this moment for an area, a service, a number? Ends with `NoticesFound(ref)`."""

    ref: int
    at: datetime
    area: str | None = None
    service: str | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True)
class RequestCallback:
    """Register a callback. Ends with `CallbackEnded(ref)`.

    ``when`` is ``now``, a moment in ISO 8601 with offset, or ``event:NAME`` for as soon as that event is raised (a
    notice's id when it is over). The person called is met by ``flow``, or put through from ``queue``; ``attempts``
    is how often the number is tried.
    """

    ref: int
    number: str
    when: str
    queue: str | None = None
    keep_place: bool = False
    flow: str | None = None
    attempts: int = 3


@dataclass(frozen=True, slots=True)
class SendMessage:
    """SMS or chat. Ends with `MessageEnded(ref)`. ``key``: as that of `Request`."""

    ref: int
    channel: str
    recipient: str
    text: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the flow says in a conversation by text: one message back, by the channel it came on. Nothing ends it.

    ``shown``: the same as it may be kept, sensitive values masked; empty: there are none."""

    text: str
    shown: str = ""
