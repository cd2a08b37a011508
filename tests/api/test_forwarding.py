"""The front of a cluster, over sockets: what is passed on, how it comes back, and what is said when nobody leads."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import gevent
import pytest
from gevent import socket
from gevent.event import Event as Flag
from gevent.pywsgi import WSGIServer
from gevent.server import StreamServer

from cti.api import forwarding
from cti.api.forwarding import Front, create_front
from cti.api.server import make_server
from cti.ports.cluster import Leader


class Upstream:
    """Who leads: says what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.more, self.gone = Flag(), Flag()
        self.server = make_server("127.0.0.1", 0, self)
        self.server.start()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        headers = {name[5:].lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
        body = environ["wsgi.input"].read()
        self.asked.append((environ["REQUEST_METHOD"], environ["cti.target"], headers, body))
        if environ["PATH_INFO"] == "/v1/events":
            start("200 OK", [("Content-Type", "text/event-stream")])
            return self._stream()
        if environ["PATH_INFO"] == "/broken":
            start("200 OK", [("Content-Length", "100")])
            return iter([b"half"])
        start("201 Created", [("Content-Type", "application/json"), ("Location", "/v1/x"), ("ETag", '"3"')])
        return [json.dumps({"length": len(body)}).encode()]

    def _stream(self) -> Iterator[bytes]:
        try:
            yield b"data: 1\n\n"
            self.more.wait(30)
            yield b"data: 2\n\n"
            while True:
                gevent.sleep(0.02)
                yield b": still here\n\n"
        finally:
            self.gone.set()


class Place:
    def __init__(self) -> None:
        self.upstream = Upstream()
        self.leads: tuple[Leader, str] | None = (Leader("n1/acd", "run1", 1), self.upstream.base)
        self.front = Front(lambda: self.leads)
        self.server: WSGIServer = make_server("127.0.0.1", 0, create_front(self.front))
        self.server.start()

    def ask(self, method: str, target: str, body: bytes | None = None, **headers: str) -> tuple[Any, bytes]:
        connection = self.open()
        connection.request(method, target, body=body, headers={n.replace("_", "-"): v for n, v in headers.items()})
        answer = connection.getresponse()
        return answer, answer.read()

    def open(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port)
        connection.sock = socket.create_connection(("127.0.0.1", self.server.server_port), timeout=30.0)
        return connection

    def close(self) -> None:
        self.server.stop(timeout=1)
        self.upstream.server.stop(timeout=1)


@pytest.fixture
def place() -> Iterator[Place]:
    found = Place()
    yield found
    found.close()


def test_a_request_is_passed_on_whole_and_its_answer_comes_back(place: Place) -> None:
    answer, body = place.ask(
        "POST",
        "/v1/calls%2Fx/a%20b?q=1%262&x=%C3%A9",
        b'{"a": 1}',
        Authorization="Bearer t",
        Idempotency_Key="k",
        X_Forwarded_For="192.0.2.7",
        Connection="X-Mine, keep-alive",
        X_Mine="for this connection",
    )
    method, target, headers, sent = place.upstream.asked[0]
    assert (method, target, sent) == ("POST", "/v1/calls%2Fx/a%20b?q=1%262&x=%C3%A9", b'{"a": 1}')
    assert (headers["authorization"], headers["idempotency_key"]) == ("Bearer t", "k")
    assert headers["x_forwarded_for"] == "192.0.2.7, 127.0.0.1"
    assert "x_mine" not in headers
    assert (answer.status, answer.getheader("Location"), answer.getheader("ETag")) == (201, "/v1/x", '"3"')
    assert json.loads(body) == {"length": 8}
    assert place.front.passing == 0


def test_a_head_and_a_chunked_body(place: Place) -> None:
    answer, body = place.ask("HEAD", "/v1/x")
    assert (answer.status, body, place.upstream.asked[0][0]) == (201, b"", "HEAD")
    connection = place.open()
    connection.request("PUT", "/v1/x", body=iter([b"ab", b"cd"]), encode_chunked=True)
    assert json.loads(connection.getresponse().read()) == {"length": 4}
    assert place.upstream.asked[1][3] == b"abcd"


def test_events_come_one_by_one_and_the_stream_ends_with_its_client(place: Place) -> None:
    connection = place.open()
    connection.request("GET", "/v1/events")
    answer = connection.getresponse()
    assert answer.read1(100) == b"data: 1\n\n"  # while the other end writes no more
    place.upstream.more.set()
    assert answer.read1(100) == b"data: 2\n\n"
    answer.close()
    connection.close()
    assert place.upstream.gone.wait(30)


def test_a_stream_ends_when_somebody_else_leads(place: Place) -> None:
    connection = place.open()
    connection.request("GET", "/v1/events")
    answer = connection.getresponse()
    assert answer.read1(100) == b"data: 1\n\n"
    place.front.led(Leader("n1/acd", "run1", 1))
    assert place.front.passing == 1
    place.front.led(Leader("n2/acd", "run2", 2))  # the first one hangs: it says nothing more
    with pytest.raises(http.client.IncompleteRead):
        answer.read()
    place.upstream.more.set()
    assert place.upstream.gone.wait(30)
    assert place.front.passing == 0


@pytest.mark.parametrize(
    "leads", [None, (Leader("n1/acd", "r", 1), ""), (Leader("n1/acd", "r", 1), "http://127.0.0.1:1")]
)
def test_without_a_leader_a_client_is_told_when_to_come_again(place: Place, leads: Any) -> None:
    place.leads = leads
    answer, body = place.ask("POST", "/v1/x", b"{}")
    assert (answer.status, answer.getheader("Retry-After")) == (503, "2")
    assert answer.getheader("Content-Type") == "application/problem+json"
    assert json.loads(body)["error_id"] == "no-leader"
    assert place.upstream.asked == []


def test_a_request_whose_answer_is_lost_is_not_sent_again(place: Place) -> None:
    asked = []

    def take_and_die(sock: socket.socket, _: object) -> None:
        asked.append(sock.recv(65536))

    dying = StreamServer(("127.0.0.1", 0), take_and_die)
    dying.start()
    place.leads = (Leader("n1/acd", "run1", 1), f"http://127.0.0.1:{dying.server_port}")
    answer, body = place.ask("POST", "/v1/x", b"{}")
    assert (answer.status, json.loads(body)["error_id"]) == (502, "answer-lost")
    assert len(asked) == 1
    dying.stop()


def test_an_answer_that_breaks_off_is_not_whole_for_the_client_either(place: Place) -> None:
    connection = place.open()
    connection.request("GET", "/broken")
    with pytest.raises(http.client.IncompleteRead):
        connection.getresponse().read()


def test_a_body_that_is_too_long_is_refused_here(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "BODY_MAX", 10)
    answer, body = place.ask("POST", "/v1/x", b"x" * 11)
    assert (answer.status, json.loads(body)["error_id"]) == (413, "body-too-large")
    assert place.upstream.asked == []


def test_it_says_itself_how_it_is(place: Place) -> None:
    place.ask("GET", "/v1/x")
    assert place.ask("GET", "/healthz")[0].status == 200
    assert place.ask("GET", "/readyz")[0].status == 200
    assert b'cti_front_requests_total{outcome="passed"} 1.0' in place.ask("GET", "/metrics")[1]
    place.front.draining = True
    answer, body = place.ask("GET", "/readyz")
    assert (answer.status, json.loads(body)) == (503, {"ready": False, "why": "draining"})
    place.front.draining, place.leads = False, None
    answer, body = place.ask("GET", "/readyz")
    assert (answer.status, json.loads(body)["why"]) == (503, "no-leader")
    assert place.ask("GET", "/healthz")[0].status == 200
