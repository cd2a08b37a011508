"""One message of the switch: a header block and, with a Content-Length, a body."""

from __future__ import annotations

import json
from typing import Any

from cti.esl.errors import EslError
from cti.esl.event import Event, ListEvent, PlainEvent

PLAIN = "text/event-plain"
JSON = "text/event-json"
API = "api/response"
REPLY = "command/reply"
LOG = "log/data"
AUTH = "auth/request"
DISCONNECT = "text/disconnect-notice"
REJECTION = "text/rude-rejection"

_BODY_KEY = "_body"


class Frame:
    """One frame. ``content_type`` is empty when the switch sent none; ``body`` holds exactly Content-Length bytes."""

    __slots__ = ("_body_at", "_raw", "content_type")

    def __init__(self, raw: bytes, body_at: int, content_type: str) -> None:
        self._raw = raw
        self._body_at = body_at  # after the blank line
        self.content_type = content_type

    @property
    def headers(self) -> ListEvent:
        """The frame's own headers (not those of an event in its body); their values are sent unencoded."""
        return ListEvent(split_head(self._raw[: self._body_at]))

    def get(self, name: str, default: str | None = None) -> str | None:
        """A header of the frame, in any case."""
        lower = name.lower()
        pairs = split_head(self._raw[: self._body_at])
        return next((value for key, value in pairs if key.lower() == lower), default)

    @property
    def body(self) -> bytes:
        return self._raw[self._body_at :]

    @property
    def text(self) -> str:
        """The body as text; bytes that are no UTF-8 (console output holds some) become U+FFFD."""
        return self.body.decode("utf-8", "replace")

    @property
    def reply(self) -> str:
        """What the switch answered: the body of an api/response, the Reply-Text of a command/reply."""
        return self.text if self.content_type == API else self.get("Reply-Text") or ""

    @property
    def data(self) -> str:
        """greenswitch's name for the answer or, in log lines and notices, the body."""
        return self.reply if self.content_type == REPLY else self.text

    def event(self) -> Event:
        """The event in this frame. An event-shaped header block (the reply to ``connect``) is one too.

        Raises EslError ``bad-event`` for JSON that is none, ``unsupported-format`` for event-xml.
        """
        if self.content_type == PLAIN and self._body_at < len(self._raw):
            return PlainEvent(self._raw, self._body_at - 1)
        if self.content_type == JSON:
            return json_event(self.body)
        if self.content_type == "text/event-xml":
            raise EslError("events in XML are not read here", code="unsupported-format", remedy="subscribe to plain")
        return PlainEvent(b"\n" + self._raw, 0)

    def __repr__(self) -> str:
        return f"<Frame {self.content_type!r} body={len(self._raw) - self._body_at}>"


def split_head(head: bytes) -> list[tuple[str, str]]:
    """Header lines of a frame; a line without a colon continues the value before it. CRLF is tolerated."""
    found: list[tuple[str, str]] = []
    for line in head.decode("utf-8", "replace").split("\n"):
        line = line.removesuffix("\r")
        name, colon, value = line.partition(":")
        if colon:
            found.append((name, value.strip()))
        elif line and found:
            found[-1] = (found[-1][0], found[-1][1] + "\n" + line)
    return found


def json_event(body: bytes) -> Event:
    """An event from its JSON form: keys may repeat, arrays stand for ``ARRAY::`` values, ``_body`` is the body."""
    try:
        # Numbers stay as written: the switch sends strings, and a client of its own may send 4,000 digits.
        loaded = json.loads(
            body.decode("utf-8", "replace"),
            object_pairs_hook=_Pairs,
            parse_int=str,
            parse_float=str,
            parse_constant=str,
        )
    except (ValueError, RecursionError) as error:
        raise EslError(f"an event that is no JSON: {str(error)[:100]}", code="bad-event") from None
    if not isinstance(loaded, _Pairs):
        raise EslError("an event in JSON must be an object", code="bad-event")
    pairs = [(name, _as_text(value)) for name, value in loaded if name != _BODY_KEY]
    bodies = [_as_text(value) for name, value in loaded if name == _BODY_KEY]
    return ListEvent(pairs, bodies[0] if bodies else "")


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with its order and its repeated keys."""


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, _Pairs):
        return json.dumps({name: _as_text(inner) for name, inner in value})
    assert isinstance(value, list)
    return "ARRAY::" + "|:".join(_as_text(item) for item in value)
