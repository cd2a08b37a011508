"""A back office that speaks HTTP/1.1, written by hand, byte by byte, so that it can misbehave."""

from __future__ import annotations

import json
import struct
from contextlib import suppress
from typing import Any

import gevent
from gevent import socket, ssl
from gevent.server import StreamServer

NAME = "陈𠮷"


class HttpOffice:
    """``fault``: what happens to the next ``times`` requests (-1: all)."""

    def __init__(self, tls: tuple[str, str] | None = None) -> None:
        self.fault, self.times = "", -1
        #: (method, path, headers in lower case, body)
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.accepted = 0
        self.held: list[Any] = []
        self._open: set[Any] = set()
        options: dict[str, Any] = {}
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            options["ssl_context"] = context
        self._server = StreamServer(("127.0.0.1", 0), self._serve, **options)
        self._server.start()

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    @property
    def connected(self) -> int:
        return len(self._open)

    def close(self) -> None:
        self.hang_up()
        self._server.stop(timeout=0)

    def hang_up(self) -> None:
        for sock in list(self._open):
            sock.close()

    def _serve(self, sock: Any, _address: Any) -> None:
        self.accepted += 1
        self._open.add(sock)
        try:
            while request := self._request(sock):
                self.asked.append(request)
                fault = self.fault if self.times else ""
                self.times -= 1 if fault and self.times > 0 else 0
                if fault:
                    getattr(self, f"_{fault}")(sock)
                else:
                    sock.sendall(self.answer(*request))
        except (OSError, EOFError, ValueError):
            pass
        finally:
            self._open.discard(sock)
            sock.close()

    def _request(self, sock: Any) -> tuple[str, str, dict[str, str], bytes]:
        data = b""
        while b"\r\n\r\n" not in data:
            data += _some(sock)
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("ascii").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(body) < int(headers.get("content-length", "0")):
            body += _some(sock)
        method, path, _ = first.split(" ")
        return method, path, headers, body

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        if "/none" in path:
            return reply(b'{"error": "no such"}', status="404 Not Found")
        number = json.loads(body)["msisdn"] if body else path.rpartition("/")[2].partition("?")[0]
        return reply(json.dumps({"account": {"msisdn": number, "balance": "12.50", "name": NAME}}).encode())

    # ---- faults ----------------------------------------------------------------------------------------------------

    def _silent(self, sock: Any) -> None:
        """Takes requests and says nothing."""

    def _twice(self, sock: Any) -> None:
        """The second must not be taken for the answer to the next question."""
        sock.sendall(reply(b'{"account": {"balance": "12.50"}}') + reply(b'{"account": {"balance": "99.99"}}'))

    def stray(self) -> None:
        """An answer that nobody has asked for, on each connection."""
        for sock in self._open:
            sock.sendall(reply(b'{"account": {"balance": "99.99"}}'))

    def _late(self, sock: Any) -> None:
        """Held back until `release`."""
        self.held.append(sock)

    def release(self) -> None:
        held, self.held = self.held, []
        for sock in held:
            with suppress(OSError):  # it has hung up
                sock.sendall(reply(b'{"account": {"balance": "99.99"}}'))

    def _short(self, sock: Any) -> None:
        """Says that it is shorter than it is."""
        body = b'{"account": {"balance": "12.50"}}'
        sock.sendall(reply(body).replace(b"Content-Length: %d" % len(body), b"Content-Length: %d" % (len(body) - 9)))

    def _reset(self, sock: Any) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise EOFError

    def _hangs_up(self, sock: Any) -> None:
        raise EOFError

    def _middle(self, sock: Any) -> None:
        sock.sendall(reply(b'{"account": {"balance": "12.50"}}')[:-10])
        raise EOFError

    def _drip(self, sock: Any) -> None:
        for byte in reply(b'{"account": {"balance": "12.50"}}'):
            sock.sendall(bytes([byte]))
            gevent.sleep(0.05)

    def _huge(self, sock: Any) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        for _ in range(1 << 14):
            sock.sendall(b"7" * 65_536)

    def _endless(self, sock: Any) -> None:
        """Chunk after chunk."""
        sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(1 << 14):
            sock.sendall(b"10000\r\n" + b"7" * 65_536 + b"\r\n")

    def _chunked(self, sock: Any) -> None:
        body = b'{"account": {"balance": "12.50", "name": "x"}}'
        parts = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:]))
        sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + parts + b"0\r\n\r\n")

    def _html(self, sock: Any) -> None:
        sock.sendall(reply(b"<html>Please log in</html>", kind="text/html"))

    def _redirect(self, sock: Any) -> None:
        sock.sendall(reply(b"", status="302 Found", more="Location: http://127.0.0.1:9/steal\r\n"))

    def _no_http(self, sock: Any) -> None:
        sock.sendall(b"* OK IMAP4 ready\r\n\r\n")
        raise EOFError

    def _packed(self, sock: Any) -> None:
        sock.sendall(reply(b"\x1f\x8b\x08", more="Content-Encoding: gzip\r\n"))

    def _missing(self, sock: Any) -> None:
        sock.sendall(reply(b'{"account": {}}'))

    def _not_a_number(self, sock: Any) -> None:
        sock.sendall(reply(b'{"account": {"balance": NaN}}'))

    def _other_type(self, sock: Any) -> None:
        sock.sendall(reply(b'{"account": {"balance": {"amount": 1}}}'))

    def _duplicate(self, sock: Any) -> None:
        sock.sendall(reply(b'{"account": {"balance": "1", "balance": "2"}}'))

    def _garbage(self, sock: Any) -> None:
        sock.sendall(reply(b'{"account": {"name": "\xff\xfe"}}'))

    def _busy(self, sock: Any) -> None:
        sock.sendall(reply(b"", status="503 Service Unavailable"))

    def _broken(self, sock: Any) -> None:
        sock.sendall(reply(b"oops", status="500 Internal Server Error"))

    def _bad_request(self, sock: Any) -> None:
        sock.sendall(reply(b"", status="400 Bad Request"))


def reply(body: bytes, status: str = "200 OK", kind: str = "application/json", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode("ascii") + body


def _some(sock: Any) -> bytes:
    data: bytes = sock.recv(65_536)
    if not data:
        raise EOFError
    return data
