"""Real servers of files over a folder: pyftpdlib's, with and without TLS, and paramiko's for SFTP, each on threads of
its own, which all end with it."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import paramiko
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer

USER, PASSWORD = "cti", "se cret"
HOST_KEY = paramiko.ECDSAKey.generate()
FINGERPRINT = "SHA256:" + base64.b64encode(hashlib.sha256(HOST_KEY.asbytes()).digest()).decode().rstrip("=")


class Ftp:
    """``pem``: certificate and key; with it TLS is demanded, of both connections."""

    def __init__(self, folder: Path, pem: Path | None = None, names: str = "utf8", port: int = 0) -> None:
        users = DummyAuthorizer()
        users.add_user(USER, PASSWORD, str(folder), perm="elradfmwMT")
        told: dict[str, Any] = {"authorizer": users, "encoding": names, "auth_failed_timeout": 0}
        if pem is not None:
            told |= {"certfile": str(pem), "tls_control_required": True, "tls_data_required": True}
        handler = type("Handler", (FTPHandler if pem is None else TLS_FTPHandler,), told)
        self._server = FTPServer(("127.0.0.1", port), handler, ioloop=IOLoop())
        self.port = self._server.address[1]
        self._stops = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stops.is_set():
            self._server.serve_forever(timeout=0.02, blocking=False, handle_exit=False)
        self._server.close_all()

    def cut(self) -> None:
        """All connections; from the thread that serves."""
        for one in list(self._server.ioloop.socket_map.values()):
            if one is not self._server:
                cut(one.socket)

    def close(self) -> None:
        self._stops.set()
        self._thread.join()


class Sftp:
    def __init__(self, folder: Path, names: str = "utf-8", port: int = 0) -> None:
        self._folder, self._names = folder, names
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port = self._socket.getsockname()[1]
        self._transports: list[paramiko.Transport] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            transport = paramiko.Transport(sock)
            self._transports.append(transport)
            transport.add_server_key(HOST_KEY)
            transport.set_subsystem_handler("sftp", _server(self._names), _Folder, self._folder, self._names)
            try:
                transport.start_server(server=_Login(), event=threading.Event())
            except paramiko.SSHException:
                transport.close()

    def cut(self) -> None:
        """All connections."""
        for transport in self._transports:
            cut(transport.sock)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        for transport in self._transports:
            transport.close()


def cut(sock: Any) -> None:
    """Below TLS. What is closed already is."""
    with suppress(OSError), socket.socket(fileno=os.dup(sock.fileno())) as plain:
        plain.shutdown(socket.SHUT_RDWR)


class _Login(paramiko.ServerInterface):
    def check_auth_password(self, username: str, password: str) -> int:
        good = (username, password) == (USER, PASSWORD)
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED  # type: ignore[attr-defined, no-any-return]

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED  # type: ignore[attr-defined, no-any-return]

    def get_allowed_auths(self, username: str) -> str:
        return "password"


def _server(names: str) -> type[paramiko.SFTPServer]:
    """paramiko's takes each name for UTF-8."""

    class Server(paramiko.SFTPServer):
        def _process(self, t: int, request_number: int, msg: Any) -> None:
            msg.get_text = lambda: msg.get_string().decode(names)
            super()._process(t, request_number, msg)  # type: ignore[misc]

    return Server


class _Folder(paramiko.SFTPServerInterface):
    def __init__(self, server: Any, folder: Path, names: str, *rest: Any, **more: Any) -> None:
        super().__init__(server)
        self._folder, self._names = folder, names

    def _path(self, path: str) -> Path:
        return self._folder / path.lstrip("/")

    def list_folder(self, path: str) -> Any:
        found = []
        for entry in os.scandir(self._path(path)):
            found.append(paramiko.SFTPAttributes.from_stat(entry.stat(follow_symlinks=False)))
            found[-1].filename = entry.name.encode(self._names)  # type: ignore[assignment]
        return found

    def stat(self, path: str) -> Any:
        return self._tried(lambda: paramiko.SFTPAttributes.from_stat(os.stat(self._path(path))))

    def lstat(self, path: str) -> Any:
        return self._tried(lambda: paramiko.SFTPAttributes.from_stat(os.lstat(self._path(path))))

    def open(self, path: str, flags: int, attr: Any) -> Any:
        def work() -> Any:
            handle = paramiko.SFTPHandle(flags)
            file = os.fdopen(os.open(self._path(path), flags, 0o600), "r+b" if flags & os.O_WRONLY else "rb")
            handle.readfile = handle.writefile = file  # type: ignore[attr-defined]
            return handle

        return self._tried(work)

    def remove(self, path: str) -> Any:
        return self._tried(lambda: self._path(path).unlink())

    def rename(self, oldpath: str, newpath: str) -> Any:
        return self._tried(lambda: self._path(oldpath).rename(self._path(newpath)))  # as the rudest of servers do

    def _tried(self, work: Any) -> Any:
        try:
            found = work()
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        return paramiko.SFTP_OK if found is None or isinstance(found, Path) else found  # type: ignore[attr-defined]
