"""Events and the bus that carries them to listeners.

Building an event is cheap when nobody wants it: the bus knows which names are subscribed and does nothing but count
for the others. One that is wanted is a list of header blocks, encoded once per format for all listeners.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Protocol

from cti.esl import encode_value
from cti.switch.embedded.clock import Scheduler
from cti.switch.embedded.names import OWN, SOURCES, Source
from cti.switch.embedded.wire import Block, Header, Shape

_NAME_ALONE = Shape(["Event-Name"])
_STAMP = Shape(
    [
        "Event-Date-Local",
        "Event-Date-GMT",
        "Event-Date-Timestamp",
        "Event-Calling-File",
        "Event-Calling-Function",
        "Event-Calling-Line-Number",
        "Event-Sequence",
    ]
)


class Event:
    """A fired event. ``blocks`` in wire order; ``body`` may be empty."""

    __slots__ = ("_encoded", "blocks", "body", "name", "subclass")

    def __init__(self, name: str, subclass: str, blocks: list[Block], body: str) -> None:
        self.name = name
        self.subclass = subclass
        self.blocks = blocks
        self.body = body
        self._encoded: dict[str, bytes] = {}

    def get(self, header: str) -> str | None:
        """First value of a header, its name in any case."""
        key = header.lower()
        for block in self.blocks:
            value = block.get(key)
            if value is not None:
                return value
        return None

    def headers(self) -> list[Header]:
        return [header for block in self.blocks for header in block.headers]

    def encode(self, fmt: str) -> bytes:
        """The whole message for a listener; ``fmt`` plain, json or xml."""
        data = self._encoded.get(fmt)
        if data is None:
            body = self.plain() if fmt == "plain" else _bytes(self.json() if fmt == "json" else self.xml())
            head = f"Content-Length: {len(body)}\nContent-Type: text/event-{fmt}\n\n"
            data = self._encoded[fmt] = head.encode() + body
        return data

    def plain(self) -> bytes:
        text = b"".join([block.plain() for block in self.blocks])
        if not self.body:
            return text + b"\n"
        body = _bytes(self.body)
        return b"%sContent-Length: %d\n\n%s" % (text, len(body), body)

    def json(self) -> str:
        parts = [block.json() for block in self.blocks if block.headers]
        if self.body:
            length = len(_bytes(self.body))
            parts.append(Block([("Content-Length", str(length)), ("_body", self.body)]).json())
        return "{" + ",".join(parts) + "}"

    def xml(self) -> str:
        lines = [f"    <{name}>{_xml_text(encode_value(value).decode())}</{name}>\n" for name, value in self.headers()]
        tail = ""
        if self.body:
            length = len(_bytes(self.body))
            lines.append(f"    <Content-Length>{length}</Content-Length>\n")
            tail = f"  <body>{_xml_text(self.body)}</body>\n"
        return "<event>\n  <headers>\n" + "".join(lines) + "  </headers>\n" + tail + "</event>\n"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _xml_text(value: str) -> str:
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&apos;")):
        value = value.replace(char, entity)
    return value


class Listener(Protocol):
    """Somebody on the bus: an event-socket connection, or code in this process."""

    def wants(self, name: str, subclass: str) -> bool: ...

    def deliver(self, event: Event) -> None: ...


class EventBus:
    """Stamps events and hands them to the listeners that subscribed."""

    def __init__(self, clock: Scheduler, identity: list[Header]) -> None:
        self._clock = clock
        self._identity = Block(identity)
        self._listeners: list[Listener] = []
        self._wanted: dict[tuple[str, str], list[Listener]] = {}
        self._second = -1
        self._dates: tuple[str, str] = ("", "")
        self.sequence = 0

    def add(self, listener: Listener) -> None:
        self._listeners.append(listener)
        self.subscriptions_changed()

    def remove(self, listener: Listener) -> None:
        if listener in self._listeners:
            self._listeners.remove(listener)
            self.subscriptions_changed()

    def subscriptions_changed(self) -> None:
        """Listeners call this when what they want changed."""
        self._wanted.clear()

    def fire(
        self,
        name: str,
        blocks: Callable[[], Iterable[Block]],
        *,
        subclass: str = "",
        body: str = "",
        source: Source | None = None,
        lead: Iterable[Header] = (),
    ) -> Event | None:
        """Fire an event; ``blocks`` is called only when somebody wants it. Returns it then, else None.

        ``lead`` goes before the switch's own headers: events that a client's command turned into carry its headers.
        """
        self.sequence += 1
        key = (name, subclass)
        wanted = self._wanted.get(key)
        if wanted is None:
            wanted = [listener for listener in self._listeners if listener.wants(name, subclass)]
            if len(self._wanted) < 4096:  # names come from clients as well: bounded
                self._wanted[key] = wanted
        if not wanted:
            return None
        event = self.build(name, list(blocks()), subclass=subclass, body=body, source=source, lead=lead)
        for listener in wanted:
            listener.deliver(event)
        return event

    def build(
        self,
        name: str,
        blocks: list[Block],
        *,
        subclass: str = "",
        body: str = "",
        source: Source | None = None,
        lead: Iterable[Header] = (),
    ) -> Event:
        file, function, line = source or SOURCES.get(name, OWN)
        now = self._clock.now()
        local, gmt = self._date_texts(int(now))
        first: list[Header] = [*lead, ("Event-Name", name)]
        if subclass:
            first.insert(0, ("Event-Subclass", subclass))
        micros, sequence = str(int(now * 1_000_000)), str(self.sequence)
        stamp = zip(_STAMP.names, (local, gmt, micros, file, function, str(line), sequence), strict=True)
        head = Block(first, _NAME_ALONE if len(first) == 1 else None)
        return Event(name, subclass, [head, self._identity, Block(stamp, _STAMP), *blocks], body)

    def _date_texts(self, second: int) -> tuple[str, str]:
        if second != self._second:
            self._second = second
            self._dates = (
                time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second)),
                time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(second)),
            )
        return self._dates
