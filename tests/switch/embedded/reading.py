"""Recorded and own conversations in the same form, so that they can be compared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
NOISE = frozenset(
    """API RE_SCHEDULE ADD_SCHEDULE DEL_SCHEDULE HEARTBEAT CODEC PRESENCE_IN RECV_INFO MODULE_LOAD MODULE_UNLOAD
    MESSAGE_QUERY""".split()  # noqa: SIM905
)
"""Events that other connections and SIP details leave in a recording of everything."""
KEYS = (
    "Channel-State",
    "Channel-Call-State",
    "Answer-State",
    "Application",
    "Application-Data",
    "Application-Response",
    "DTMF-Digit",
    "DTMF-Source",
    "Playback-Status",
    "Hangup-Cause",
    "Record-Completion-Cause",
    "Media-Bug-Function",
    "Speech-Type",
)


@dataclass(frozen=True)
class Message:
    """A frame: its header lines, and its body."""

    headers: tuple[tuple[str, str], ...]
    body: str

    @property
    def kind(self) -> str:
        return dict(self.headers).get("Content-Type", "")

    def event(self) -> list[tuple[str, str]]:
        """Headers of an event, decoded, in order."""
        if self.kind == "text/event-json":
            pairs: list[tuple[str, str]] = json.loads(self.body, object_pairs_hook=lambda items: items)
            return pairs
        if self.kind == "text/event-xml":
            found = re.findall(r"^    <([\w-]+)>(.*)</\1>$", self.body, re.M)
            return [(name, unquote(value)) for name, value in found]
        head = self.body.partition("\n\n")[0]
        lines = [line.split(": ", 1) for line in head.split("\n") if ": " in line]
        return [(name, unquote(value)) for name, value in lines]


def messages(data: bytes) -> Iterator[Message]:
    """Cut a stream into frames; a rest that is no whole frame is an error."""
    at = 0
    while at < len(data):
        end = data.index(b"\n\n", at)
        lines = data[at:end].decode("utf-8", "replace").split("\n")
        headers = tuple((name, value) for name, _, value in (line.partition(": ") for line in lines))
        size = next((int(value) for name, value in headers if name == "Content-Length"), 0)
        body = data[end + 2 : end + 2 + size]
        assert len(body) == size, "a frame is cut off"
        at = end + 2 + size
        yield Message(headers, body.decode("utf-8", "replace"))


def plain(text: str) -> str:
    """Without what no two runs share: uuids that the switch chose, moments, ports."""
    text = UUID.sub("<uuid>", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<date>", text)
    text = re.sub(r"\b1[78]\d{8}\b", "<epoch>", text)
    return re.sub(r"@127\.0\.0\.1:\d+", "@127.0.0.1:<port>", text)


def replies(stream: list[Message]) -> list[tuple[str, str]]:
    """Everything but events and log lines: (kind, text), uuids that the switch chose made anonymous."""
    found = []
    for message in stream:
        if message.kind.startswith(("text/event-", "log/")):
            continue
        about = dict(message.headers)
        text = about.get("Reply-Text", message.body)
        found.append((message.kind, plain(text)))
    return found


def events(stream: list[Message]) -> list[dict[str, str]]:
    """Events in order, first value of each header."""
    found = []
    for message in stream:
        if message.kind.startswith("text/event-"):
            first: dict[str, str] = {}
            for name, value in message.event():
                first.setdefault(name, value)
            if first.get("Event-Name") not in NOISE:
                found.append(first)
    return found


def line(event: dict[str, str]) -> tuple[str, ...]:
    """What a client relies on of one event, comparable."""
    values = [UUID.sub("<uuid>", event.get(key, "")) for key in KEYS]
    values = ["park" if value == "socket" else value for value in values]
    if event.get("Application") == "socket":
        values[KEYS.index("Application-Data")] = ""
    return (event.get("Event-Name", ""), *values)


def by_channel(found: list[dict[str, str]]) -> list[list[dict[str, str]]]:
    """Events of each channel, channels in order of appearance; those of none come last."""
    channels: dict[str, list[dict[str, str]]] = {}
    for event in found:
        channels.setdefault(event.get("Unique-ID", "~"), []).append(event)
    return [channels[key] for key in sorted(channels, key=lambda key: key == "~")]
