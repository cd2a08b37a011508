"""A switch's end of the event socket that does what a test tells it to, on a real loopback port."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import gevent
from gevent import socket
from gevent.event import Event as Flag
from gevent.queue import Queue

from cti.switch.links import Link

PASSWORD = "correct horse".replace(" ", "-")
LIMIT_S = 30.0  # every wait of a test ends here
CORE = "293aa69d-2816-452d-bdf4-059d89f75dfc"

AUTH_REQUEST = b"Content-Type: auth/request\n\n"
OK = b"Content-Type: command/reply\nReply-Text: +OK\n\n"
ACCEPTED = b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n"
INVALID = b"Content-Type: command/reply\nReply-Text: -ERR invalid\n\n"
GOODBYE = (
    b"Content-Type: text/disconnect-notice\nContent-Length: 67\n\n"
    b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
)
REJECTION = b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n"


def reply(text: str) -> bytes:
    return f"Content-Type: command/reply\nReply-Text: {text}\n\n".encode()


def response(text: str) -> bytes:
    return b"Content-Type: api/response\nContent-Length: %d\n\n%s" % (len(text.encode()), text.encode())


def listen_on(port: int) -> Any:
    """gevent's own socket: `create_server` of its module makes one that blocks the whole program."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    return listener


class Connection:
    """One client, seen from the switch."""

    def __init__(self, sock: Any, number: int) -> None:
        self.sock = sock
        self.number = number
        self.opened_s = monotonic()
        self.commands: list[str] = []
        self._buffer = b""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def dribble(self, data: bytes) -> None:
        for at in range(len(data)):
            self.sock.sendall(data[at : at + 1])
            gevent.sleep(0)

    def command(self) -> str:
        """The next command with its headers and body, "" at the end of the connection."""
        while b"\n\n" not in self._buffer:
            data = self.sock.recv(65536)
            if not data:
                return ""
            self._buffer += data
        head, _, self._buffer = self._buffer.partition(b"\n\n")
        text = head.decode()
        for line in text.splitlines()[1:]:
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                while len(self._buffer) < int(value):
                    self._buffer += self.sock.recv(65536)
                text += "\n\n" + self._buffer[: int(value)].decode()
                self._buffer = self._buffer[int(value) :]
        self.commands.append(text)
        return text

    def login(self) -> None:
        self.send(AUTH_REQUEST)
        assert self.command() == f"auth {PASSWORD}"
        self.send(ACCEPTED)

    def close(self) -> None:
        self.sock.close()


class ScriptedSwitch:
    """Runs ``script(connection)`` for each connection in turn; closes the connection when it returns."""

    def __init__(self, script: Callable[[Connection], object]) -> None:
        self.script = script
        self.connections: list[Connection] = []
        self.failures: list[BaseException] = []
        self._greenlets: list[gevent.Greenlet[..., None]] = []
        self._listener = listen_on(0)
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = gevent.spawn(self._accept)

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            connection = Connection(sock, len(self.connections) + 1)
            self.connections.append(connection)
            self._greenlets.append(gevent.spawn(self._serve, connection))

    def _serve(self, connection: Connection) -> None:
        try:
            self.script(connection)
        except OSError:
            pass  # the client left; tests look at what the client made of it
        except AssertionError as failure:
            self.failures.append(failure)
        finally:
            connection.close()

    def refuse(self) -> None:
        """From now on nobody listens on the port."""
        self._acceptor.kill()
        self._listener.close()

    def listen_again(self) -> None:
        self._listener = listen_on(self.port)
        self._acceptor = gevent.spawn(self._accept)

    def stop(self) -> None:
        self.refuse()
        gevent.killall(self._greenlets)
        assert not self.failures


@contextmanager
def scripted(script: Callable[[Connection], object]) -> Iterator[ScriptedSwitch]:
    switch = ScriptedSwitch(script)
    try:
        yield switch
    finally:
        switch.stop()


class GoodSwitch(ScriptedSwitch):
    """Answers as a healthy switch does. Tests change ``core``, ``channels`` and ``answers`` (command -> bytes, or a
    function of the connection), and send events with `fire`."""

    def __init__(self) -> None:
        self.core = CORE
        self.channels = '{"row_count":0}'
        self.password_ok = True
        self.answers: dict[str, bytes | Callable[[Connection, str], bytes | None]] = {}
        self.subscribed = Flag()
        self.asked: Queue[str] = Queue()
        super().__init__(self.serve)

    def serve(self, connection: Connection) -> None:
        connection.send(AUTH_REQUEST)
        while command := connection.command():
            self.asked.put(command)
            answer = self.answer(connection, command)
            if answer:
                connection.send(answer)
            if command == "exit" or (command.startswith("auth") and not self.password_ok):
                connection.send(GOODBYE)
                return

    def answer(self, connection: Connection, command: str) -> bytes | None:
        for start, answer in self.answers.items():
            if command.startswith(start):
                return answer if isinstance(answer, bytes) else answer(connection, command)
        if command.startswith("auth"):
            return ACCEPTED if self.password_ok else INVALID
        if command == "api global_getvar core_uuid":
            return response(self.core)
        if command == "api show channels as json":
            return response(self.channels)
        if command.startswith("api"):
            return response("+OK")
        if command.startswith("event "):
            self.subscribed.set()
            connection.send(reply("+OK event listener enabled plain"))
            return None
        return reply("+OK bye") if command == "exit" else OK

    def of(self, start: str) -> Connection:
        """The newest connection that sent a command starting so."""
        return next(c for c in reversed(self.connections) if any(sent.startswith(start) for sent in c.commands))

    def fire(self, data: bytes) -> None:
        self.of("event ").send(data)


@contextmanager
def good_switch() -> Iterator[GoodSwitch]:
    switch = GoodSwitch()
    try:
        yield switch
    finally:
        switch.stop()


def eventually(condition: Callable[[], object], what: str = "the condition") -> None:
    """Let others run until it holds; fails at the deadline."""
    with gevent.Timeout(LIMIT_S, AssertionError(f"{what} did not come about")):
        while not condition():
            gevent.sleep(0.001)


def link_to(port: int, **options: Any) -> Link:
    return Link("127.0.0.1", port, PASSWORD, timeout=1.0, **options)


def echo(connection: Connection) -> None:
    """A switch that answers every command with its own text."""
    connection.login()
    while command := connection.command():
        connection.send(response(command))
        if command == "exit":
            connection.send(GOODBYE)
            return


def count_of_greenlets() -> int:
    """Those of the link; the scripted switch has its own."""
    gc.collect()
    names = ("Transport", "Mailbox")
    return sum(
        1
        for thing in gc.get_objects()
        if isinstance(thing, gevent.Greenlet) and not thing.ready() and any(name in repr(thing) for name in names)
    )
