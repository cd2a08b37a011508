"""A client of the event socket that hides nothing: commands as they are typed, replies word for word, every event."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from time import monotonic

import gevent
from gevent import socket
from gevent.event import Event as Flag

from cti.esl import Event, Frame, FrameParser

from .rig import LIMIT_S, Rig
from .story import Line

TOLD: dict[str, tuple[str, ...]] = {
    "CHANNEL_ANSWER": (),
    "CHANNEL_ORIGINATE": (),
    "CHANNEL_OUTGOING": (),
    "CHANNEL_PARK": (),
    "CHANNEL_UNPARK": (),
    "CHANNEL_BRIDGE": ("Bridge-A-Unique-ID", "Bridge-B-Unique-ID"),
    "CHANNEL_UNBRIDGE": ("Bridge-A-Unique-ID", "Bridge-B-Unique-ID"),
    "CHANNEL_HOLD": (),
    "CHANNEL_UNHOLD": (),
    "CHANNEL_CALLSTATE": ("Channel-Call-State",),
    "CHANNEL_EXECUTE": ("Application",),
    "CHANNEL_EXECUTE_COMPLETE": ("Application", "Application-Response"),
    "CHANNEL_HANGUP": ("Hangup-Cause",),
    "CHANNEL_HANGUP_COMPLETE": ("Hangup-Cause",),
    "PLAYBACK_START": ("Playback-File-Path",),
    "PLAYBACK_STOP": ("Playback-File-Path", "Playback-Status"),
    "DTMF": ("DTMF-Digit", "DTMF-Source"),
}
"""Event name -> the headers that its line shows."""


class Tap:
    """Logged in unless ``password`` is empty. ``events`` grow while the test waits for something."""

    def __init__(self, rig: Rig, password: str | None = None) -> None:
        self.events: list[Event] = []
        self.closed = Flag()
        self._replies: deque[Frame] = deque()
        self._came = Flag()
        self._socket = socket.create_connection((rig.host, rig.port), LIMIT_S)
        self._socket.settimeout(None)
        self._reader = gevent.spawn(self._read)
        assert self._reply().content_type == "auth/request"
        if password is None:
            assert self.command(f"auth {rig.password}") == "+OK accepted"

    def close(self) -> None:
        self._reader.kill()
        self._socket.close()

    def command(self, text: str, body: str = "") -> str:
        """One command with its headers; the reply's text, without its line end."""
        self._socket.sendall(f"{text}\n\n{body}".encode())
        return self._reply().reply.strip()

    def wait(self, name: str, uuid: str = "", limit_s: float = LIMIT_S, *, nth: int = 1, after: int = 0) -> Event:
        """The ``nth`` event of this name, of a channel when one is given, from index ``after`` on."""

        def found() -> list[Event]:
            return [
                event
                for event in self.events[after:]
                if event.name == name and (not uuid or event.get("Unique-ID") == uuid)
            ]

        self._until(lambda: len(found()) >= nth, f"{name} {nth} of {uuid or 'any'}", limit_s)
        return found()[nth - 1]

    def story(self, names: Mapping[str, str], *told: str, after: int = 0) -> list[Line]:
        """What was told of the legs in ``names`` (uuid -> leg), one line an event, of the events in ``told``."""
        lines: list[Line] = []
        for event in self.events[after:]:
            leg = names.get(event.get("Unique-ID", ""))
            if leg is None or event.name not in told:
                continue
            values = [event.get(header) or "-" for header in TOLD[event.name]]
            short = event.name.removeprefix("CHANNEL_")
            lines.append((leg, short, *(names.get(value, value) for value in values)))
        return lines

    def _until(self, condition: Callable[[], bool], what: str, limit_s: float) -> None:
        until = monotonic() + limit_s
        while not condition():
            self._came.clear()
            if not self._came.wait(max(0.0, until - monotonic())):
                names = [(event.name, event.get("Unique-ID")) for event in self.events[-30:]]
                raise TimeoutError(f"{what}: not within {limit_s} s; the last events: {names}")

    def _reply(self) -> Frame:
        self._until(lambda: bool(self._replies), "a reply", LIMIT_S)
        return self._replies.popleft()

    def _read(self) -> None:
        parser = FrameParser()
        while data := self._socket.recv(65536):
            for frame in parser.feed(data):
                if frame.content_type.startswith("text/event"):
                    self.events.append(frame.event())
                elif frame.content_type != "text/disconnect-notice":
                    self._replies.append(frame)
            self._came.set()
        self.closed.set()
