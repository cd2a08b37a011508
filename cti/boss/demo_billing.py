"""The demo's billing system: a process of its own that tells balances by a socket and delivers bills as a file.

``python -m cti.boss.demo_billing DATABASE BILLS`` writes the file into the folder BILLS (`demo_bills`), serves on a
free port of loopback, prints it, and ends when its standard input does. A frame is 0xfefe, its length in six digits, a
code, a sequence, a return code, the body in gb18030 with ``|`` between its fields, and a CRC-32 of all from the length
on. Made and read by hand here, as the other side would.
"""

from __future__ import annotations

import sqlite3
import sys
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import gevent
from gevent.server import StreamServer

from cti.boss.demo_bills import deliver

#: What each message tells of a subscriber, in the order of its reply, and which states have a code of their own.
_TELLS = {
    "QRYBAL": ("SELECT status, balance, status FROM subscriber WHERE msisdn = ?", {}),
    "QRYSUB": (
        "SELECT s.status, s.balance, s.name, s.line, s.tier, s.area, s.language, p.name, s.due FROM subscriber s"
        " JOIN package p ON p.msisdn = s.msisdn WHERE s.msisdn = ?",
        {"locked": "1007"},
    ),
}
_HEAD, _SUM = 30, 8
_LONGEST = 4096


class Billing:
    """Serves connections, many frames on each."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._server = StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()

    @property
    def port(self) -> int:
        return int(self._server.server_port or 0)

    def stop(self) -> None:
        self._server.stop(timeout=1)

    def _serve(self, sock: Any, _address: Any) -> None:
        with closing(sock):
            try:
                while True:
                    sock.sendall(self._answer(*read_frame(lambda size: _exactly(sock, size))))
            except (OSError, EOFError, ValueError):
                return  # gone, or it speaks something else

    def _answer(self, code: str, sequence: int, body: bytes) -> bytes:
        query, codes = _TELLS.get(code, ("", {}))
        if not query:
            return make_frame(code, sequence, "0000", b"")
        number = body.decode("gb18030")
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as connection:
            row = connection.execute(query, (number,)).fetchone()
        if row is None:
            return make_frame(code, sequence, "1001", number.encode("gb18030"))
        status, balance, *rest = row
        told = [number, str(round(float(balance) * 100)), *("" if part is None else str(part) for part in rest)]
        return make_frame(code, sequence, codes.get(status, "0000"), "|".join(told).encode("gb18030"))


def make_frame(code: str, sequence: int, result: str, body: bytes) -> bytes:
    inner = b"%06d%-8s%010d%-4s" % (_HEAD + len(body) + _SUM, code.encode(), sequence, result.encode()) + body
    return b"\xfe\xfe" + inner + b"%08x" % zlib.crc32(inner)


def read_frame(take: Callable[[int], bytes]) -> tuple[str, int, bytes]:
    """(code, sequence, body). Raises ValueError for what is no frame, EOFError at the end."""
    head = take(_HEAD)
    size = int(head[2:8]) - _HEAD
    if head[:2] != b"\xfe\xfe" or not _SUM <= size <= _LONGEST:
        raise ValueError("no frame")
    rest = take(size)
    body, checksum = rest[:-_SUM], rest[-_SUM:]
    if int(checksum, 16) != zlib.crc32(head[2:] + body):
        raise ValueError("checksum")
    return head[8:16].decode().strip(), int(head[16:26]), body


def _exactly(sock: Any, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = sock.recv(size - len(found))
        if not part:
            raise EOFError
        found += part
    return found


def main() -> None:
    database, bills = map(Path, sys.argv[1:3])
    deliver(database, bills)
    billing = Billing(database)
    print(billing.port, flush=True)
    gevent.get_hub().threadpool.apply(sys.stdin.buffer.read)
    billing.stop()


if __name__ == "__main__":
    main()
