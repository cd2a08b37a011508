"""What may be asked of a callback, by whatever way it is asked: the API, or an order of another system."""

from __future__ import annotations

import re
from datetime import datetime

from cti.core.commands import RequestCallback
from cti.core.errors import CtiError

#: A name of an event is as long as the id of a notice may be, whose end raises it.
WHEN_EVENT = r"event:[0-9A-Za-z_.-]{1,64}"
WHEN_CHARS = len("event:") + 64
ATTEMPTS_MAX, ATTEMPTS = 10, 3
_NUMBER = re.compile(r"\+?[0-9]{3,15}")


def wish_of(number: str, when: str, queue: str, flow: str, attempts: int) -> RequestCallback:
    """Raises CtiError: bad-number, bad-time, bad-request."""
    check_number(number)
    if bool(queue) == bool(flow):
        raise CtiError("give queue or flow: who meets the person called", code="bad-request")
    check_when(when)
    check_attempts(attempts)
    return RequestCallback(0, number, when, queue or None, False, flow or None, attempts)


def check_number(number: str, name: str = "number") -> None:
    """Raises CtiError (bad-number)."""
    if not _NUMBER.fullmatch(number):
        raise CtiError(f"{name} must be digits, with or without +", code="bad-number")


def check_when(when: str) -> None:
    """``now``, ``event:NAME`` or a moment in ISO 8601 with offset. Raises CtiError (bad-time)."""
    if when == "now" or re.fullmatch(WHEN_EVENT, when):
        return
    try:
        if datetime.fromisoformat(when).tzinfo is not None:
            return
    except ValueError:
        pass
    raise CtiError(
        "when is now, event:NAME, or ISO 8601 with an offset, such as 2026-03-02T10:00+08:00", code="bad-time"
    )


def check_attempts(attempts: object) -> None:
    """Raises CtiError (bad-request)."""
    if not isinstance(attempts, int) or isinstance(attempts, bool) or not 1 <= attempts <= ATTEMPTS_MAX:
        raise CtiError(f"attempts must be a whole number from 1 to {ATTEMPTS_MAX}", code="bad-request")
