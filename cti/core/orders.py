"""What other systems order of the call centre: a callback, a message, a notice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class OrderKind(StrEnum):
    CALLBACK = "callback"
    MESSAGE = "message"
    NOTICE = "notice"


class OrderState(StrEnum):
    RECEIVED = "received"  # not answered yet
    SENDING = "sending"  # a message that may have gone out
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Order:
    """``key``: the other system's, unique within the ``source``. ``fields``: raw texts by field name."""

    source: str
    key: str
    kind: OrderKind
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OrderAnswer:
    """``state``: accepted or rejected. ``reason`` holds no personal data."""

    state: str
    order_id: str
    code: str = ""
    reason: str = ""
