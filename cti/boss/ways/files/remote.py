"""What FTP and SFTP have in common: one connection, made when it is needed, cut off at the deadline, after a failure
made anew with growing pauses."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, unquote

from cti.boss.ways.files.proving import is_plain
from cti.boss.ways.files.transport import TransportError, TransportOptions, default_port, directory
from cti.boss.ways.reach import TargetRefused
from cti.boss.ways.secrets import secret_of
from cti.core.errors import ConfigError
from cti.core.targets import TargetRules

T = TypeVar("T")
#: Pauses after failed connections: the first, and the longest.
PAUSE_S = (1.0, 60.0)
#: Of one file or of one login; the connection is as good as before.
_HARMLESS = ("vanished", "exists", "no-right", "bad-name")


class Remote(ABC):
    """The connection is the subclass's: `_connect`, `_cut` (from another thread, must not block) and `_drop`."""

    def __init__(self, parts: SplitResult, options: TransportOptions, folder: Path, targets: TargetRules) -> None:
        try:
            "".encode(options.names)
        except LookupError:
            raise ConfigError("there is no such charset for names", code="unknown-charset") from None
        self._options, self._targets = options, targets
        self._host, self._port = parts.hostname or "", parts.port or default_port(parts)
        self._user, self._directory = unquote(parts.username or ""), directory(parts)
        self._password = secret_of(options.password, options.password_file, folder, "the back end's password")
        self._connected, self._late, self._ended = False, False, False
        self._pause_s, self._not_before = PAUSE_S[0], 0.0

    @abstractmethod
    def _connect(self) -> None: ...

    @abstractmethod
    def _cut(self) -> None: ...

    @abstractmethod
    def _drop(self) -> None: ...

    @abstractmethod
    def _reason(self, error: Exception) -> str | None:
        """A code for what the library raised; None: it is no failure of the connection, but a bug of ours."""

    def cut(self) -> None:
        self._ended = True
        self._cut()

    def close(self) -> None:
        self._connected = False
        self._drop()

    def _run(self, work: Callable[[], T], *, again: bool = False) -> T:
        """Within ``deadline_s``, the connection included. ``again``: may be done twice. Raises TransportError."""
        with self._watched():
            fresh = not self._connected
            self._ensure()
            try:
                return self._try(work)
            except TransportError as error:
                if fresh or not again or error.reason != "reset":
                    raise
            self._ensure()  # it may have been closed while nobody used it: what failed at once is tried on a new one
            return self._try(work)

    def _ensure(self) -> None:
        if self._ended:
            raise TransportError("closed")
        if self._connected:
            return
        if time.monotonic() < self._not_before:
            raise TransportError("backing-off")
        try:
            self._try(self._connect)
        except TransportError:
            self._not_before = time.monotonic() + self._pause_s
            self._pause_s = min(2 * self._pause_s, PAUSE_S[1])
            raise
        self._connected, self._pause_s = True, PAUSE_S[0]

    def _try(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except Exception as error:
            reason = error.reason if isinstance(error, TransportError | TargetRefused) else self._reason(error)
            if reason in _HARMLESS:
                raise TransportError(reason) from None
            self.close()
            if self._late:
                raise TransportError("timeout") from None
            if reason is None:
                raise
            raise TransportError(reason) from None

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Idle time is bounded by the sockets; a server that sends one byte a second is cut off by this."""
        self._late = False
        timer = threading.Timer(self._options.deadline_s, self._end_late)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def _end_late(self) -> None:
        self._late = True
        self._cut()

    def _plain(self, name: str) -> str:
        if not is_plain(name):
            raise TransportError("bad-name")
        try:
            name.encode(self._options.names)
        except UnicodeEncodeError:
            raise TransportError("bad-name") from None
        return name
