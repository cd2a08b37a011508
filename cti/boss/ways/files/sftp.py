"""A folder on an SFTP server. Its host key is verified, always: against known_hosts or a fingerprint."""

from __future__ import annotations

import base64
import builtins
import hashlib
import hmac
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import SplitResult

import paramiko
from paramiko.sftp import CMD_CLOSE, CMD_HANDLE, CMD_NAME, CMD_OPENDIR, CMD_READDIR, SFTPError
from paramiko.sftp_attr import SFTPAttributes

from cti.boss.ways.files.remote import Remote
from cti.boss.ways.files.transport import MOST_ENTRIES, Entry, TransportError, TransportOptions
from cti.boss.ways.reach import connect
from cti.core.errors import ConfigError
from cti.core.targets import TargetRules

_CHUNK = 32_768  # what one answer of SFTP holds
#: The most that may come before the server has shown its key: paramiko bounds neither a line nor a packet.
_MOST_GREETING = 262_144


class SftpTransport(Remote):
    """Implements `Transport`. Names go as bytes, in the charset that the options tell."""

    def __init__(self, parts: SplitResult, options: TransportOptions, folder: Path, targets: TargetRules) -> None:
        super().__init__(parts, options, folder, targets)
        self._known = _known_keys(self._host, self._port, options, folder)
        self._key = _private_key(folder / options.key_file, self._password) if options.key_file is not None else None
        self._sock: socket.socket | None = None
        self._transport: paramiko.Transport | None = None
        self._client: Any = None

    # ---- Transport ---------------------------------------------------------------------------------------------------

    def list(self) -> builtins.list[Entry]:
        return self._run(self._list, again=True)

    def stat(self, name: str) -> Entry | None:
        path = self._path(name)

        def work() -> Entry | None:
            try:
                facts = self._client.lstat(path)
            except FileNotFoundError:
                return None
            return Entry(name, facts.st_size or 0, float(facts.st_mtime or 0))

        return self._run(work, again=True)

    def read(self, name: str, into: BinaryIO, *, offset: int = 0, most: int) -> int:
        path = self._path(name)

        def work() -> int:
            came = 0
            with self._client.open(path, "rb") as file:
                size = self._client.stat(path).st_size or 0
                file.seek(offset)
                while chunk := file.read(_CHUNK):
                    if offset + came + len(chunk) > most:
                        raise TransportError("too-long")
                    into.write(chunk)
                    came += len(chunk)
            if offset + came < size:
                raise TransportError("reset")  # paramiko takes a connection that ended for the end of the file
            return came

        return self._run(work)

    def write(self, name: str, data: bytes) -> None:
        path = self._path(name)

        def work() -> None:
            with self._client.open(path, "wb") as file:
                file.set_pipelined(True)
                file.write(data)

        self._run(work, again=True)

    def rename(self, old: str, new: str) -> None:
        """Servers differ in whether their rename replaces what is there: it is looked for first."""
        paths = self._path(old), self._path(new)

        def work() -> None:
            with suppress(FileNotFoundError):
                self._client.lstat(paths[1])
                raise TransportError("exists")
            self._client.rename(*paths)

        self._run(work)

    def remove(self, name: str) -> None:
        path = self._path(name)

        def work() -> None:
            with suppress(FileNotFoundError):
                self._client.remove(path)

        self._run(work, again=True)

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _path(self, name: str) -> bytes:
        return f"{self._directory.rstrip('/')}/{self._plain(name)}".encode(self._options.names)

    def _connect(self) -> None:
        options = self._options
        self._sock = connect(self._targets, self._host, self._port, timeout_s=options.connect_s)
        if self._ended:  # cut off before there was anything to cut
            raise TransportError("closed")
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # each answer is waited for
        bounded: Any = _Bounded(self._sock)
        transport = self._transport = paramiko.Transport(bounded)
        transport.daemon = True
        transport.banner_timeout = transport.auth_timeout = transport.channel_timeout = options.connect_s
        if self._known:
            transport.get_security_options().key_types = _preferred(transport, self._known)
        transport.start_client(timeout=options.connect_s)
        self._verify(transport.get_remote_server_key())
        bounded.trusted = True
        if self._key is not None:
            transport.auth_publickey(self._user, self._key)
        else:
            transport.auth_password(self._user, self._password or "", fallback=False)
        self._client = paramiko.SFTPClient.from_transport(transport)
        self._client.get_channel().settimeout(options.idle_s)
        try:
            self._client.stat(self._directory.encode(options.names))
        except FileNotFoundError:
            raise TransportError("unreachable") from None

    def _verify(self, key: paramiko.PKey) -> None:
        if self._options.fingerprint is not None:
            digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
            good = hmac.compare_digest(f"SHA256:{digest}", self._options.fingerprint)
        else:
            good = any(hmac.compare_digest(key.asbytes(), known.asbytes()) for known in self._known)
        if not good:
            raise TransportError("bad-host-key")

    def _cut(self) -> None:
        if self._sock is not None:
            with suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)

    def _drop(self) -> None:
        transport, sock = self._transport, self._sock
        self._transport = self._sock = self._client = None
        if transport is not None:
            transport.close()
            transport.packetizer.complete_handshake()  # its timer's thread would wait on after a failed one
        if sock is not None:
            sock.close()

    def _reason(self, error: Exception) -> str | None:
        if isinstance(error, TimeoutError):
            return "timeout"
        if isinstance(error, FileNotFoundError):
            return "vanished"
        if isinstance(error, PermissionError):
            return "no-right"
        if isinstance(error, paramiko.AuthenticationException):
            return "login"
        if isinstance(error, SFTPError | UnicodeError):
            return "protocol"
        if isinstance(error, OSError) and self._client is not None and not self._client.get_channel().closed:
            return "protocol"  # the server said no, and did not say why
        if isinstance(error, paramiko.SSHException | EOFError | OSError):
            return "reset" if self._connected else "unreachable"
        return None

    def _list(self) -> builtins.list[Entry]:
        """As `paramiko.SFTPClient.listdir_attr` does, which takes each name for UTF-8 and reads on without end."""
        client, names = self._client, self._options.names
        told, message = client._request(CMD_OPENDIR, self._directory.encode(names))
        if told != CMD_HANDLE:
            raise SFTPError("no handle")
        handle, found = message.get_binary(), list[Entry]()
        try:
            while True:
                told, message = client._request(CMD_READDIR, handle)
                if told != CMD_NAME:
                    raise SFTPError("no names")
                for _ in range(message.get_int()):
                    name, _long = message.get_binary().decode(names, "surrogateescape"), message.get_binary()
                    facts: Any = SFTPAttributes._from_msg(message)  # type: ignore[attr-defined]
                    if facts.st_mode is not None and stat.S_ISREG(facts.st_mode):
                        found.append(Entry(name, facts.st_size or 0, float(facts.st_mtime or 0)))
                if len(found) > MOST_ENTRIES:
                    raise TransportError("too-many")
        except EOFError:
            client._request(CMD_CLOSE, handle)
        return found


