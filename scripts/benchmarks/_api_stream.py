"""One client's stream of server-sent events: reads, remembers, and comes again with the id of the last event."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import gevent
from gevent import socket
from gevent.event import Event

_SILENT_S = 30.0


@dataclass(slots=True)
class Seen:
    """``at``: when it happened (ISO 8601), ``received``: when it was here, seconds since the epoch."""

    id: str
    type: str
    at: str
    received: float
    data: dict[str, Any]

    @property
    def late_s(self) -> float:
        return self.received - datetime.fromisoformat(self.at).timestamp()


class Mark:
    """Something that happens once, until it is taken back. ``at``: monotonic."""

    def __init__(self) -> None:
        self._event, self.at = Event(), 0.0

    def set(self) -> None:
        if not self._event.is_set():
            self.at = time.monotonic()
            self._event.set()

    def clear(self) -> None:
        self._event.clear()

    def wait(self, timeout_s: float) -> bool:
        return bool(self._event.wait(timeout_s))


class Stream:
    """``gate`` blocks until the server listens. Since the connection was lost: ``opened``, the stream goes on;
    ``fresh``, an event has come."""

    def __init__(self, port: int, token: str, path: str, gate: Callable[[], None]) -> None:
        self._port, self._token, self._path, self._gate = port, token, path, gate
        self._socket: socket.socket | None = None
        self._runs: gevent.Greenlet[[], None] | None = None
        self.events: list[Seen] = []
        self.opened, self.fresh = Mark(), Mark()
        self.last_id, self.losses = "", 0
        self.own = True

    def start(self) -> None:
        if self._runs is None:
            self._runs = gevent.spawn(self._run)

    def cut(self) -> None:
        """The connection is lost, on both sides."""
        self._lost()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if self._runs is not None:
            self._runs.kill()
        self.cut()

    def take(self) -> list[Seen]:
        """What has come since the last time."""
        found, self.events = self.events, []
        return found

    def _run(self) -> None:
        while True:
            self._gate()
            try:
                self._read()
            except (OSError, ValueError):
                self.losses += 1
            self._lost()

    def _lost(self) -> None:
        self.opened.clear()
        self.fresh.clear()

    def _read(self) -> None:
        """Raises OSError, ValueError when the connection is lost; the body is chunked (RFC 9112, section 7.1)."""
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=_SILENT_S)
        again = f"Last-Event-ID: {self.last_id}\r\n" if self.last_id else ""
        head = f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self._token}\r\n{again}\r\n"
        self._socket.sendall(head.encode())
        file, left = self._socket.makefile("rb"), b""
        status = file.readline()
        if b" 200 " not in status:
            raise ValueError(f"the server answers {status!r}")
        while file.readline() != b"\r\n":
            pass
        while size := int(file.readline(), 16):
            *frames, left = (left + file.read(size)).split(b"\n\n")
            file.readline()
            self.opened.set()
            now = time.time()
            for frame in frames:
                self._take(frame, now)

    def _take(self, frame: bytes, now: float) -> None:
        data = next((line[6:] for line in frame.split(b"\n") if line.startswith(b"data: ")), None)
        if data is None:
            return
        told = json.loads(data)
        self.events.append(Seen(told["id"], told["type"], told["at"], now, told["data"]))
        self.last_id = told["id"]
        self.fresh.set()
