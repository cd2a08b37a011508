"""The HTTP server under the API: gevent's own, with bounds on what clients may hold."""

from __future__ import annotations

import logging
import resource
import socket
from typing import TYPE_CHECKING, Any

import gevent
from gevent.pool import Pool
from gevent.pywsgi import WSGIHandler, WSGIServer

from cti.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("cti.api")

#: Connections at once, event streams among them; more wait in the listen queue. A client must not use up the process's
#: file descriptors, which the calls need: half of them at most.
CONNECTIONS_MAX = 2_000
#: What was sent to a client and is not acknowledged for so long means that the client is gone (RFC 5482); without it a
#: stream to a machine that lost its network would look alive for a quarter of an hour.
UNACKNOWLEDGED_S = 20
#: A kept-alive connection without a request, or a client that does not take its answer, is let go after this time.
IDLE_S = 30.0
#: How long a client may take to send the headers of a request, all together.
HEADERS_S = 10.0


class Handler(WSGIHandler):
    """pywsgi's, with deadlines; what clients do wrong is one line of the log, never a traceback."""

    def handle(self) -> None:
        self.socket.settimeout(IDLE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_S * 1000)
        super().handle()

    def read_request(self, raw_requestline: str) -> Any:
        with gevent.Timeout(HEADERS_S, TimeoutError("headers came too slowly")):
            return super().read_request(raw_requestline)

    def get_environ(self) -> dict[str, Any]:
        """With the target as the client wrote it, for who passes requests on."""
        environ: dict[str, Any] = super().get_environ()
        environ["cti.target"] = self.path
        return environ

    def _handle_client_error(self, ex: Exception) -> Any:
        if not isinstance(ex, ValueError):  # else the base class prints a traceback, though it is the client's mistake
            ex = ValueError(str(ex) or type(ex).__name__)
        return super()._handle_client_error(ex)  # type: ignore[misc]  # the stubs lack it

    def log_error(self, msg: str, *args: object) -> None:
        log.warning("bad request: " + msg, *args)


def listen(server: WSGIServer) -> None:
    """Raises ConfigError (address-in-use)."""
    try:
        server.start()
    except OSError as error:
        raise ConfigError(
            f"the API cannot listen on {server.server_host}:{server.server_port}: {error.strerror or error}",
            code="address-in-use",
            remedy="end what listens there, or set another `api: {port: …}`",
        ) from error


def make_server(host: str, port: int, application: Callable[..., Any]) -> WSGIServer:
    """Not started yet, see `listen`."""
    most = min(CONNECTIONS_MAX, _descriptors() // 2)
    return WSGIServer((host, port), application, log=None, error_log=log, spawn=Pool(most), handler_class=Handler)


def _descriptors() -> int:
    """How many files the process may have open, after asking for as many as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 3 * CONNECTIONS_MAX if hard == resource.RLIM_INFINITY else min(hard, 3 * CONNECTIONS_MAX)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return wanted if soft == resource.RLIM_INFINITY else soft
