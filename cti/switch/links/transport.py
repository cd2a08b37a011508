"""A socket with a reader that always reads and a writer that gathers: bytes only, no protocol."""

from __future__ import annotations

import contextlib
import logging
import socket as plain_socket
from collections.abc import Callable
from typing import Any

import gevent
from gevent import get_hub, socket

from cti.switch.links.errors import LinkLost

log = logging.getLogger("cti.switch.links")

READ = 1  # libev's EV_READ
WRITE = 2
CHUNK = 256 * 1024  # bytes read at once: bounds the time from one look at the other sockets to the next
_CLOSE_S = 2.0
#: A network that swallows packets swallows ours of an attempt, too, and the kernel repeats them ever more slowly (after
#: 1, 3, 7 s): a new attempt gets through sooner once the network is whole.
REACH_S = 1.5


def open_transport(host: str, port: int, timeout_s: float) -> Transport:
    """Connect within ``timeout_s``, name look-up included, each address within `REACH_S`. Raises LinkLost
    ``switch-unreachable``."""
    try:
        with gevent.Timeout(timeout_s, TimeoutError(f"no answer within {timeout_s:g} s")):
            sock = socket.create_connection((host, port), REACH_S)
    except OSError as error:  # TimeoutError and resolver errors are OSErrors
        raise LinkLost(
            f"cannot connect to {host}:{port}: {error.strerror or error}",
            code="switch-unreachable",
            remedy="is the switch running, and does event_socket.conf listen on this address and port?",
        ) from None
    # Without it a second small command waits for the acknowledgement of the first: 40 ms.
    sock.setsockopt(plain_socket.IPPROTO_TCP, plain_socket.TCP_NODELAY, 1)
    sock.setsockopt(plain_socket.SOL_SOCKET, plain_socket.SO_KEEPALIVE, 1)
    return Transport(sock)


class Transport:
    """``start`` it with what to do with bytes and with the end; both are called on the reader's greenlet."""

    def __init__(self, sock: Any) -> None:
        self.sock = sock
        self.unsent = 0  # bytes
        self.received = 0
        self.reader: gevent.Greenlet[..., None] | None = None
        self.writer: gevent.Greenlet[..., None] | None = None
        self._outgoing: list[bytes] = []
        self._idle = False
        self._closing = False
        self._closer: gevent.Greenlet[..., None] | None = None

    @property
    def ports(self) -> tuple[int, int] | None:
        """The other's and ours; None: the connection has ended."""
        try:
            return self.sock.getpeername()[1], self.sock.getsockname()[1]
        except OSError:
            return None

    def start(self, on_data: Callable[[memoryview], object], on_end: Callable[[str], object]) -> None:
        self.sock.setblocking(False)
        self.reader = gevent.spawn(self._read, on_data, on_end)
        self.writer = gevent.spawn(self._write)

    def write(self, data: bytes) -> None:
        """Queue bytes; what is queued in one turn of the loop goes out in one packet."""
        self._outgoing.append(data)
        self.unsent += len(data)
        if self._idle:
            self._wake_writer()

    def close(self) -> None:
        """Returns at once. The greenlets see the end of the socket and leave before its number is given away."""
        if self._closing:
            return
        self._closing = True
        with contextlib.suppress(OSError):  # the other side was first
            self.sock.shutdown(plain_socket.SHUT_RDWR)
        if self._idle:
            self._wake_writer()
        self._closer = gevent.spawn(self._finish)

    def join(self, timeout_s: float) -> None:
        if self._closer is not None:
            self._closer.join(timeout_s)

    def _finish(self) -> None:
        greenlets = [g for g in (self.reader, self.writer) if g is not None]
        gevent.joinall(greenlets, timeout=_CLOSE_S)
        gevent.killall(greenlets)
        self.sock.close()

    def _read(self, on_data: Callable[[memoryview], object], on_end: Callable[[str], object]) -> None:
        hub = get_hub()
        recv_into = self.sock.recv_into
        buffer = memoryview(bytearray(CHUNK))
        watcher = hub.loop.io(self.sock.fileno(), READ)
        why = "the switch closed the connection"
        try:
            while not self._closing:
                # Wait even if there is more: once round the loop, so that everybody else has a turn per chunk.
                hub.wait(watcher)
                try:
                    size = recv_into(buffer)
                except BlockingIOError:
                    continue
                if not size:
                    break
                self.received += size
                on_data(buffer[:size])
        except OSError as error:
            why = f"reading failed: {error.strerror or error}"
        except Exception as error:  # a bug must end the link, which is made anew, and not leave it deaf
            log.exception("reading stopped")
            why = f"an error in this program: {error!r}"
        finally:
            watcher.close()
        on_end(why)

    def _write(self) -> None:
        hub = get_hub()
        watcher = hub.loop.io(self.sock.fileno(), WRITE)
        try:
            while not self._closing:
                if not self._outgoing:
                    self._idle = True
                    hub.switch()
                    continue
                data = memoryview(b"".join(self._outgoing))
                self._outgoing.clear()
                while data and not self._closing:
                    try:
                        sent = self.sock.send(data)
                    except BlockingIOError:
                        hub.wait(watcher)
                        continue
                    self.unsent -= sent
                    data = data[sent:]
        except OSError:
            self.close()  # the reader sees the end too, and says why
        finally:
            self._idle = False
            watcher.close()

    def _wake_writer(self) -> None:
        self._idle = False
        get_hub().loop.run_callback(self._resume_writer)

    def _resume_writer(self) -> None:
        if self.writer is not None and not self.writer.ready():
            self.writer.switch()
