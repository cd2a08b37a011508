"""Sends webhooks by HTTP: one attempt, one connection, everything bounded.

The standard library's client on gevent's sockets, so that nothing blocks the hub and one deadline holds for all of it:
name, connection, TLS, request, head of the answer. The address is the one that was checked (a name that is resolved
twice may have another one the second time). Redirects are answers like others. Of the answer the status counts; a
little of its body is read out of courtesy, and thrown away.
"""

from __future__ import annotations

import http.client
import ipaddress
import logging
import re
import socket as plain
from typing import TYPE_CHECKING, Any

from gevent import socket, ssl
from gevent.threadpool import ThreadPool
from gevent.timeout import Timeout

from cti.core.errors import ConfigError, CtiError
from cti.core.webhooks import Answer

if TYPE_CHECKING:
    from pathlib import Path

    from cti.core.webhook_urls import Target, UrlRules
    from cti.core.webhooks import Message

log = logging.getLogger("cti.webhooks")

#: Of the deadline, how much one address may take to be connected to; and how many are tried.
CONNECT_S, ADDRESSES_MAX = 5.0, 3
BODY_READ, BODY_S = 16_384, 1.0
_RESOLVERS = 4
_REDIRECTS, _OK = range(300, 400), range(200, 300)


class HttpSender:
    """``timeout_s``: of a whole attempt. ``ca_file``: certificates that are trusted in the place of the system's.
    Raises ConfigError (bad-certificate)."""

    def __init__(self, rules: UrlRules, *, timeout_s: float = 10.0, ca_file: Path | None = None) -> None:
        self._rules, self._timeout_s = rules, timeout_s
        self._tls = _context(ca_file)
        self._resolvers = ThreadPool(_RESOLVERS)  # our own: a slow name server must not delay anybody else's look-ups

    def check(self, url: str) -> None:
        """May a webhook go there? Raises CtiError: bad-url, url-not-allowed."""
        self._rules.target(url)

    def send(self, url: str, message: Message) -> Answer:
        """Blocks its greenlet, for ``timeout_s`` at most; never raises for what the receiver does."""
        sock: Any = None
        try:
            target = self._rules.target(url)
            with Timeout(self._timeout_s, TimeoutError):
                sock = self._connect(target)
                return _ask(sock, target, message)
        except CtiError as error:
            return Answer(error=error.code)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Answer(error=_word(error))
        finally:
            if sock is not None:
                sock.close()

    def close(self) -> None:
        if not len(self._resolvers):  # else a thread still waits for a name server; it ends by itself
            self._resolvers.kill()

    def _connect(self, target: Target) -> Any:
        addresses = self._addresses(target)
        for address in addresses:
            self._rules.check_address(target, address)
        failed: OSError = OSError("no address")
        for address in addresses[:ADDRESSES_MAX]:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                with Timeout(CONNECT_S, TimeoutError):
                    sock.connect((address, target.port))
            except OSError as error:
                sock.close()
                failed = error
            except BaseException:
                sock.close()
                raise
            else:
                return self._secured(sock, target)
        raise failed

    def _secured(self, sock: Any, target: Target) -> Any:
        if not target.tls:
            return sock
        try:
            return self._tls.wrap_socket(sock, server_hostname=target.host)
        except BaseException:
            sock.close()
            raise

    def _addresses(self, target: Target) -> list[str]:
        try:
            return [str(ipaddress.ip_address(target.host))]
        except ValueError:
            found = self._resolvers.apply(plain.getaddrinfo, (target.host, target.port, 0, plain.SOCK_STREAM))
        return list(dict.fromkeys(str(one[4][0]) for one in found))


def _ask(sock: Any, target: Target, message: Message) -> Answer:
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.default_port = 443 if target.tls else 80  # so that Host names no usual port
    connection.sock = sock
    connection.auto_open = 0
    connection.request("POST", target.path, body=message.body, headers={**message.headers, "Connection": "close"})
    response = connection.getresponse()
    status = response.status
    try:
        with Timeout(BODY_S, TimeoutError):
            response.read(BODY_READ)
    except (OSError, http.client.HTTPException) as error:  # the status has been told, and that is what counts
        log.debug("the body of an answer was cut short: %s", error)
    if status in _OK:
        return Answer(status)
    error_word = "redirect" if status in _REDIRECTS else "gone" if status == http.client.GONE else "status"
    return Answer(status, error_word, _retry_after(response.getheader("Retry-After")))


def _retry_after(text: str | None) -> float | None:
    """Seconds alone: a date depends on the receiver's clock."""
    return float(text) if text is not None and re.fullmatch("[0-9]{1,6}", text) else None


def _word(error: Exception) -> str:
    """A stable word. Names and texts of the receiver are not kept."""
    words: tuple[tuple[type[Exception], str], ...] = (
        (TimeoutError, "timeout"),
        (ssl.SSLCertVerificationError, "certificate"),
        (ssl.SSLError, "tls"),
        (plain.gaierror, "name-not-found"),
        (ConnectionRefusedError, "refused"),
        (http.client.RemoteDisconnected, "closed"),
        (ConnectionError, "closed"),
        (OSError, "unreachable"),
    )
    return next((word for kind, word in words if isinstance(error, kind)), "bad-answer")


def _context(ca_file: Path | None) -> Any:
    # Gevent's own, patched or not: the standard library's would stop the hub. It verifies chain and name.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if ca_file is not None:
            context.load_verify_locations(cafile=str(ca_file))
        else:
            context.load_default_certs()
    except OSError as error:
        raise ConfigError(
            f"the certificates {ca_file} for webhooks cannot be read: {type(error).__name__}",
            code="bad-certificate",
            remedy="name a readable PEM file at webhooks.ca_file",
        ) from error
    return context
