"""Folders of files, here or on a server: one port for local, FTP, FTPS and SFTP.

Each call blocks its thread, so that none is made on the hub; of one transport, one thread calls at a time. Nothing is
connected before the first call, and a connection that failed is made anew by a later one.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol
from urllib.parse import SplitResult, quote, unquote, urlsplit

from pydantic import Field, model_validator

from cti.core.errors import ConfigError
from cti.core.targets import ANYWHERE, TargetRules
from cti.validating import Section

#: What one listing may have at most.
MOST_ENTRIES = 100_000
SCHEMES = ("file", "ftp", "ftps", "sftp")


class TransportError(Exception):
    """``reason``: a stable code, never data: ``unreachable``, ``login``, ``bad-certificate``, ``bad-host-key``,
    ``target-not-allowed``, ``timeout``, ``reset``, ``protocol``, ``backing-off``, ``closed``; of one file
    ``vanished``, ``exists``, ``no-right``, ``bad-name``, ``too-long``, ``too-many``, ``truncated``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Entry:
    """A file. ``mtime``: Unix seconds; 0.0 where the server does not tell."""

    name: str
    size: int
    mtime: float


class TransportOptions(Section):
    """How a folder is reached. The path of ``url`` is absolute; ``/./`` before it: from the login's own folder."""

    password: str | None = Field(None, description="better: password_file, or ${ENV}")
    password_file: Path | None = None
    key_file: Path | None = Field(None, description="sftp: our private key; the password is its passphrase")
    known_hosts: Path | None = Field(None, description="sftp: the server's key, as OpenSSH writes it")
    fingerprint: str | None = Field(None, pattern=r"^SHA256:[A-Za-z0-9+/]{43}$", description="sftp: instead of it")
    ca_file: Path | None = Field(None, description="ftps: default: the system's authorities")
    insecure: bool = Field(False, description="ftp: passwords and data may go in clear to another machine")
    names: str = Field("utf-8", description="charset of the names on the server, such as gb18030")
    connect_s: float = Field(10.0, gt=0, le=120)
    idle_s: float = Field(30.0, gt=0, le=600, description="how long nothing at all may come")
    deadline_s: float = Field(600.0, gt=0, le=86_400, description="how long one listing or one file may take")

    @model_validator(mode="after")
    def _one_each(self) -> TransportOptions:
        if self.password is not None and self.password_file is not None:
            raise ValueError("write one of password_file and password")
        if self.known_hosts is not None and self.fingerprint is not None:
            raise ValueError("write one of known_hosts and fingerprint")
        return self


class Transport(Protocol):
    """Names are plain names of the folder itself. Each call raises TransportError."""

    def list(self) -> list[Entry]:
        """Regular files; no links, no folders. Names that are not plain are in it, for the caller to refuse."""

    def stat(self, name: str) -> Entry | None:
        """None: there is no such file."""

    def read(self, name: str, into: BinaryIO, *, offset: int = 0, most: int) -> int:
        """From ``offset`` bytes on (REST); how many came. ``too-long``: the file has more than ``most`` bytes. What was
        written into ``into`` before an error is the file's, so that a later call may go on behind it."""

    def write(self, name: str, data: bytes) -> None:
        """A file that nobody else looks at yet: what has this name is replaced."""

    def rename(self, old: str, new: str) -> None:
        """``exists``: there is a ``new`` already, and it is left alone."""

    def remove(self, name: str) -> None:
        """What is not there is removed."""

    def cut(self) -> None:
        """From another thread: what is being done fails soon, and nothing is done any more. It does not block."""

    def close(self) -> None:
        """No socket and no thread is left behind; a later call connects anew."""


