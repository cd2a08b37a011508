"""Files at rest: AES-256-GCM in chunks, read and written as a stream, and readable from any place in the middle.

    magic | chunk 0 | chunk 1 | … | last chunk        each chunk: ciphertext (64 KiB, the last one shorter) ‖ tag

Each file has a key of its own, so a nonce is just the chunk's number and whether it is the last one: a chunk that was
changed, moved, left out or cut off does not open, and neither does one of another file, because the file's name is the
associated data (the STREAM construction: Hoang, Reyhanitabar, Rogaway, Vizár, CRYPTO 2015).

Everything here blocks and belongs on a thread.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cti.core.errors import CtiError
from cti.store.keyring import sync_folder

MAGIC = b"CTIREC1\n"
CHUNK = 64 * 1024
TAG = 16


class StillWritten(CtiError):
    """The file has changed while it was read: whoever writes it is not done."""

    code = "recording-open"


class FileDamaged(CtiError):
    """The file does not open: changed, cut off, another file's, or sealed with another key."""

    code = "recording-damaged"


@dataclass(frozen=True, slots=True)
class SealedContent:
    """Of the content in clear: its size in bytes and its digest (``sha256:<hex>``)."""

    size: int
    digest: str


def new_key() -> bytes:
    return AESGCM.generate_key(256)


def seal_file(source: Path, target: Path, key: bytes, name: str) -> SealedContent:
    """``target`` is there whole or not at all. Raises OSError (disk full, …), StillWritten."""
    draft = target.with_name(f".{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(source, "rb") as plain, os.fdopen(handle, "wb") as out:
            before = os.fstat(plain.fileno())
            content = _seal(plain, out, AESGCM(key), name)
            after = os.fstat(plain.fileno())
            if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
                raise StillWritten(f"{source.name} has changed while it was sealed")
            out.flush()
            os.fsync(out.fileno())
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(target.parent)
    return content


def _seal(plain: IO[bytes], out: IO[bytes], cipher: AESGCM, name: str) -> SealedContent:
    digest, size, index = hashlib.sha256(), 0, 0
    out.write(MAGIC)
    chunk = plain.read(CHUNK)
    while True:
        following = plain.read(CHUNK)
        digest.update(chunk)
        size += len(chunk)
        out.write(cipher.encrypt(_nonce(index, last=not following), chunk, _context(name)))
        if not following:
            return SealedContent(size, f"sha256:{digest.hexdigest()}")
        chunk, index = following, index + 1


class SealedFile:
    """A sealed file that is open for reading. ``size``: of the content in clear, bytes."""

    def __init__(self, path: Path, key: bytes, name: str) -> None:
        """Raises OSError, FileDamaged."""
        self._name, self._cipher = name, AESGCM(key)
        self._file = open(path, "rb")  # noqa: SIM115 - closed by `close`
        try:
            sealed = os.fstat(self._file.fileno()).st_size - len(MAGIC)
            if self._file.read(len(MAGIC)) != MAGIC or sealed < TAG:
                raise FileDamaged(f"{path.name} is no sealed file")
        except BaseException:
            self._file.close()
            raise
        self.chunks = -(-sealed // (CHUNK + TAG))
        self.size = sealed - self.chunks * TAG

    def read(self, index: int) -> bytes:
        """Chunk ``index``, from 0, in clear. Raises OSError, FileDamaged."""
        self._file.seek(len(MAGIC) + index * (CHUNK + TAG))
        sealed = self._file.read(CHUNK + TAG)
        try:
            return self._cipher.decrypt(_nonce(index, last=index == self.chunks - 1), sealed, _context(self._name))
        except (InvalidTag, ValueError) as error:
            raise FileDamaged(
                f"chunk {index} of recording {self._name} does not open", remedy="restore the file from a backup"
            ) from error

    def all(self) -> Iterator[bytes]:
        """Every chunk in order. Raises OSError, FileDamaged."""
        return (self.read(index) for index in range(self.chunks))

    def digest(self) -> str:
        found = hashlib.sha256()
        for chunk in self.all():
            found.update(chunk)
        return f"sha256:{found.hexdigest()}"

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> SealedFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _nonce(index: int, *, last: bool) -> bytes:
    return index.to_bytes(11, "big") + bytes([last])


def _context(name: str) -> bytes:
    return MAGIC + name.encode()
