"""Where records wait when the database is away for longer than memory should hold them: a file of sealed lines.

One process owns one spill file by a lock on it; a file that a dead process left behind is taken up by the next.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

from cti.core.errors import ConfigError
from cti.core.issue import Place

_MAX_FILES = 64
_CHUNK = 1 << 20


class SpillFile:
    """Append at the end, read from the front, forget all when everything was read. Blocks: call it on a thread.

    ``lines`` counts what is still to be read back.
    """

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle = handle
        self._read_to = 0
        self.lines = self._count()

    @classmethod
    def take(cls, base: Path) -> SpillFile:
        """The first free of ``base``, ``base.1`` …, joined with all others nobody holds. Raises ConfigError."""
        names = [base, *(base.with_name(f"{base.name}.{n}") for n in range(1, _MAX_FILES))]
        own: SpillFile | None = None
        for index, path in enumerate(names):
            if own is not None and not path.exists():
                continue
            handle = _lock(path)
            if handle is None:
                continue
            if own is None:
                own = cls(path, handle)
            else:
                own._adopt(path, handle)
            if index == _MAX_FILES - 1:
                break
        if own is None:
            raise ConfigError(f"{_MAX_FILES} processes use this database already", place=Place(str(base)))
        return own

    def append(self, lines: Sequence[bytes]) -> None:
        """On disk when it returns. Raises OSError; then nothing of ``lines`` counts as kept."""
        end = os.lseek(self._handle, 0, os.SEEK_END)
        try:
            _write_all(self._handle, b"".join(lines))
            os.fsync(self._handle)
        except OSError:
            os.ftruncate(self._handle, end)
            raise
        self.lines += len(lines)

    def peek(self, most: int) -> list[bytes]:
        """The oldest complete lines, at most ``most``, without taking them."""
        found: list[bytes] = []
        buffer, offset = b"", self._read_to
        while len(found) < most:
            chunk = os.pread(self._handle, _CHUNK, offset)
            if not chunk:
                break
            offset += len(chunk)
            *whole, buffer = (buffer + chunk).split(b"\n")
            found += whole
        return found[:most]

    def took(self, lines: Sequence[bytes]) -> None:
        """The lines given by the last `peek` are done with."""
        self._read_to += sum(len(line) + 1 for line in lines)
        self.lines -= len(lines)
        if not lines or self.lines <= 0:
            self.clear()

    def clear(self) -> None:
        os.ftruncate(self._handle, 0)
        os.fsync(self._handle)
        self._read_to = 0
        self.lines = 0

    def close(self) -> None:
        """An empty file is removed, the lock ends. Lines read but not cleared are read again, which does no harm."""
        if os.fstat(self._handle).st_size == 0:
            self.path.unlink(missing_ok=True)
        os.close(self._handle)

    def _adopt(self, path: Path, handle: int) -> None:
        other = SpillFile(path, handle)
        while lines := other.peek(1000):
            self.append([line + b"\n" for line in lines])
            other._read_to += sum(len(line) + 1 for line in lines)
        other.clear()
        other.close()

    def _count(self) -> int:
        lines, offset, last = 0, 0, b"\n"
        while chunk := os.pread(self._handle, _CHUNK, offset):
            lines += chunk.count(b"\n")
            offset += len(chunk)
            last = chunk[-1:]
        if last != b"\n":  # a write cut short by a crash: never acknowledged; ended, so that the next line is whole
            os.lseek(self._handle, 0, os.SEEK_END)
            _write_all(self._handle, b"\n")
            lines += 1
        return lines


def _lock(path: Path) -> int | None:
    """A locked handle; None when another process holds the file."""
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(
                f"the spill file cannot be opened: {error.strerror}",
                place=Place(str(path)),
                remedy=f"make the folder {path.parent} writable for this user",
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(handle).st_ino == path.stat().st_ino:
                return handle
        except BlockingIOError:
            os.close(handle)
            return None
        except FileNotFoundError:
            pass
        os.close(handle)  # its owner removed it between our opening and locking it: open the new one


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
