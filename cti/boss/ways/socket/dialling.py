"""A new connection: address after address, TLS, login."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gevent import socket
from gevent.timeout import Timeout

from cti.boss.way import WayError
from cti.boss.ways.reach import connect
from cti.boss.ways.socket.addresses import AddressBook
from cti.boss.ways.socket.channel import Channel, Pending, reason_of
from cti.boss.ways.socket.matching import Matcher, Ordered, Sequenced
from cti.boss.ways.socket.messages import Messages, check_expected
from cti.boss.ways.socket.options import Address, SocketBackend
from cti.boss.ways.tls import tls_context
from cti.config import from_environment
from cti.core.targets import TargetRules


class Dialler:
    """Raises ConfigError for certificates that cannot be read and secrets that are missing."""

    def __init__(
        self, options: SocketBackend, folder: Path, messages: Messages, counts: Counter[str], targets: TargetRules
    ) -> None:
        self._options, self._messages, self._counts, self._targets = options, messages, counts, targets
        self._book = AddressBook(options.addresses)
        self._tls = tls_context(options.tls, folder) if options.tls is not None else None
        login = options.login
        self._login = {name: from_environment(text) for name, text in login.fields.items()} if login else {}

    def dial(self, on_end: Callable[[Channel], None]) -> Channel:
        """Ends in `connect_ms` for each address. Raises WayError, never sent."""
        reason = "unreachable"
        for address in self._book.order(time.monotonic()):
            limit = self._options.connect_ms / 1000
            try:
                with Timeout(limit, TimeoutError):
                    channel = self._connect(address, time.monotonic() + limit, on_end)
            except OSError as error:  # TimeoutError among them
                reason = reason_of(error)
            except WayError as error:
                reason = error.reason
            else:
                self._book.worked(address)
                return channel
            self._book.failed(address, time.monotonic())
            self._counts[reason] += 1
        raise WayError("error", reason, sent=False)

    def _connect(self, address: Address, deadline: float, on_end: Callable[[Channel], None]) -> Channel:
        sock = connect(self._targets, address.host, address.port, socket)
        channel = None
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self._tls is not None and self._options.tls is not None:
                name = self._options.tls.server_name or address.host
                sock = self._tls.wrap_socket(sock, server_hostname=name)
            channel = self._channel(sock, on_end)
            if self._options.login is not None:
                self._log_in(channel, deadline)
        except BaseException:
            if channel is not None:
                channel.end("login-failed")
            sock.close()
            raise
        return channel

    def _channel(self, sock: Any, on_end: Callable[[Channel], None]) -> Channel:
        options, numbers = self._options, self._messages.numbers
        matcher: Matcher[Pending]
        if options.mode == "multiplex":
            matcher = Sequenced(numbers or 1, options.outstanding)
        else:
            matcher = Ordered(numbers, options.outstanding if options.mode == "pipelined" else 1)
        return Channel(
            sock,
            self._messages.frames.parser(),
            matcher,
            self._counts,
            strict=options.mode != "multiplex",
            number_of=self._messages.number_of if options.correlate is not None else _no_number,
            on_end=on_end,
        )

    def _log_in(self, channel: Channel, deadline: float) -> None:
        login = self._options.login
        assert login is not None
        frame = channel.ask(self._messages.request(login.send, self._login), deadline)
        tree = self._messages.decode(login.send, frame)
        if not check_expected(tree, login.expect):
            raise WayError("error", "login-refused", sent=False)


def _no_number(_frame: object) -> None:
    return None
