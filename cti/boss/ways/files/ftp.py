"""A folder on an FTP server (RFC 959, 3659), in clear or with explicit TLS (RFC 4217), data and control alike."""

from __future__ import annotations

import builtins
import calendar
import ftplib
import io
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import SplitResult

from cti.boss.ways.files.proving import is_plain
from cti.boss.ways.files.remote import Remote
from cti.boss.ways.files.transport import MOST_ENTRIES, Entry, TransportError, TransportOptions
from cti.boss.ways.reach import addresses_of
from cti.core.errors import ConfigError
from cti.core.targets import TargetRules

_CHUNK, _MOST_LISTING, _MOST_LINES = 65_536, 32 * 1024 * 1024, 1000
_NOT_THERE, _NO_LOGIN, _NOT_KNOWN = "550", ("530", "532", "430"), ("500", "502", "504")


class FtpTransport(Remote):
    """Implements `Transport`."""

    def __init__(self, parts: SplitResult, options: TransportOptions, folder: Path, targets: TargetRules) -> None:
        super().__init__(parts, options, folder, targets)
        self._context = _context(options, folder) if parts.scheme == "ftps" else None
        self._ftp: ftplib.FTP | None = None
        self._data: socket.socket | None = None

    # ---- Transport ---------------------------------------------------------------------------------------------------

    def list(self) -> builtins.list[Entry]:
        return self._run(self._list, again=True)

    def stat(self, name: str) -> Entry | None:
        self._plain(name)
        return self._run(lambda: self._stat(name), again=True)

    def read(self, name: str, into: BinaryIO, *, offset: int = 0, most: int) -> int:
        self._plain(name)
        return self._run(lambda: self._retrieve(f"RETR {name}", into, most - offset, offset))

    def write(self, name: str, data: bytes) -> None:
        self._plain(name)
        self._run(lambda: self._store(name, data), again=True)

    def rename(self, old: str, new: str) -> None:
        """FTP knows no rename that fails where the name is taken: it is looked for first."""
        self._plain(old), self._plain(new)

        def work() -> None:
            if self._stat(new) is not None:
                raise TransportError("exists")
            self._open.rename(old, new)

        self._run(work)

    def remove(self, name: str) -> None:
        self._plain(name)

        def work() -> None:
            with suppress(TransportError):
                self._asked(lambda: self._open.delete(name))

        self._run(work, again=True)

    # ---- inside ------------------------------------------------------------------------------------------------------

    @property
    def _open(self) -> ftplib.FTP:
        assert self._ftp is not None
        return self._ftp

    def _connect(self) -> None:
        options = self._options
        if self._context is None:
            ftp: ftplib.FTP = _Ftp(lambda: self._ended, encoding=options.names)
        else:
            ftp = _Tls(lambda: self._ended, context=self._context, encoding=options.names)
        self._ftp = ftp  # before it connects: it can be cut off while it does
        self._greet(ftp)
        ftp.host = self._host  # by which a certificate is verified
        ftp.login(self._user or "anonymous", self._password or "")  # over TLS it says AUTH first
        if isinstance(ftp, ftplib.FTP_TLS):
            ftp.prot_p()
        if options.names.lower().replace("_", "-") in ("utf-8", "utf8"):
            with suppress(ftplib.error_perm):
                ftp.sendcmd("OPTS UTF8 ON")
        try:
            ftp.cwd(self._directory)
        except ftplib.error_perm:
            raise TransportError("unreachable") from None
        ftp.voidcmd("TYPE I")
        ftp.timeout = options.idle_s
        assert ftp.sock is not None
        ftp.sock.settimeout(options.idle_s)

    def _greet(self, ftp: ftplib.FTP) -> None:
        """Data connections go to the address of this one, whatever the server says of another."""
        failed: OSError = OSError("no address")
        for address in addresses_of(self._targets, self._host, self._port):
            try:
                ftp.connect(address, self._port, timeout=self._options.connect_s)
            except OSError as error:
                failed = error
            else:
                return
        raise failed

    def _cut(self) -> None:
        for sock in (self._data, self._ftp.sock if self._ftp is not None else None):
            if sock is not None:
                with suppress(OSError):  # the plain one: TLS would say good-bye first
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _drop(self) -> None:
        ftp, self._ftp = self._ftp, None
        if ftp is not None:
            ftp.close()

    def _reason(self, error: Exception) -> str | None:
        if isinstance(error, ftplib.error_perm | ftplib.error_temp):
            return "login" if str(error)[:3] in _NO_LOGIN else "protocol"
        if isinstance(error, ssl.SSLCertVerificationError):
            return "bad-certificate"
        if isinstance(error, TimeoutError):
            return "timeout"
        if isinstance(error, EOFError | OSError):
            return "reset" if self._connected else "unreachable"
        if isinstance(error, ftplib.Error | UnicodeError):
            return "protocol"
        return None

    def _asked(self, ask: Callable[[], Any]) -> Any:
        """What one command about one file says."""
        try:
            return ask()
        except ftplib.error_perm as error:
            if str(error)[:3] == _NOT_THERE:
                raise TransportError("vanished") from None
            raise

    def _stat(self, name: str) -> Entry | None:
        try:
            size = self._asked(lambda: self._open.size(name))
        except TransportError:
            return None
        mtime = 0.0
        with suppress(ftplib.error_perm):  # not every server knows MDTM
            mtime = _seconds(self._open.sendcmd(f"MDTM {name}")[4:])
        return Entry(name, size or 0, mtime)

    def _list(self) -> builtins.list[Entry]:
        try:
            found = [_entry(line) for line in self._lines("MLSD")]
        except ftplib.error_perm as error:
            if str(error)[:3] not in _NOT_KNOWN:
                raise
            found = [
                self._stat(line) if is_plain(line) else Entry(line, 0, 0.0) for line in self._lines("NLST")
            ]  # folders have no size
        return [entry for entry in found if entry is not None]

    def _lines(self, command: str) -> builtins.list[str]:
        into = io.BytesIO()
        self._retrieve(command, into, _MOST_LISTING, 0)
        # A name that is none in this charset is kept, so that it is refused and told.
        lines = into.getvalue().decode(self._options.names, "surrogateescape").replace("\r\n", "\n").split("\n")
        if len(lines) > MOST_ENTRIES:
            raise TransportError("too-many")
        return [line for line in lines if line]

    def _retrieve(self, command: str, into: BinaryIO, most: int, offset: int) -> int:
        came = 0
        data = self._asked(lambda: self._open.transfercmd(command, offset or None))
        self._data = data
        try:
            while chunk := data.recv(_CHUNK):
                if came + len(chunk) > most:
                    self.close()  # the rest is on its way: this connection is of no use any more
                    raise TransportError("too-long")
                into.write(chunk)
                came += len(chunk)
        finally:
            self._data = None
            _ended(data)
        self._open.voidresp()
        return came

    def _store(self, name: str, content: bytes) -> None:
        data = self._asked(lambda: self._open.transfercmd(f"STOR {name}"))
        self._data = data
        try:
            view = memoryview(content)
            for at in range(0, len(view), _CHUNK):
                data.sendall(view[at : at + _CHUNK])
        finally:
            self._data = None
            _ended(data)
        self._open.voidresp()


