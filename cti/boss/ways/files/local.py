"""A folder of this machine, or one that is mounted."""

from __future__ import annotations

import builtins
import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from cti.boss.ways.files.proving import is_plain
from cti.boss.ways.files.transport import MOST_ENTRIES, Entry, TransportError, TransportOptions

_CHUNK = 65_536
_REASONS = {FileNotFoundError: "vanished", FileExistsError: "exists", PermissionError: "no-right"}


class LocalTransport:
    """Implements `Transport`. Links are not followed: they may lead out of the folder."""

    def __init__(self, folder: Path, options: TransportOptions) -> None:
        self._folder, self._deadline_s = folder, options.deadline_s

    def list(self) -> builtins.list[Entry]:
        found = list[Entry]()
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    if len(found) >= MOST_ENTRIES:
                        raise TransportError("too-many")
                    with suppress(FileNotFoundError):  # gone since
                        facts = entry.stat(follow_symlinks=False)
                        if stat.S_ISREG(facts.st_mode):
                            found.append(Entry(entry.name, facts.st_size, facts.st_mtime))
        except OSError as error:
            raise TransportError("no-right" if isinstance(error, PermissionError) else "unreachable") from None
        return found

    def stat(self, name: str) -> Entry | None:
        try:
            facts = os.lstat(self._path(name))
        except FileNotFoundError:
            if not self._folder.is_dir():
                raise TransportError("unreachable") from None
            return None
        except OSError as error:
            raise _told(error) from None
        return Entry(name, facts.st_size, facts.st_mtime)

    def read(self, name: str, into: BinaryIO, *, offset: int = 0, most: int) -> int:
        ends, came = time.monotonic() + self._deadline_s, 0
        try:
            handle = os.open(self._path(name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(handle, "rb") as file:
                facts = os.fstat(handle)
                if not stat.S_ISREG(facts.st_mode):
                    raise TransportError("no-right")
                file.seek(offset)
                while chunk := file.read(min(_CHUNK, most - offset - came + 1)):
                    if offset + came + len(chunk) > most:
                        raise TransportError("too-long")
                    if time.monotonic() > ends:
                        raise TransportError("timeout")
                    into.write(chunk)
                    came += len(chunk)
        except OSError as error:
            raise _told(error) from None
        return came

    def write(self, name: str, data: bytes) -> None:
        try:
            self._path(name).unlink(missing_ok=True)  # what it was is nobody's, were it a link
            with open(self._path(name), "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _told(error) from None

    def rename(self, old: str, new: str) -> None:
        try:
            os.link(self._path(old), self._path(new), follow_symlinks=False)  # a rename would replace what is there
            self._path(old).unlink()
            self._sync()
        except OSError as error:
            raise _told(error) from None

    def remove(self, name: str) -> None:
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            raise _told(error) from None

    def cut(self) -> None:
        """Nothing to be done: it does not hang, or nothing helps."""

    def close(self) -> None:
        """Nothing is open between two calls."""

    def _sync(self) -> None:
        """A name that was given is there after a power cut, too."""
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _path(self, name: str) -> Path:
        if not is_plain(name):
            raise TransportError("bad-name")
        return self._folder / name


def _told(error: OSError) -> TransportError:
    return TransportError(_REASONS.get(type(error), "unreachable"))
