"""Orders by connections to us: a frame is an order, and is answered when it is on disk.

A connection whose bytes are no frames is ended at once: where the next frame begins cannot be known. So is one that
brings no whole frame for `idle_s`, however slowly bytes drip.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
from gevent import ssl
from gevent.pool import Pool
from gevent.server import StreamServer

from cti.boss.codecs import CodecError, make_codec
from cti.boss.orders.options import ListenTls, OrderSocket
from cti.boss.orders.reading import Reader, SourceFacts
from cti.boss.ways.socket.frame import Frame, FrameCodec, FrameParser
from cti.boss.ways.socket.header import FrameError
from cti.core.errors import ConfigError, CtiError

log = logging.getLogger("cti.boss")

_CHUNK = 65_536
#: The code with which an order is answered that could not be kept: it may be placed again.
TRY_AGAIN = "try-again"


class Listener:
    """Raises ConfigError (bad-certificate) when made, and at `start` when the address cannot be had."""

    def __init__(
        self,
        name: str,
        options: OrderSocket,
        reader: Reader,
        facts: SourceFacts,
        now: Callable[[], float],
        folder: Path,
    ) -> None:
        self._name, self._options, self._reader, self._facts, self._now = f"orders:{name}", options, reader, facts, now
        self._networks = [ipaddress.ip_network(peer) for peer in options.peers]
        self._codec = FrameCodec(options.frame)
        self._body = make_codec(options.body, options.frame.charset)
        self._reply = make_codec(options.reply, options.frame.charset)
        self._context = None if options.tls is None else server_context(options.tls, folder)
        self._pool = Pool(options.connections)
        self._server: StreamServer | None = None

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.server_port or 0)

    def start(self) -> None:
        options = self._options
        tls = {} if self._context is None else {"ssl_context": self._context}
        self._server = StreamServer((options.host, options.port), self._serve, spawn=self._pool, **tls)
        try:
            self._server.start()
        except OSError as error:
            self._server = None
            raise ConfigError(
                f"{self._name}: cannot listen on {options.host}:{options.port}: {error.strerror}",
                code="address-in-use",
                remedy="write another port",
            ) from error

    def close(self) -> None:
        if self._server is not None:
            self._server.stop(timeout=0)
        self._pool.kill(timeout=5)

    def _serve(self, peer: Any, address: tuple[str, int]) -> None:
        with contextlib.closing(peer):
            if not any(ipaddress.ip_address(address[0]) in network for network in self._networks):
                self._ended("peer-not-allowed")
                return
            with contextlib.suppress(OSError):
                self._talk(peer)

    def _talk(self, peer: Any) -> None:
        parser = self._codec.parser()
        while (frames := self._frames(peer, parser)) is not None:
            for frame in frames:
                peer.sendall(self._answer(frame))
            if parser.failed is not None:
                self._ended(parser.failed.reason)
                return
        if parser.held:
            self._ended("reset")

    def _frames(self, peer: Any, parser: FrameParser) -> list[Frame] | None:
        """At least one whole one, or none where what came is none; None: the other side has ended, or is too slow."""
        with gevent.Timeout(self._options.idle_s) as idle:
            try:
                while data := peer.recv(_CHUNK):
                    frames = parser.feed(data)
                    if frames or parser.failed is not None:
                        return frames
            except gevent.Timeout as over:
                if over is not idle:
                    raise
                self._ended("idle")
        return None

    def _answer(self, frame: Frame) -> bytes:
        key, told = "", {"state": "rejected", "id": "", "code": ""}
        try:
            fields = dict(self._body.decode(frame.body))
            key = str(fields.pop(self._options.key, "") or "")
            answer = self._reader.take(key, fields)
            told = {"state": answer.state, "id": answer.order_id, "code": answer.code}
        except CodecError as error:
            self._facts.codes[error.reason] += 1
            told["code"] = error.reason
        except CtiError as error:
            log.warning("%s: an order could not be kept: %s", self._name, error.code)
            told = {"state": "again", "id": "", "code": TRY_AGAIN}
        self._facts.last_look = self._now()
        try:
            return self._codec.encode(frame.header, self._reply.encode({"key": key, **told}))
        except (CodecError, FrameError):  # the key does not fit into a reply
            return self._codec.encode(frame.header, self._reply.encode({"key": "", **told}))

    def _ended(self, reason: str) -> None:
        self._facts.problem = reason
        self._facts.codes[reason] += 1
        log.warning("%s: a connection was ended: %s", self._name, reason)


def server_context(options: ListenTls, folder: Path) -> Any:
    """Raises ConfigError (bad-certificate)."""
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(folder / options.cert_file), str(folder / options.key_file))
        if options.ca_file is not None:
            context.load_verify_locations(cafile=str(folder / options.ca_file))
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:
        raise ConfigError(
            f"the certificate for orders cannot be read: {type(error).__name__}",
            code="bad-certificate",
            remedy="name readable PEM files at tls.cert_file, tls.key_file and tls.ca_file",
        ) from None
    return context
