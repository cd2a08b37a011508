"""The server under the API, spoken to over a socket by clients that break off, dawdle and shout."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import gevent
import pytest
from gevent import socket
from gevent.pywsgi import WSGIServer

from cti.api import bodies, server
from cti.api.app import create_app
from tests.api.site import Platform
from tests.api.test_api import Engine, Records, Sandbox

POST = b"POST /v1/demo/calls HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n@"
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch, platform: Platform) -> Iterator[WSGIServer]:
    monkeypatch.setattr(server, "HEADERS_S", 0.2)
    monkeypatch.setattr(bodies, "BODY_S", 0.2)
    monkeypatch.setattr(server, "CONNECTIONS_MAX", 3)
    app = create_app(Records(), Engine(), platform.services, sandbox=Sandbox())  # type: ignore[arg-type]
    made = server.make_server("127.0.0.1", 0, app)
    made.start()
    yield made
    made.stop(timeout=1)


def send(to: WSGIServer, data: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", to.server_port), timeout=5.0)
    connection.sendall(data)
    return connection


def answer(to: WSGIServer, data: bytes) -> str:
    """The first line of the answer; the connection must be closed by the server afterwards."""
    with send(to, data) as connection:
        return everything(connection).partition(b"\r\n")[0].decode()


def everything(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (GET, "HTTP/1.1 200 OK"),
        (GET.replace(b"GET", b"HEAD"), "HTTP/1.1 200 OK"),
        (POST + b"Content-Length: 2\r\n\r\n{}", "HTTP/1.1 201 Created"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "HTTP/1.1 201 Created"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        (POST + b"Content-Length: 50\r\n\r\n{}", "HTTP/1.1 400 Bad Request"),
        (POST + b"Content-Length: -1\r\n\r\n{}", "HTTP/1.1 400 Bad Request"),
        (POST + b"Content-Length: x\r\n\r\n{}", "HTTP/1.1 400 Bad Request"),
        (b"GARBAGE\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        (b"GET /healthz HTTP/1.1\r\n" + b"X: y\r\n" * 101 + b"\r\n", "HTTP/1.1 400 Bad Request"),
        (b"GET /healthz HTTP/1.1\r\nX: never en", "HTTP/1.1 400 Bad Request"),
    ],
)
def test_every_request_is_answered_and_none_is_a_traceback(
    listening: WSGIServer,
    platform: Platform,
    data: bytes,
    expected: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.INFO):
        token = f"Authorization: Bearer {platform.token('root')}\r\n".encode()
        assert answer(listening, data.replace(b"@", token)) == expected
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
    assert capfd.readouterr() == ("", "")


def test_slow_clients_do_not_keep_others_out(listening: WSGIServer) -> None:
    slow = [send(listening, b"GET /healthz HTTP/1.1\r\nX: ") for _ in range(10)]
    with gevent.Timeout(5.0, AssertionError("not in time")):
        assert answer(listening, GET) == "HTTP/1.1 200 OK"
    for connection in slow:
        connection.close()