def open_transport(
    url: str, options: TransportOptions, folder: Path = Path(), targets: TargetRules = ANYWHERE
) -> Transport:
    """``url``: a path, ``file://``, ``ftp://``, ``ftps://`` (explicit TLS) or ``sftp://user@host:port/dir``.
    ``folder``: from which relative paths count. ``targets``: which servers may be connected to. Raises ConfigError for
    what can never work; a server that is down is no error."""
    from cti.boss.ways.files.ftp import FtpTransport  # only who needs a protocol loads its library
    from cti.boss.ways.files.local import LocalTransport

    parts = split(url)
    if parts.scheme in ("", "file"):
        return LocalTransport(folder / url.removeprefix("file://"), options)
    if parts.scheme != "sftp":
        return FtpTransport(parts, options, folder, targets)
    from cti.boss.ways.files.sftp import SftpTransport

    return SftpTransport(parts, options, folder, targets)


def split(url: str) -> SplitResult:
    """Raises ConfigError (bad-url, secret-in-clear)."""
    remedy = "write a folder, or sftp://user@host:port/folder (ftps, ftp)"
    if "://" not in url:
        return SplitResult("", "", url, "", "")
    try:
        parts = urlsplit(url)
        known = parts.scheme == "file" or (parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0)
    except ValueError:
        known = False
    if not known:
        raise ConfigError("the url of the files cannot be used", code="bad-url", remedy=remedy)
    if parts.password is not None:
        message = "the url of the files holds a password"
        raise ConfigError(message, code="secret-in-clear", remedy="put it into password_file, or into ${ENV}")
    return parts


def default_port(parts: SplitResult) -> int:
    return 22 if parts.scheme == "sftp" else 21


def beside(url: str, folder: str) -> str:
    """The url of ``folder``, from that of ``url`` on unless it is absolute."""
    scheme, mark, rest = url.partition("://")
    if not mark or scheme == "file":
        return str(Path(url) / folder)
    host, _, path = rest.partition("/")
    return f"{scheme}://{host}/{quote(str(PurePosixPath(unquote(path)) / folder).lstrip('/'))}"


def directory(parts: SplitResult) -> str:
    """The folder on the server."""
    path = unquote(parts.path) or "/./"
    return (path[3:] or ".") if path.startswith("/./") else path


def put(
    transport: Transport,
    name: str,
    data: bytes,
    *,
    chk: tuple[str, bytes] | None = None,
    temp: Callable[[str], str] = "{}.tmp".format,
    ready: Callable[[], None] | None = None,
) -> bool:
    """Write ``data`` under a temporary name, give it its name, then ``chk`` (name, content) in the same way.

    May be repeated after any failure or kill: what is there already is compared, not written again. False: all of it
    was there. ``exists``: something else has that name, and is left alone. ``ready`` is called right before the last
    name is given, from where on others may take the file away: who notes that goes on by `finish`, never by `put`.
    """
    last = ready if chk is None else None
    wrote = _put_one(transport, name, data, temp, last)
    if chk is not None:
        wrote = _put_one(transport, *chk, temp, ready) or wrote
    return wrote


def finish(transport: Transport, name: str, data: bytes, temp: Callable[[str], str] = "{}.tmp".format) -> None:
    """Give the last name that `put` was ready to give. No temporary file any more: it was given, and whoever has taken
    the file away since does not get it a second time. ``exists`` as `put`."""
    if transport.stat(temp(name)) is None:
        return
    if _holds(transport, name, data):
        transport.remove(temp(name))  # killed between the two steps of a local rename
    else:
        transport.rename(temp(name), name)


def _put_one(
    transport: Transport, name: str, data: bytes, temp: Callable[[str], str], ready: Callable[[], None] | None
) -> bool:
    if _holds(transport, name, data):
        transport.remove(temp(name))
        if ready is not None:
            ready()
        return False
    transport.write(temp(name), data)
    if not _holds(transport, temp(name), data, whole=False):
        raise TransportError("truncated")
    if ready is not None:
        ready()
    transport.rename(temp(name), name)
    return True


def _holds(transport: Transport, name: str, data: bytes, *, whole: bool = True) -> bool:
    """Does the file have this content? ``exists``: another."""
    found = transport.stat(name)
    if found is None or not whole:
        return found is not None and found.size == len(data)
    there = io.BytesIO()
    if found.size == len(data):
        transport.read(name, there, most=len(data))
    if found.size != len(data) or there.getvalue() != data:
        raise TransportError("exists")
    return True
