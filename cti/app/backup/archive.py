"""The file of a backup: a tar of plain files, and at its end `manifest.json` with the size and SHA-256 of each."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from cti import __version__
from cti.core.errors import ConfigError
from cti.core.issue import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

MANIFEST = "manifest.json"
#: Of the layout of the file. A program refuses a number that it does not know.
FORMAT = 1
_CHUNK = 1 << 20


@dataclass(slots=True)
class Manifest:
    """``files``: path -> [bytes, SHA-256]. ``made_at``: ISO 8601. ``database``: sqlite or postgresql. ``interfaces``:
    which of the files is the interface server's; empty: the engine has none."""

    node: str
    made_at: str
    database: str
    recordings: bool
    interfaces: str = ""
    program: str = __version__
    format: int = FORMAT
    files: dict[str, list[Any]] = field(default_factory=dict)


class _Hashing(io.RawIOBase):
    """Hashes what tarfile reads of a file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


class Writer:
    def __init__(self, tar: tarfile.TarFile, manifest: Manifest) -> None:
        self._tar, self.manifest = tar, manifest

    def add(self, file: Path, name: str) -> bool:
        """As long as it is now: what is written behind its end meanwhile belongs to the next backup. False: it is not
        there any more. Raises OSError."""
        try:
            handle = file.open("rb")
        except FileNotFoundError:
            return False
        with handle:
            entry = tarfile.TarInfo(name)
            status = os.fstat(handle.fileno())
            entry.size, entry.mtime, entry.mode = status.st_size, int(status.st_mtime), 0o600
            hashing = _Hashing(handle)
            self._tar.addfile(entry, hashing)
        self.manifest.files[name] = [entry.size, hashing.digest.hexdigest()]
        return True


@contextmanager
def writing(target: Path, manifest: Manifest) -> Iterator[Writer]:
    """The file is there when all of it is on disk, or not at all; for its owner's eyes only. Raises ConfigError."""
    part = target.with_name(f".{target.name}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(
            f"no backup can be written: {error.strerror}", code="backup-unwritable", place=Place(str(target)),
            remedy="name a folder that this user may write",
        ) from error  # fmt: skip
    try:
        with os.fdopen(handle, "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                yield Writer(tar, manifest)
                text = json.dumps(asdict(manifest), indent=1).encode()
                entry = tarfile.TarInfo(MANIFEST)
                entry.size, entry.mode = len(text), 0o600
                tar.addfile(entry, io.BytesIO(text))
            file.flush()
            os.fsync(file.fileno())
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)


def verify(backup: Path) -> Manifest:
    """Is every file there as it was written, and no other? Raises ConfigError (backup-unreadable, backup-damaged)."""
    found: dict[str, list[Any]] = {}
    manifest = None
    with _reading(backup) as tar:
        for entry in tar:
            if entry.name == MANIFEST:
                manifest = _manifest(backup, tar, entry)
            elif not entry.isfile() or _unsafe(entry.name):
                raise _damaged(backup, f"{entry.name!r} is no plain file below the folder")
            else:
                found[entry.name] = [entry.size, _digest(tar, entry)]
    if manifest is None:
        raise _damaged(backup, f"it has no {MANIFEST}: it was cut off")
    wrong = sorted(name for name in found.keys() | manifest.files.keys() if found.get(name) != manifest.files.get(name))
    if wrong:
        raise _damaged(backup, f"not as it was written: {', '.join(wrong[:5])}{' …' * (len(wrong) > 5)}")
    return manifest


def read_manifest(backup: Path) -> Manifest:
    """Without looking at the files."""
    with _reading(backup) as tar:
        try:
            entry = tar.getmember(MANIFEST)
        except KeyError:
            raise _damaged(backup, f"it has no {MANIFEST}: it was cut off") from None
        return _manifest(backup, tar, entry)


def unpack(backup: Path, target: Path) -> None:
    """Every file below ``target``, readable by its owner alone. Only after `verify`."""
    with _reading(backup) as tar:
        for entry in tar:
            if entry.name == MANIFEST or _unsafe(entry.name):
                continue
            place = target / entry.name
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                for chunk in _chunks(tar, entry):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            os.utime(place, (entry.mtime, entry.mtime))


@contextmanager
def _reading(backup: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(backup, "r:") as tar:
            yield tar
    except OSError as error:
        remedy = "name a file that `cti backup create` made"
        message = f"cannot read the backup: {error.strerror or error}"
        raise ConfigError(message, code="backup-unreadable", place=Place(str(backup)), remedy=remedy) from error
    except tarfile.TarError as error:
        raise _damaged(backup, str(error)) from error


def _manifest(backup: Path, tar: tarfile.TarFile, entry: tarfile.TarInfo) -> Manifest:
    try:
        told = json.loads(b"".join(_chunks(tar, entry)))
        if told["format"] != FORMAT:
            raise ConfigError(
                f"the backup has format {told['format']!r}, this program reads {FORMAT}", code="backup-format",
                place=Place(str(backup)), remedy=f"restore it with the program that made it ({told['program']})",
            )  # fmt: skip
        return Manifest(**told)
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(backup, f"{MANIFEST} cannot be read") from error


def _digest(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> str:
    digest = hashlib.sha256()
    for chunk in _chunks(tar, entry):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> Iterator[bytes]:
    file = tar.extractfile(entry)
    while file is not None and (chunk := file.read(_CHUNK)):
        yield chunk


def _unsafe(name: str) -> bool:
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts


def _damaged(backup: Path, what: str) -> ConfigError:
    message = f"the backup is damaged: {what}"
    return ConfigError(message, code="backup-damaged", place=Place(str(backup)), remedy="use another backup")
