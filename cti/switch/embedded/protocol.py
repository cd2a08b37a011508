"""One event-socket connection without a socket: bytes in, bytes out (mod_event_socket.c of 1.10.12).

Commands are read as the real one reads them: blank lines in front are skipped, a command ends at an empty line, header
lines follow the first line, a body of Content-Length bytes follows those. Commands are run one after another; a slow
`api` holds the rest back. Events are written only while no half-read command waits, at the earliest at the next turn of
a 20 ms poll, or at once after a command.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from cti.switch.embedded.client import Client
from cti.switch.embedded.clock import Timer
from cti.switch.embedded.commands import run_command
from cti.switch.embedded.core import Core
from cti.switch.embedded.event import Event
from cti.switch.embedded.task import Task
from cti.switch.embedded.wire import Header, frame

POLL_S = 0.02
MAX_COMMAND = 10_485_760
MAX_LOST = 500
MAX_GAP = 64  # carriage returns between two line feeds that we look back over
GOODBYE = b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
LEVEL_NAMES = ("CONSOLE", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG")


class Connection:
    """``send`` takes bytes for the client, ``close`` ends the connection after them.

    ``room()`` tells whether the client keeps reading; while it does not, events stay in the bounded queue, and after
    ``MAX_LOST`` lost events the connection is dropped, as the real switch does.
    """

    def __init__(
        self, core: Core, send: Callable[[bytes], None], close: Callable[[], None], room: Callable[[], bool]
    ) -> None:
        self.core = core
        self.client = Client(core, self)
        self._send = send
        self._close = close
        self._room = room
        self._buffer = bytearray()
        self._scanned = 0  # no command ends before here: a dribbled command is not searched again and again
        self._events: deque[Event] = deque()
        self._logs: deque[bytes] = deque()
        self._lost = 0
        self._busy: Task[str] | None = None
        self._flush_timer: Timer | None = None
        self._auth_timer: Timer | None = None
        self.closed = False

    # ---- life ------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        self.core.bus.add(self.client)
        self.core.log_listeners.append(self.client.log_line)
        self._send(frame([("Content-Type", "auth/request")]))
        self._arm_auth_timer()

    def reject(self) -> None:
        """The address is on no list that may connect."""
        self._send(frame([("Content-Type", "text/rude-rejection")], b"Access Denied, go away.\n"))
        self.end()

    def end(self, notice: bool = True) -> None:
        """Say goodbye and close. Events still queued are dropped, as the real switch drops them."""
        if self.closed:
            return
        self.closed = True
        self.core.bus.remove(self.client)
        if self.client.log_line in self.core.log_listeners:
            self.core.log_listeners.remove(self.client.log_line)
        self.client.release()
        for timer in (self._flush_timer, self._auth_timer):
            if timer is not None:
                timer.cancel()
        self._events.clear()
        if notice:
            headers: list[Header] = [("Content-Type", "text/disconnect-notice")]
            if self.client.session_uuid:
                headers.append(("Controlled-Session-UUID", self.client.session_uuid))
                headers.append(("Content-Disposition", "disconnect"))
            self._send(frame(headers, GOODBYE))
        self._close()

    def _arm_auth_timer(self) -> None:
        """The limit runs per packet while nobody has logged in, counted in whole seconds of the clock."""
        if self._auth_timer is not None:
            self._auth_timer.cancel()
        limit = int(self.core.clock.now()) + self.core.config.auth_timeout_s

        def too_late() -> None:
            if not self.client.authenticated:
                self.end()

        self._auth_timer = self.core.clock.call_at(limit, too_late)

    # ---- bytes in --------------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        if self.closed:
            return
        self._buffer += data
        self._work()

    def _work(self) -> None:
        while not self.closed and self._busy is None:
            command = self._next_command()
            if command is None:
                break
            if not self.client.authenticated:
                self._arm_auth_timer()
            run_command(self.client, *command)
        if not self.closed and self._busy is None and not self._buffer:
            self.flush()

    def _next_command(self) -> tuple[str, dict[str, str], list[Header], str] | None:
        """Cut one command off the buffer: (line, headers by lower-case name, headers as sent, body)."""
        buffer = self._buffer
        start = 0
        while start < len(buffer) and buffer[start] in b"\r\n":
            start += 1
        if start:
            del buffer[:start]
        end, after = _find_end(buffer, self._scanned)
        if end < 0:
            if len(buffer) < MAX_COMMAND:
                self._scanned = max(0, len(buffer) - MAX_GAP)
                return None
            end = after = MAX_COMMAND
        self._scanned = 0
        lines = bytes(buffer[:end]).decode("utf-8", "surrogateescape").replace("\r", "\n").split("\n")
        headers: dict[str, str] = {}
        raw: list[Header] = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if colon and name:
                value = value.lstrip(" ")
                headers.setdefault(name.lower(), value)
                raw.append((name, value))
        length = _body_length(headers.get("content-length", ""))
        if length > MAX_COMMAND:
            self.end()
            return None
        if len(buffer) < after + length:
            return None
        body = bytes(buffer[after : after + length]).decode("utf-8", "surrogateescape")
        del buffer[: after + length]
        return lines[0], headers, raw, body

    # ---- bytes out -------------------------------------------------------------------------------------------------

    def reply(self, text: str) -> None:
        self.send_frame([("Content-Type", "command/reply"), ("Reply-Text", text)])

    def send_frame(self, headers: list[Header], body: bytes | None = None) -> None:
        if not self.closed:
            self._send(frame(headers, body))

    def wait_for(self, task: Task[str], then: Callable[[str], None]) -> None:
        """Hold further commands back until ``task`` is done."""

        def finished() -> None:
            self._busy = None
            if not self.closed:
                then(task.result if task.result is not None else "-ERR internal error\n")
                self._work()

        task.on_done = finished
        self._busy = task
        task.start()

    def queue_event(self, event: Event) -> None:
        if len(self._events) >= self.core.config.event_queue:
            self._lost += 1
            if self._lost > MAX_LOST:
                self.end(notice=False)
            return
        self._events.append(event)
        self._schedule_flush()

    def queue_log(self, data: bytes) -> None:
        if len(self._logs) < self.core.config.event_queue:
            self._logs.append(data)
            self._schedule_flush()

    def _schedule_flush(self) -> None:
        if self._flush_timer is None:
            now = self.core.clock.now()
            self._flush_timer = self.core.clock.call_at((int(now / POLL_S + 1e-6) + 1) * POLL_S, self._poll)

    def _poll(self) -> None:
        self._flush_timer = None
        if not self.closed and self._busy is None and not self._buffer:
            self.flush()

    def flush(self) -> None:
        """Write what is queued, as far as the client reads it."""
        fmt = self.client.format
        while self._logs and self._room():
            self._send(self._logs.popleft())
        while self._events and self._room():
            self._send(self._events.popleft().encode(fmt))
        if (self._events or self._logs) and not self.closed:
            self._schedule_flush()

    def drop_events(self) -> None:
        self._events.clear()

    def drop_logs(self) -> None:
        self._logs.clear()


def _find_end(buffer: bytearray, at: int) -> tuple[int, int]:
    """Where the first empty line is: (end of the command, start of what follows); -1 when there is none yet.

    Two line feeds end a command, carriage returns between them do not count.
    """
    while True:
        first = buffer.find(b"\n", at)
        if first < 0:
            return -1, -1
        second = first + 1
        while second < len(buffer) and buffer[second] == 13:
            second += 1
        if second < len(buffer) and buffer[second] == 10:
            return first, second + 1
        at = first + 1


def _body_length(text: str) -> int:
    """atoi: leading digits, 0 for anything else or negative."""
    digits = ""
    for char in text.strip():
        if not (char.isascii() and char.isdigit()):
            break
        digits += char
    return int(digits[:12]) if digits else 0
