"""Frames as the switch writes them, for the embedded switch and for tests."""

from __future__ import annotations

import json
from collections.abc import Iterable

from cti.esl.errors import EslError
from cti.esl.urlcode import encode_value

Headers = Iterable[tuple[str, str]]

_ARRAY = "ARRAY::"
_LINE_ENDS = ("\n", "\r", "\0")


def encode_frame(headers: Headers, body: bytes | str | None = None) -> bytes:
    """A message with its headers as given; with a body (an empty one too), Content-Length comes last.

    Header values are sent unencoded, so a line end in one is refused (EslError ``unsafe-text``): it would be a header.
    """
    lines = []
    for name, value in headers:
        if any(end in name or end in value for end in _LINE_ENDS) or ":" in name or not name:
            raise EslError(f"{name!r} cannot stand in a header block with this value", code="unsafe-text")
        lines.append(f"{name}: {value}\n")
    head = "".join(lines).encode("utf-8", "surrogateescape")
    if body is None:
        return head + b"\n"
    data = body.encode("utf-8", "surrogateescape") if isinstance(body, str) else body
    return b"%sContent-Length: %d\n\n%s" % (head, len(data), data)


def event_block(headers: Headers, body: str = "") -> bytes:
    """An event's headers, percent-encoded, a blank line, and its body; the reply to ``connect`` is such a block."""
    lines = []
    for name, value in headers:
        if any(end in name for end in _LINE_ENDS) or ":" in name or not name:
            raise EslError(f"{name!r} is no header name", code="unsafe-text")
        lines.append(b"%s: %s\n" % (name.encode("utf-8", "surrogateescape"), encode_value(value)))
    data = body.encode("utf-8", "surrogateescape")
    if data:
        lines.append(b"Content-Length: %d\n" % len(data))
    return b"%s\n%s" % (b"".join(lines), data)


def _event_frame(payload: bytes, kind: bytes) -> bytes:
    return b"Content-Length: %d\nContent-Type: text/event-%s\n\n%s" % (len(payload), kind, payload)


def encode_event_plain(headers: Headers, body: str = "") -> bytes:
    """A complete text/event-plain frame."""
    return _event_frame(event_block(headers, body), b"plain")


def encode_event_json(headers: Headers, body: str = "") -> bytes:
    """A complete text/event-json frame; repeated headers repeat as keys, arrays become lists, as the switch does it."""
    members = []
    for name, value in headers:
        item: object = value[len(_ARRAY) :].split("|:") if value.startswith(_ARRAY) else value
        members.append(f"{_quote(name)}:{json.dumps(item, ensure_ascii=False, separators=(',', ':'))}")
    if body:
        members.append(f'"Content-Length":"{len(body.encode("utf-8", "surrogateescape"))}"')
        members.append(f'"_body":{_quote(body)}')
    payload = "{" + ",".join(members) + "}"
    return _event_frame(payload.encode("utf-8", "surrogateescape"), b"json")


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