class _Ftp(ftplib.FTP):
    """ftplib bounds the lines of an answer, but not how many there are; and it waits for the greeting of a connection
    that was not there yet when it was to be cut off."""

    _lines = 0

    def __init__(self, ended: Callable[[], bool], **options: Any) -> None:
        super().__init__(**options)
        self._ended = ended

    def getresp(self) -> str:
        if self._ended():
            raise ConnectionAbortedError("closed")
        return super().getresp()

    def getmultiline(self) -> str:
        self._lines = 0
        return super().getmultiline()

    def getline(self) -> str:
        self._lines += 1
        if self._lines > _MOST_LINES:
            raise ftplib.error_proto("too many lines")
        return super().getline()


class _Tls(_Ftp, ftplib.FTP_TLS):
    """Data connections go on with the control connection's session: many servers insist on it."""

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        conn, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        control: Any = self.sock
        try:
            wrapped = self.context.wrap_socket(conn, server_hostname=self.host, session=control.session)
        except BaseException:
            conn.close()
            raise
        return wrapped, size


def _ended(data: socket.socket) -> None:
    with suppress(OSError, ValueError):
        if isinstance(data, ssl.SSLSocket):
            data.unwrap()
    data.close()


def _context(options: TransportOptions, folder: Path) -> ssl.SSLContext:
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # it verifies chain and name
        if options.ca_file is not None:
            context.load_verify_locations(cafile=str(folder / options.ca_file))
        else:
            context.load_default_certs()
    except OSError as error:
        message = f"the authorities of a server of files cannot be read: {type(error).__name__}"
        raise ConfigError(message, code="bad-certificate", remedy="name a readable PEM file at ca_file") from None
    return context


def _entry(line: str) -> Entry | None:
    """One line of MLSD. None: no file."""
    facts, _, name = line.partition(" ")
    told = {key.lower(): value for key, _, value in (fact.partition("=") for fact in facts.split(";"))}
    if told.get("type", "").lower() != "file" or not told.get("size", "").isdecimal():
        return None
    return Entry(name, int(told["size"]), _seconds(told.get("modify", "")))


def _seconds(text: str) -> float:
    """YYYYMMDDHHMMSS[.sss], UTC."""
    try:
        return float(calendar.timegm(time.strptime(text.strip()[:14], "%Y%m%d%H%M%S")))
    except ValueError:
        return 0.0
