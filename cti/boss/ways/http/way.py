"""The HTTP way: connections that are used again for reads; a write goes by a fresh one, so that nobody has to guess
whether it was a connection the server had just closed that ate it."""

from __future__ import annotations

import base64
import http.client
import select
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from gevent import socket
from gevent.timeout import Timeout

from cti.boss.codecs import BodyOptions, Codec, CodecError, make_codec
from cti.boss.way import Question, Surroundings, WayError
from cti.boss.ways.http.exchange import Reply, exchange, failure_of
from cti.boss.ways.http.options import HttpBackend, HttpTarget, OperationOptions
from cti.boss.ways.http.proof import PLACE, fields_taken
from cti.boss.ways.reach import connect
from cti.boss.ways.secrets import secret_of
from cti.boss.ways.socket.channel import reason_of
from cti.boss.ways.tls import tls_context
from cti.config import from_environment

_FORM = "application/x-www-form-urlencoded"
_TYPES = {"json": "application/json", "keyvalue": _FORM, "form": _FORM, "xml": "application/xml", "soap": "text/xml"}
_IDLE_MAX = 64
T = TypeVar("T")


class _Late(Exception):
    """The question's deadline is over."""


class HttpWay:
    """Implements `cti.boss.way.Way`. Raises ConfigError for certificates and secrets that cannot be read."""

    def __init__(self, options: HttpBackend, around: Surroundings) -> None:
        self._options, self._targets = options, around.targets
        parts = urlsplit(options.url)
        tls = parts.scheme == "https"
        self._tls = tls_context(options.tls, around.folder) if tls else None
        self._address = (parts.hostname or "", parts.port or (443 if tls else 80))
        self._base, self._host = parts.path.rstrip("/"), parts.netloc
        self._headers = {**_secrets(options, around), **{n: from_environment(v) for n, v in options.headers.items()}}
        self._bodies = {name: _codec(one.body) for name, one in options.operations.items()}
        self._replies = {name: _codec(one.reply) for name, one in options.operations.items()}
        #: Connections that wait to be used again, and since when.
        self._idle: list[tuple[Any, float]] = []
        self._busy, self._made, self._closed = 0, 0, False

    def ask(self, question: Question) -> Mapping[str, Any]:
        target: HttpTarget = question.target
        operation = self._options.operations[target.operation]
        path, body = self._written(target.operation, operation, question.fields)
        headers = self._headers_of(target.operation, operation, question.key)
        reply = self._exchange(operation.method, path, body, headers, question)
        failure = failure_of(reply.status)
        if failure is not None and not _named(target, reply.status):
            if operation.reply is None or operation.reply.codec != "soap":
                raise failure
            return self._fault(target, self._read(target.operation, operation, reply, strict=False), failure)
        found = self._read(target.operation, operation, reply, strict=failure is None)
        return self._fault(target, found, None) if "fault" in found.get("body", {}) else found

    def _fault(self, target: HttpTarget, found: Mapping[str, Any], failure: WayError | None) -> Mapping[str, Any]:
        """A fault (with whatever status) is an error, unless the target says itself what its code means."""
        code = found.get("fault", {}).get("code", "") if isinstance(found.get("fault"), Mapping) else ""
        if code and target.code == "fault.code" and code in target.errors:
            return found
        if code:
            raise WayError("error", "soap-fault", sent=True)
        if failure is not None:
            raise failure
        return found

    def post(self, body: bytes, headers: Mapping[str, str], deadline: float) -> Reply:
        """A body that is made already, to the url itself, on a connection of its own; the answer as it came, whatever
        its status. Raises WayError."""
        question = Question(None, {}, headers.get("Idempotency-Key", ""), deadline)
        own = {"Accept-Encoding": "identity", "User-Agent": "cti"}
        return self._exchange("POST", self._base or "/", body, {**own, **self._headers, **headers}, question)

    def probe(self, deadline: float) -> None:
        """Connect; and the operation of ``probe``, where there is one."""
        if self._options.probe is not None:
            self.ask(Question(HttpTarget(operation=self._options.probe), {}, None, deadline))
            return
        sent = [False]
        self._until(deadline, sent, lambda: self._connect().close())

    def facts(self) -> Mapping[str, int | float | str]:
        return {"connections": self._busy + len(self._idle), "idle": len(self._idle), "connects": self._made}

    def close(self) -> None:
        self._closed = True
        while self._idle:
            self._idle.pop()[0].close()

    # ---- request and answer ----------------------------------------------------------------------------------------

    def _written(self, name: str, operation: OperationOptions, fields: Mapping[str, Any]) -> tuple[str, bytes | None]:
        """Path and body. Raises WayError for fields that do not fit."""
        missing = next((field for field in PLACE.findall(operation.path) if fields.get(field) in (None, "")), None)
        if missing is not None:
            raise WayError("rejected", "missing-field", sent=False)
        path = self._base + PLACE.sub(lambda found: quote(_text(fields[found.group(1)]), safe=""), operation.path)
        query = {field: _text(fields[field]) for field in operation.query if fields.get(field) is not None}
        path = (path or "/") + (f"?{urlencode(query)}" if query else "")
        codec = self._bodies[name]
        if codec is None:
            return path, None
        taken = fields_taken(operation)
        try:
            return path, codec.encode({field: value for field, value in fields.items() if field not in taken})
        except CodecError as error:
            raise WayError("rejected", error.reason, sent=False) from None

    def _headers_of(self, name: str, operation: OperationOptions, key: str | None) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity", "User-Agent": "cti", **self._headers, **operation.headers}
        if operation.body is not None:
            headers["Content-Type"] = operation.content_type or _type_of(operation.body)
        if key is not None:
            headers["Idempotency-Key"] = quote(key, safe="/:.-_~")
        return headers

    def _read(self, name: str, operation: OperationOptions, reply: Reply, *, strict: bool) -> Mapping[str, Any]:
        """``strict``: the body must be as configured. Raises WayError."""
        codec, fields = self._replies[name], {}
        try:
            if codec is not None:
                fields = codec.decode(reply.body)
        except CodecError as error:
            if strict:
                html = reply.headers.get("content-type", "").lower().startswith("text/html")
                raise WayError("error", "html" if html else error.reason, sent=True) from None
        return {**fields, "body": fields, "header": reply.headers, "status": reply.status}

    # ---- connections -----------------------------------------------------------------------------------------------

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], question: Question
    ) -> Reply:
        """Raises WayError. ``sent`` once a byte may have left."""
        sent = [False]

        def once(sock: Any) -> Reply:
            sent[0] = True
            return exchange(sock, self._host, method, path, body, headers, self._options.max_bytes)

        def work() -> Reply:
            kept = self._kept() if question.key is None else None
            if kept is not None:
                try:
                    return self._on(kept, once)
                except (http.client.RemoteDisconnected, ConnectionError):
                    pass  # closed by the other side while it waited here: a read may be asked again
            return self._on(self._connect(), once)

        if self._closed:
            raise WayError("error", "closed", sent=False)
        return self._until(question.deadline, sent, work)

    def _on(self, sock: Any, once: Callable[[Any], Reply]) -> Reply:
        self._busy += 1
        reply = None
        try:
            reply = once(sock)
            return reply
        finally:
            self._busy -= 1
            if reply is not None and reply.again and self._may_wait():
                self._idle.append((sock, time.monotonic()))
            else:
                sock.close()

    def _may_wait(self) -> bool:
        return not self._closed and self._options.idle_s > 0 and len(self._idle) < _IDLE_MAX

    def _kept(self) -> Any:
        """The one that was used last; those that have waited too long, or said something unasked, are closed."""
        oldest = time.monotonic() - self._options.idle_s
        while self._idle and self._idle[0][1] < oldest:
            self._idle.pop(0)[0].close()
        while self._idle:
            sock, _ = self._idle.pop()
            if not _readable(sock):
                return sock
            sock.close()  # hung up, or a second answer that would be taken for the next question's
        return None

    def _connect(self) -> Any:
        """Raises OSError."""
        with Timeout(self._options.connect_ms / 1000, TimeoutError):
            sock = connect(self._targets, *self._address, socket)
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._tls is not None:
                    name = self._options.tls.server_name or self._address[0]
                    sock = self._tls.wrap_socket(sock, server_hostname=name)
            except BaseException:
                sock.close()
                raise
        self._made += 1
        return sock

    def _until(self, deadline: float, sent: list[bool], work: Callable[[], T]) -> T:
        """Raises WayError for all that can go wrong."""
        try:
            with Timeout(max(0.0, deadline - time.monotonic()), _Late):
                return work()
        except _Late:
            raise WayError("timeout", "no-answer", sent=sent[0]) from None
        except OSError as error:
            raise WayError("error", _reason(error, sent[0]), sent=sent[0]) from None
        except (http.client.HTTPException, ValueError) as error:
            word = "truncated" if isinstance(error, http.client.IncompleteRead) else "bad-http"
            raise WayError("error", word, sent=True) from None


