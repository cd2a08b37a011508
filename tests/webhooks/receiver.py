"""A server that webhooks are sent to, and that misbehaves as a test says. Real sockets on loopback."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from gevent.event import Event as Flag
from gevent.server import StreamServer


@dataclass
class Request:
    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


#: What is done with a request: (socket, request). The socket is closed behind it.
Behaviour = Callable[[Any, Request], None]


def status(code: int, headers: str = "", body: bytes = b"") -> Behaviour:
    def answer(socket: Any, _request: Request) -> None:
        socket.sendall(f"HTTP/1.1 {code} X\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    return answer


def then(*each: Behaviour) -> Behaviour:
    """One after the other; the last one for ever."""
    left = list(each)

    def answer(socket: Any, request: Request) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(socket, request)

    return answer


def hang(socket: Any, _request: Request) -> None:
    """Never an answer; until the client has had enough."""
    socket.recv(1)


def drip(socket: Any, _request: Request) -> None:
    """A head that never ends, a byte at a time: no single read takes long."""
    socket.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        socket.sendall(b"x")
        gevent.sleep(0.01)


@dataclass
class Flood:
    """An answer of one gigabyte; ``sent`` tells how much the client let through."""

    sent: int = 0

    def __call__(self, socket: Any, _request: Request) -> None:
        socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        chunk = b"x" * 65_536
        while self.sent < 1 << 30:
            socket.sendall(chunk)
            self.sent += len(chunk)


@dataclass
class Receiver:
    behaviour: Behaviour = field(default_factory=lambda: status(200))
    seen: list[Request] = field(default_factory=list)
    changed: Flag = field(default_factory=Flag)
    tls: dict[str, Any] = field(default_factory=dict)
    at_once: int = 0
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self.server = StreamServer(("127.0.0.1", 0), self._serve, **self.tls)
        self.server.start()

    @property
    def port(self) -> int:
        return int(self.server.server_port)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://localhost:{self.port}/hook?x=1"

    def until(self, count: int, timeout_s: float = 60.0) -> list[Request]:
        with gevent.Timeout(timeout_s, TimeoutError(f"{count} requests, not {[r.id for r in self.seen]}")):
            while len(self.seen) < count:
                self.changed.clear()
                self.changed.wait()
        return self.seen

    def stop(self) -> None:
        self.server.stop(timeout=0)

    def _serve(self, socket: Any, _address: Any) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            request = _read(socket)
            if request is not None:
                self.seen.append(request)
                self.changed.set()
                self.behaviour(socket, request)
        except OSError:  # the client has gone: that is what some tests are about
            self.changed.set()
        finally:
            self.at_once -= 1
            socket.close()


def _read(socket: Any) -> Request | None:
    file = socket.makefile("rb")
    line = file.readline().decode().strip()
    if not line:
        return None
    headers = {}
    while text := file.readline().decode().strip():
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    return Request(line, headers, file.read(int(headers.get("content-length", "0"))))


# ---- certificates ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Authority:
    """A certificate of its own, ``ca``, and one of a server named ``name`` that it has signed."""

    ca: Path
    cert: Path
    key: Path

    @property
    def tls(self) -> dict[str, Any]:
        return {"certfile": str(self.cert), "keyfile": str(self.key)}


def authority(folder: Path, name: str = "localhost") -> Authority:
    folder.mkdir()
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _certificate("Test authority", ca_key, None, ca_key)
    cert = _certificate(name, key, ca.subject, ca_key)
    found = Authority(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    pem = serialization.Encoding.PEM
    found.ca.write_bytes(ca.public_bytes(pem))
    found.cert.write_bytes(cert.public_bytes(pem))
    private = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    found.key.write_bytes(key.private_bytes(pem, *private))
    return found


def _certificate(name: str, key: Any, issuer: x509.Name | None, signer: Any) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if issuer is not None:
        alternatives: list[x509.GeneralName] = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        built = built.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return built.sign(signer, hashes.SHA256())
