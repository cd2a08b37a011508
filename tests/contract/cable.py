"""The wire between an engine and a switch, which a test can cut: a proxy of the event socket."""

from __future__ import annotations

import contextlib

import gevent
from gevent import socket
from gevent.server import StreamServer

CHUNK = 65536


class Cable:
    """Plugged in from the start. ``deaf``: what the switch says is lost; what the engine says still arrives."""

    def __init__(self, host: str, port: int) -> None:
        self._far = (host, port)
        self._plugged, self._deaf = True, False
        self._ends: list[socket.socket] = []
        self._server = StreamServer(("127.0.0.1", 0), self._joined)
        self._server.start()
        self.host: str = self._server.server_host
        self.port: int = self._server.server_port

    def cut(self) -> None:
        """Both connections of the engine are gone, and it gets no new one."""
        self._plugged = False
        ends, self._ends = self._ends, []
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def deafen(self) -> None:
        self._deaf = True

    def plug(self) -> None:
        self._plugged, self._deaf = True, False

    def close(self) -> None:
        self.cut()
        self._server.stop()

    def _joined(self, near: socket.socket, _: object) -> None:
        if not self._plugged:
            near.close()
            return
        far = socket.create_connection(self._far, 5)
        far.settimeout(None)
        self._ends += [near, far]
        gevent.joinall([gevent.spawn(self._carry, near, far, False), gevent.spawn(self._carry, far, near, True)])

    def _carry(self, source: socket.socket, target: socket.socket, downwards: bool) -> None:
        with contextlib.suppress(OSError):  # cut
            while data := source.recv(CHUNK):
                if not (downwards and self._deaf):
                    target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)