def _readable(sock: Any) -> bool:
    asked = select.poll()
    asked.register(sock.fileno(), select.POLLIN)
    return bool(asked.poll(0))


def _reason(error: OSError, sent: bool) -> str:
    if isinstance(error, http.client.RemoteDisconnected):
        return "closed-by-peer"
    return "reset" if sent and isinstance(error, ConnectionError) else reason_of(error)


def _named(target: HttpTarget, status: int) -> bool:
    """Does the target say itself what this status means?"""
    return target.code == "status" and (str(status) in target.errors or str(status) in target.good)


def _text(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _type_of(body: BodyOptions) -> str:
    """With the charset, for text that is in another one."""
    media = "application/soap+xml" if body.codec == "soap" and body.version == "1.2" else _TYPES.get(body.codec)
    media = media or "text/plain"
    return f"{media}; charset={body.charset}" if body.charset and body.codec != "form" else media


def _codec(options: Any) -> Codec | None:
    return make_codec(options, "utf-8") if options is not None else None


def _secrets(options: HttpBackend, around: Surroundings) -> dict[str, str]:
    """Raises ConfigError."""

    if options.user is not None:
        password = secret_of(options.password, options.password_file, around.folder, "the back end's password") or ""
        pair = base64.b64encode(f"{options.user}:{password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    if options.token is not None or options.token_file is not None:
        token = secret_of(options.token, options.token_file, around.folder, "the back end's token") or ""
        return {"Authorization": f"Bearer {token}"}
    return {}
