"""A proxy on the wire between two processes, which can cut, swallow and slow what goes over it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

CHUNK = 65536


class Cable:
    """Listens on a free port of loopback and carries to ``far``, which may change for later connections."""

    def __init__(self, far: tuple[str, int]) -> None:
        self.far = far
        self._cut, self._slow_s = False, 0.0
        self._open = threading.Event()  # cleared: nothing comes through, nothing is lost
        self._open.set()
        self._ends: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """What is connected is cut off, and nobody gets a new connection."""
        self._cut = True
        for end in list(self._ends):
            _close(end)

    def black_hole(self) -> None:
        """Connections stay and nothing arrives any more, in either direction, until `heal`."""
        self._open.clear()

    def slow(self, seconds: float) -> None:
        """Each piece arrives so much later, and those behind it wait."""
        self._slow_s = seconds

    def heal(self) -> None:
        self._cut, self._slow_s = False, 0.0
        self._open.set()

    def close(self) -> None:
        self.heal()
        self.cut()
        _close(self._listener)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, near: socket.socket) -> None:
        self._open.wait()
        if self._cut:
            _close(near)
            return
        try:
            far = socket.create_connection(self.far, 5)
        except OSError:
            _close(near)
            return
        far.settimeout(None)
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._ends |= {near, far}
        back = threading.Thread(target=self._carry, args=(far, near), daemon=True)
        back.start()
        self._carry(near, far)
        back.join()
        self._ends -= {near, far}

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                if self._slow_s:
                    time.sleep(self._slow_s)
                self._open.wait()
                target.sendall(data)
        for end in (source, target):
            _close(end)


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
