"""The embedded switch as a TCP server: sockets and greenlets around `protocol`."""

from __future__ import annotations

import ipaddress
import logging
import signal
import socket
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import gevent
from gevent.event import Event
from gevent.server import StreamServer

from cti.switch.embedded.caller import Observer, VirtualCaller
from cti.switch.embedded.core import Core, SwitchConfig
from cti.switch.embedded.gevent_clock import GeventClock
from cti.switch.embedded.protocol import Connection
from cti.switch.embedded.script import Item

log = logging.getLogger(__name__)

HIGH_WATER = 1 << 20
HARD_LIMIT = 64 << 20
DRAIN_S = 5.0
HANGUP_S = 0.5


class _Peer:
    """One TCP client: a reader (this greenlet) and a writer that never holds up the model."""

    def __init__(self, sock: Any, core: Core) -> None:
        self._sock = sock
        self._out: deque[bytes] = deque()
        self._size = 0
        self._wake = Event()
        self._closing = False
        self._writer: gevent.Greenlet[[], None] | None = None
        self.connection = Connection(core, self.send, self.close, self._room)

    def send(self, data: bytes) -> None:
        if self._closing:
            return
        self._out.append(data)
        self._size += len(data)
        if self._size > HARD_LIMIT:  # replies to a client that only writes: nothing else bounds those
            self._out.clear()
            self.close()
        self._wake.set()

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._wake.set()
        gevent.spawn(self._finish)

    def _finish(self) -> None:
        """Let the last words out, but wait for nobody who does not read; then wake the reader."""
        if self._writer is not None:
            self._writer.join(timeout=DRAIN_S if self._room() else 0)
            self._writer.kill()
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def _room(self) -> bool:
        return self._size < HIGH_WATER

    def read(self, allowed: bool) -> None:
        self._writer = gevent.spawn(self._write)
        try:
            if allowed:
                self.connection.open()
            else:
                self.connection.reject()
            while not self._closing:
                data = self._sock.recv(65536)
                if not data:
                    self.connection.end()
                    break
                self.connection.receive(data)
        except OSError as error:
            log.debug("an event-socket client went away: %s", error)
            self.connection.end(notice=False)
        finally:
            self.close()
            self._writer.join(timeout=DRAIN_S)
            self._writer.kill()
            self._sock.close()

    def _write(self) -> None:
        try:
            while True:
                while self._out:
                    data = b"".join(self._out)
                    self._out.clear()
                    self._sock.sendall(data)
                    self._size -= len(data)
                if self._closing:
                    return
                self._wake.clear()
                if not self._out and not self._closing:
                    self._wake.wait()
        except OSError as error:
            log.debug("cannot write to an event-socket client: %s", error)
            self.connection.end(notice=False)


class EmbeddedSwitch:
    """A switch in this process. ``start()`` gives the port; ``core`` is the model (same thread, no locks)."""

    def __init__(self, config: SwitchConfig | None = None) -> None:
        self.config = config or SwitchConfig()
        self.clock = GeventClock()
        self.core = Core(self.config, self.clock)
        self.core.on_shutdown = lambda: gevent.spawn(self._shut_down)  # not in the clock's greenlet, which it ends
        self.stopped = Event()
        self._server: StreamServer | None = None
        self._peers: set[_Peer] = set()
        self._networks = [ipaddress.ip_network(text) for text in self.config.acl]

    @property
    def port(self) -> int:
        """The listening port; raises RuntimeError before `start`."""
        if self._server is None:
            raise RuntimeError("the embedded switch is not started")
        return int(self._server.server_port or 0)

    def start(self) -> int:
        """Listen (port 0 picks a free one) and begin; raises OSError when the port is taken."""
        server = StreamServer((self.config.host, self.config.port), self._serve, backlog=128)
        server.start()
        self._server = server
        self.clock.start()
        return self.port

    def stop(self) -> None:
        """Hang up everything, close every connection. Idempotent."""
        if self._server is None:
            return
        self.core.hangup_all("SYSTEM_SHUTDOWN")
        deadline = self.clock.now() + HANGUP_S
        while self.core.channels and self.clock.now() < deadline:
            gevent.sleep(0.01)  # the session threads say their last words
        self._shut_down()

    def _shut_down(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.stop(timeout=0)
        for peer in list(self._peers):
            peer.connection.end()
        gevent.sleep(0)
        self.clock.stop()
        self.stopped.set()

    def kill(self) -> None:
        """End as a crash would: every connection cut without a word, every call gone."""
        server, self._server = self._server, None
        if server is not None:
            server.stop(timeout=0)
        for peer in list(self._peers):
            peer.connection.end(notice=False)
        self.clock.stop()
        self.stopped.set()

    def _serve(self, sock: Any, address: tuple[Any, ...]) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = _Peer(sock, self.core)
        self._peers.add(peer)
        try:
            peer.read(self._allowed(str(address[0])))
        finally:
            self._peers.discard(peer)

    def _allowed(self, address: str) -> bool:
        ip = ipaddress.ip_address(address)
        return any(ip in network for network in self._networks)

    # ---- people ------------------------------------------------------------------------------------------------------

    def call(
        self,
        number: str,
        called: str,
        *,
        name: str = "",
        script: Sequence[Item] = (),
        hangup_at_end: bool = False,
        hangup_after_s: float | None = None,
        speaking_s: float = 2.0,
        observer: Observer | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> VirtualCaller:
        """Somebody dials ``called``. The caller returned is live: ``press``, ``hangup``, ``log``, ``cause``."""
        caller = VirtualCaller(number, called, name, script, hangup_at_end, hangup_after_s, speaking_s)
        caller.variables = variables or {}
        if observer is not None:
            caller.observers.append(observer)
        caller.place(self.core)
        return caller


def _announce(line: str) -> None:
    """At once: whoever started us may wait for it at the other end of a pipe."""
    print(line, flush=True)


def run(
    host: str = "127.0.0.1",
    port: int = 8021,
    password: str = "",
    *,
    config: SwitchConfig | None = None,
    announce: Callable[[str], None] = _announce,
) -> None:
    """Serve until SIGTERM, SIGINT or `fsctl shutdown`; says its address through ``announce``. Raises OSError."""
    settings = replace(config or SwitchConfig(), host=host, port=port)
    if password:
        settings = replace(settings, password=password)
    switch = EmbeddedSwitch(settings)
    bound = switch.start()
    handlers = [gevent.signal_handler(number, switch.stopped.set) for number in (signal.SIGTERM, signal.SIGINT)]
    announce(f"embedded switch: event socket on {host}:{bound}, phones {_phone_range(switch)}")
    try:
        switch.stopped.wait()
    finally:
        for handler in handlers:
            handler.cancel()
        switch.stop()


def _phone_range(switch: EmbeddedSwitch) -> str:
    phones = sorted(switch.core.directory.phones)
    return f"{phones[0]}-{phones[-1]}" if phones else "none"
