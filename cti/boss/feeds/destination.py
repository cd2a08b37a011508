"""Where batches go: what every way of sending one has in common, and files in a folder, here or on a server."""

from __future__ import annotations

import io
from collections.abc import Callable
from hashlib import md5
from pathlib import Path
from typing import Any, Protocol

from cti.boss.feeds import folder as folders
from cti.boss.ways.files.transport import Transport, TransportError
from cti.boss.ways.files.transport import put as put_by
from cti.core.errors import CtiError
from cti.core.feeds import FeedFile

#: Runs what blocks on a thread, and waits for it: (what, its arguments).
OnThread = Callable[[Callable[..., Any], tuple[Any, ...]], Any]
#: The longest file that is read back.
_MOST = 1 << 28


class FeedUndelivered(CtiError):
    """A batch did not arrive, or may not have; it is sent again. ``reason``: a stable code, never data."""

    code = "feed-undelivered"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the batch was not taken: {reason}", remedy="it is sent again every minute")
        self.reason = reason


def reason_of(error: CtiError) -> str:
    """For screens and counters."""
    return error.reason if isinstance(error, FeedUndelivered) else error.code


class Destination(Protocol):
    """Used by one greenlet. Each call may be repeated after any failure or kill: what comes twice has the same number
    and the same content."""

    def deliver(self, file: FeedFile, data: bytes) -> None:
        """Raises CtiError: FeedUndelivered, feed-folder, feed-foreign-file."""

    def fetch(self, name: str) -> bytes | None:
        """What stands there under a name; None: nothing (any more), or it cannot be read back. Raises CtiError."""

    def close(self) -> None:
        """No connection is left behind."""


class Folder:
    """A folder of this machine, or one that is mounted."""

    def __init__(self, folder: Path, on_thread: OnThread) -> None:
        self._folder, self._on_thread = folder, on_thread

    def deliver(self, file: FeedFile, data: bytes) -> None:
        self._on_thread(folders.put, (self._folder, file.name, data, file.rows))

    def fetch(self, name: str) -> bytes | None:
        found: bytes | None = self._on_thread(folders.read, (self._folder, name))
        return found

    def close(self) -> None:
        """Nothing is open between two calls."""


class RemoteFolder:
    """A folder on a server, by SFTP, FTPS or FTP."""

    def __init__(self, transport: Transport, on_thread: OnThread) -> None:
        self._transport, self._on_thread = transport, on_thread

    def deliver(self, file: FeedFile, data: bytes) -> None:
        chk = f"{file.name}|{len(data)}|{file.rows}|{md5(data, usedforsecurity=False).hexdigest()}\n".encode()

        def put() -> None:
            put_by(self._transport, file.name, data, chk=(file.name + folders.CHK, chk))

        self._do(put)

    def fetch(self, name: str) -> bytes | None:
        def read() -> bytes | None:
            if self._transport.stat(name) is None:
                return None
            into = io.BytesIO()
            self._transport.read(name, into, most=_MOST)
            return into.getvalue()

        found: bytes | None = self._do(read)
        return found

    def close(self) -> None:
        self._transport.cut()
        self._on_thread(self._transport.close, ())

    def _do(self, work: Callable[[], Any]) -> Any:
        try:
            return self._on_thread(work, ())
        except TransportError as error:
            raise FeedUndelivered("foreign-file" if error.reason == "exists" else error.reason) from None
