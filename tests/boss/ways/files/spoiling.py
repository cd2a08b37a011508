"""What goes wrong in a server of files: names that it invents, and files that break off, stall or never end."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import paramiko
import pytest
from pyftpdlib.filesystems import AbstractedFS
from pyftpdlib.handlers import FTPHandler

from tests.boss.ways.files import servers

Read = Callable[[Any, int], bytes]


class Spoiled:
    """A file to be read, but for its content, which is what ``read`` makes of the true one."""

    def __init__(self, file: Any, read: Read) -> None:
        self._file, self._read, self.name = file, read, "spoiled"

    def read(self, size: int) -> bytes:
        return self._read(self._file, size)

    def seek(self, offset: int) -> None:
        self._file.seek(offset)

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        self._file.close()

    @property
    def closed(self) -> bool:
        return bool(self._file.closed)


def spoil_files(monkeypatch: pytest.MonkeyPatch, read: Read) -> None:
    """Of all servers of `servers`, all but the chk."""
    opened, folder_opened = AbstractedFS.open, servers._Folder.open

    def open_ftp(self: Any, filename: str, mode: str) -> Any:
        file = opened(self, filename, mode)
        return file if filename.endswith(".chk") else Spoiled(file, read)

    def open_sftp(self: Any, path: str, flags: int, attr: Any) -> Any:
        handle = folder_opened(self, path, flags, attr)
        if not path.endswith(".chk"):
            handle.readfile = Spoiled(handle.readfile, read)
        return handle

    monkeypatch.setattr(AbstractedFS, "open", open_ftp)
    monkeypatch.setattr(FTPHandler, "use_sendfile", False)
    monkeypatch.setattr(servers._Folder, "open", open_sftp)


def spoil_names(monkeypatch: pytest.MonkeyPatch, invented: tuple[str, ...]) -> None:
    """Each file is listed under ``invented`` names, too."""
    mlsx, folder = AbstractedFS.format_mlsx, servers._Folder.list_folder

    def list_ftp(self: Any, *args: Any, **more: Any) -> Iterator[bytes]:
        for line in mlsx(self, *args, **more):
            yield line
            facts = line.partition(b" ")[0]
            for one in invented:
                yield facts + b" " + os.fsencode(one) + b"\r\n"

    def list_sftp(self: Any, path: str) -> list[Any]:
        found = folder(self, path)
        for entry in list(found):
            for one in invented:
                other = paramiko.SFTPAttributes()
                other.__dict__.update(entry.__dict__)
                other.filename = os.fsencode(one)  # type: ignore[assignment]
                found.append(other)
        return list(found)

    monkeypatch.setattr(AbstractedFS, "format_mlsx", list_ftp)
    monkeypatch.setattr(servers._Folder, "list_folder", list_sftp)


@contextmanager
def imposter(port: int, says: Callable[[socket.socket, threading.Event], None]) -> Iterator[None]:
    """A server that does the same to each who connects, until it ends; ``says`` ends when the event is set."""
    stops, threads = threading.Event(), list[threading.Thread]()

    def serve(sock: socket.socket) -> None:
        with sock, suppress(OSError):
            says(sock, stops)

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=serve, args=(sock,)))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", port)) as listener:
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield
        finally:
            stops.set()
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for one in threads:
                one.join()
