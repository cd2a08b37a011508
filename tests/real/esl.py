"""An independent look at the switch's events: what the tests hold the platform's own links to."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from cti.esl.frame import Frame
from cti.esl.parser import FrameParser

Match = Callable[[Any], bool]


class Tap:
    """Subscribed to ``names``; keeps every event. ``host``/``port``/``password`` of an event socket."""

    def __init__(self, host: str, port: int, password: str, names: str = "ALL") -> None:
        self.events: list[Any] = []
        self._replies: list[Frame] = []
        self._changed = threading.Condition()
        self._asking = threading.Lock()
        self._closed = False
        self._socket = socket.create_connection((host, port), 5)
        self._socket.settimeout(None)
        threading.Thread(target=self._read, daemon=True).start()
        assert self._reply().content_type == "auth/request"
        assert self.command(f"auth {password}").startswith("+OK")
        assert self.command(f"event plain {names}").startswith("+OK")

    def __enter__(self) -> Tap:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def command(self, text: str) -> str:
        """One command, its reply text."""
        with self._asking:
            self._socket.sendall(text.encode() + b"\n\n")
            return self._reply().reply

    def api(self, text: str) -> str:
        return self.command(f"api {text}").strip()

    def execute(self, uuid: str, application: str, argument: str = "", token: str = "") -> str:
        lines = ["call-command: execute", f"execute-app-name: {application}"]
        lines += [f"event-uuid: {token}"] if token else []
        body = argument.encode()
        lines += ["content-type: text/plain", f"content-length: {len(body)}"] if body else []
        head = f"sendmsg {uuid}\n" + "\n".join(lines) + "\n\n"
        with self._asking:
            self._socket.sendall(head.encode() + body)
            return self._reply().reply

    def wait(self, match: Match, timeout_s: float = 30, *, after: int = 0) -> Any:
        """The first event from index ``after`` on that matches."""
        with self._changed:
            found: list[Any] = []

            def look() -> bool:
                found.extend(event for event in self.events[after:] if match(event))
                return bool(found)

            if not self._changed.wait_for(look, timeout_s):
                names = [event.name for event in self.events[after:]]
                raise TimeoutError(f"no such event within {timeout_s} s; came: {names}")
            return found[0]

    def wait_name(self, name: str, timeout_s: float = 30, *, after: int = 0, **headers: str) -> Any:
        """By name and headers, `Unique_ID="…"` for Unique-ID."""
        wanted = {key.replace("_", "-"): value for key, value in headers.items()}

        def match(event: Any) -> bool:
            return event.name == name and all(event.get(key) == value for key, value in wanted.items())

        return self.wait(match, timeout_s, after=after)

    def of(self, uuid: str, *names: str) -> list[Any]:
        """The events of one channel so far, in order."""
        chosen = [event for event in list(self.events) if event.get("Unique-ID") == uuid]
        return [event for event in chosen if not names or event.name in names]

    def take(self) -> list[Any]:
        """The events so far, which are kept no longer: for who listens for hours."""
        with self._changed:
            taken, self.events = self.events, []
            return taken

    def _reply(self, timeout_s: float = 10) -> Frame:
        with self._changed:
            if not self._changed.wait_for(lambda: bool(self._replies), timeout_s):
                raise TimeoutError(f"no reply from the switch within {timeout_s} s")
            return self._replies.pop(0)

    def _read(self) -> None:
        parser = FrameParser()
        while not self._closed:
            try:
                data = self._socket.recv(65536)
            except OSError:
                return
            if not data:
                return
            with self._changed:
                for frame in parser.feed(data):
                    if frame.content_type.startswith("text/event"):
                        self.events.append(frame.event())
                    else:
                        self._replies.append(frame)
                self._changed.notify_all()


def wait_until(condition: Callable[[], bool], timeout_s: float, what: str, every_s: float = 0.05) -> None:
    """For states that the switch announces by no event."""
    until = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"{what}: not within {timeout_s} s")
        time.sleep(every_s)
