"""The front of a cluster: a process that takes requests of clients and passes each on to whoever distributes.

It knows nobody and keeps nothing: accounts, limits and idempotency are the leader's, so every front is as good as any
other. A request is passed on once; what became of one whose answer was lost is found out by its client, with its
Idempotency-Key.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import logging
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import falcon
from gevent import socket
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from cti.api import problems
from cti.api.bodies import raw_body
from cti.api.problems import Problem
from cti.core.errors import CtiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cti.ports.cluster import Leader

log = logging.getLogger("cti.api")

#: The longest body of a request; none of the API's takes more.
BODY_MAX = 2 * 1024 * 1024
CONNECT_S = 1.0
#: Until an answer begins, and between two parts of it: longer than an event stream is silent.
ANSWER_S = 60.0
_PART = 64 * 1024
#: Of one connection, not of the request (RFC 9110, 7.6.1); ``Expect`` was answered here.
_HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer")
) | {"transfer-encoding", "upgrade", "expect"}


class Front:
    """``leader``: who leads, and the base URL of its API, "" while it has none; None: nobody leads."""

    def __init__(self, leader: Callable[[], tuple[Leader, str] | None]) -> None:
        self._leader = leader
        self.draining = False
        self.outcomes: Counter[str] = Counter()
        self._open: dict[Answer, str] = {}  # -> run of the leader

    def led(self, leader: Leader | None) -> None:
        """Somebody else leads, or nobody: answers that still come from an earlier one end, event streams above all."""
        for answer, run in list(self._open.items()):
            if leader is None or run != leader.run:
                answer.cut()

    @property
    def passing(self) -> int:
        return len(self._open)

    def ready(self) -> str:
        """Empty, or why clients should go elsewhere."""
        if self.draining:
            return "draining"
        return "" if self._leader() is not None else "no-leader"

    def pass_on(self, req: falcon.Request, resp: falcon.Response, **_: object) -> None:
        """Raises Problem: no-leader, answer-lost, body-too-large."""
        found = self._leader()
        if found is None or not found[1]:
            self.outcomes["no_leader"] += 1
            raise Problem("no-leader", "nobody distributes now")
        leader, base = found
        body = raw_body(req, BODY_MAX)
        try:
            connection, sock = _connect(base)
        except OSError as error:  # nothing was sent
            self.outcomes["not_reached"] += 1
            raise Problem("no-leader", f"who distributes is not reached ({type(error).__name__})") from error
        try:
            connection.request(req.method, _target(req), body=body or None, headers=_headers(req, len(body)))
            told = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self.outcomes["lost"] += 1
            raise Problem("answer-lost", f"the answer did not come ({type(error).__name__})") from error
        self.outcomes["passed"] += 1
        answer = Answer(connection, sock, told, self._closed)
        self._open[answer] = leader.run
        resp.status = f"{told.status} {told.reason}"
        for name, value in told.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                resp.append_header(name, value)
        if req.method == "HEAD" or told.status in (204, 304):
            answer.close()
        else:
            resp.stream = answer

    def _closed(self, answer: Answer) -> None:
        self._open.pop(answer, None)


class Answer:
    """What the server iterates over: each part as it comes. One that breaks off breaks off for the client, too."""

    def __init__(
        self,
        connection: http.client.HTTPConnection,
        sock: Any,
        told: http.client.HTTPResponse,
        closed: Callable[[Answer], None],
    ) -> None:
        self._connection, self._sock, self._told, self._closed = connection, sock, told, closed

    def __iter__(self) -> Iterator[bytes]:
        left = self._told.length
        try:
            while part := self._told.read1(_PART):
                yield part
                left = left - len(part) if left is not None else None
        except (OSError, http.client.HTTPException) as error:
            log.info("an answer broke off: %s", type(error).__name__)
            left = 1
        if left:  # the server closes the connection to the client without a word for this
            raise ConnectionResetError(errno.ECONNRESET, "the answer broke off")

    def cut(self) -> None:
        """From another greenlet: the read that waits ends."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """By the server, however it ends."""
        self._told.close()
        self._connection.close()
        self._sock.close()
        self._closed(self)


def _connect(base: str) -> tuple[http.client.HTTPConnection, Any]:
    url = urlsplit(base)
    host, port = url.hostname or "", url.port or 80
    connection = http.client.HTTPConnection(host, port)
    sock: Any = socket.create_connection((host, port), timeout=CONNECT_S)
    sock.settimeout(ANSWER_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sock = sock
    connection.auto_open = 0
    return connection, sock


def _target(req: falcon.Request) -> str:
    """As the client wrote it."""
    raw = req.env.get("cti.target")
    if isinstance(raw, str) and raw.startswith("/"):
        return raw
    query = req.env.get("QUERY_STRING", "")
    return quote(req.env.get("PATH_INFO", "/").encode("latin-1")) + (f"?{query}" if query else "")


def _headers(req: falcon.Request, length: int) -> dict[str, str]:
    dropped = _HOP_BY_HOP | {"content-length"}
    dropped |= {name.strip().lower() for name in (req.get_header("Connection") or "").split(",")}
    headers = {name: value for name, value in req.headers.items() if name.lower() not in dropped}
    if length or req.method in ("POST", "PUT", "PATCH"):
        headers["Content-Length"] = str(length)
    peer = req.env.get("REMOTE_ADDR", "")
    came = req.get_header("X-Forwarded-For")
    headers["X-FORWARDED-FOR"] = f"{came}, {peer}" if came else peer
    headers["Connection"] = "close"
    return headers


class Health:
    """200 as long as this process answers: a front has nothing that can be broken."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"status": "ok", "role": "api", "passing": self._front.passing}

    on_head = on_get


class Readiness:
    """200 while clients are served here; 503 where they should go elsewhere."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        why = self._front.ready()
        resp.status = 503 if why else 200
        resp.media = {"ready": not why, "why": why}

    on_head = on_get


class FrontCollector(Collector):
    def __init__(self, front: Front) -> None:
        self._front = front

    def collect(self) -> Iterator[Any]:
        yield GaugeMetricFamily("cti_front_passing", "Requests and streams that are passed on", self._front.passing)
        counted = CounterMetricFamily("cti_front_requests", "Requests of clients by outcome", labels=["outcome"])
        for outcome in ("passed", "no_leader", "not_reached", "lost"):
            counted.add_metric([outcome], self._front.outcomes[outcome])
        yield counted


class Metrics:
    def __init__(self, front: Front) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(FrontCollector(front))

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = "text/plain; version=0.0.4; charset=utf-8"
        resp.data = generate_latest(self._registry)


def create_front(front: Front) -> falcon.App[Any, Any]:
    """The WSGI application of a process with the role ``api`` alone."""
    app = falcon.App()
    app.add_error_handler(Exception, problems.on_bug)
    app.add_error_handler(CtiError, problems.on_cti_error)
    app.set_error_serializer(problems.serialize_http_error)
    app.add_route("/healthz", Health(front))
    app.add_route("/readyz", Readiness(front))
    app.add_route("/metrics", Metrics(front))
    app.add_sink(front.pass_on, "/")
    return app