class _Bounded:
    """A socket, for `paramiko.Transport`."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._came, self.trusted = sock, 0, False

    def recv(self, size: int) -> bytes:
        data = self._sock.recv(size)
        self._came += len(data)
        if self._came > _MOST_GREETING and not self.trusted:
            raise EOFError
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


def _known_keys(host: str, port: int, options: TransportOptions, folder: Path) -> list[paramiko.PKey]:
    """Raises ConfigError: there is nothing by which to know the server."""
    if options.fingerprint is not None:
        return []
    remedy = "name a readable known_hosts file in which the server is, or its fingerprint (SHA256:…)"
    if options.known_hosts is None:
        raise ConfigError("sftp needs known_hosts or fingerprint", code="missing-option", remedy=remedy)
    try:
        keys = paramiko.HostKeys(str(folder / options.known_hosts)).lookup(host if port == 22 else f"[{host}]:{port}")
    except (OSError, paramiko.SSHException) as error:
        message = f"known_hosts cannot be read: {type(error).__name__}"
        raise ConfigError(message, code="bad-host-key", remedy=remedy) from None
    if not keys:
        raise ConfigError(f"{host} is not in known_hosts", code="bad-host-key", remedy=remedy)
    return list(keys.values())


def _private_key(file: Path, passphrase: str | None) -> paramiko.PKey:
    try:
        return paramiko.PKey.from_path(file, passphrase or None)
    except Exception as error:  # noqa: BLE001 - of the file, of its form, of the passphrase: it is told by its class
        message = f"the private key cannot be read: {type(error).__name__}"
        raise ConfigError(message, code="bad-secret", remedy="name a key file that the engine may read") from None


def _preferred(transport: paramiko.Transport, known: list[paramiko.PKey]) -> tuple[str, ...]:
    """The server shows a key of a kind that we know: it may have others."""
    kinds = {name for key in known for name in _signatures(key.get_name())}
    return tuple(sorted(transport.get_security_options().key_types, key=lambda kind: kind not in kinds))


def _signatures(name: str) -> tuple[str, ...]:
    return ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa") if name == "ssh-rsa" else (name,)
