"""A back office that speaks by a socket, in four framings, and misbehaves on order.

It makes and reads its frames by hand, by `struct` and slices, so that a mistake of the product's codec is not repeated
here. Run as a program it serves `binary` alone, as a process of its own, for the benchmark.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from functools import reduce
from operator import xor
from typing import Any, ClassVar

import gevent
from gevent import socket, ssl
from gevent.server import StreamServer

NAME = "陈𠮷"  # the second character is in gb18030, and not in gbk
BALANCES = {"13800138000": 12345, "02088886666": 0}


class Reset(Exception):
    """Close the connection, hard."""


# ---- framings: read(recv_exactly) -> (code, sequence, body); write(code, sequence, body) -> bytes -----------------


class Ascii:
    """0xfefe, length of all in 6 digits, code 8, sequence 10, return code 4, body gb18030, crc32 from the length."""

    def read(self, take: Callable[[int], bytes]) -> tuple[str, int, bytes]:
        import zlib

        head = take(30)
        assert head[:2] == b"\xfe\xfe", head
        rest = take(int(head[2:8]) - 30)
        assert int(rest[-8:], 16) == zlib.crc32(head[2:] + rest[:-8])
        return head[8:16].decode().strip(), int(head[16:26]), rest[:-8]

    def write(self, code: str, sequence: int, body: bytes, rc: str = "0000") -> bytes:
        import zlib

        inner = b"%06d%-8s%010d%-4s" % (38 + len(body), code.encode(), sequence, rc.encode()) + body
        return b"\xfe\xfe" + inner + b"%08x" % zlib.crc32(inner)


class Binary:
    """Big-endian: length of what follows it (4), command (2), sequence (4), body of tag-length-value."""

    COMMANDS: ClassVar = {1: "QRYBAL", 2: "LOGIN", 3: "HB"}

    def read(self, take: Callable[[int], bytes]) -> tuple[str, int, bytes]:
        (length,) = struct.unpack(">I", take(4))
        raw = take(length)
        command, sequence = struct.unpack(">HI", raw[:6])
        return self.COMMANDS[command], sequence, raw[6:]

    def write(self, code: str, sequence: int, body: bytes, rc: str = "") -> bytes:
        command = {name: number for number, name in self.COMMANDS.items()}[code] | 0x8000
        return struct.pack(">IHI", 6 + len(body), command, sequence) + body


class Lines:
    """CR LF ends a message; fields by ``|``, in gb18030."""

    def read(self, take: Callable[[int], bytes]) -> tuple[str, int, bytes]:
        line = b""
        while not line.endswith(b"\r\n"):
            line += take(1)
        code, body = line[:8], line[8:-2]
        return code.decode().strip(), 0, body

    def write(self, code: str, sequence: int, body: bytes, rc: str = "") -> bytes:
        return b"%-8s" % code.encode() + body + b"\r\n"


class MmlFrames:
    """Flag, length in 4 hex digits, version, sequence, MML padded to 4 bytes, NOT XOR32 of all behind the length."""

    def read(self, take: Callable[[int], bytes]) -> tuple[str, int, bytes]:
        head = take(8)
        assert head[:4] == b"`SC`", head
        raw = take(int(head[4:], 16))
        assert int(take(8), 16) == self.checksum(raw)
        body = raw[12:].rstrip(b" ")
        return body.split(b":")[0].decode(), int(raw[4:12]), body

    def write(self, code: str, sequence: int, body: bytes, rc: str = "") -> bytes:
        raw = b"1.00%08d" % sequence + body
        raw += b" " * (-len(raw) % 4)
        return b"`SC`%04X" % len(raw) + raw + b"%08X" % self.checksum(raw)

    @staticmethod
    def checksum(raw: bytes) -> int:
        return reduce(xor, struct.unpack(f">{len(raw) // 4}I", raw), 0) ^ 0xFFFFFFFF


FRAMINGS: dict[str, Any] = {"ascii": Ascii(), "binary": Binary(), "lines": Lines(), "mml": MmlFrames()}


class SocketOffice:
    """``fault``: what happens to the next questions (`FAULTS`), for ``times`` of them (-1: all)."""

    def __init__(self, framing: str, *, tls: tuple[str, str] | None = None, port: int = 0) -> None:
        self.framing, self._wire = framing, FRAMINGS[framing]
        self.fault, self.times, self.delay = "", -1, 0.0
        self.asked: list[str] = []
        self.logins = self.accepted = 0
        self.login_good, self.beats_answered, self.hangs_up = True, True, False
        #: Held back questions of fault `hold`: released in any order.
        self.held: list[tuple[Any, str, int, bytes]] = []
        self._open: set[Any] = set()
        options: dict[str, Any] = {}
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            options["ssl_context"] = context
        self._server = StreamServer(("127.0.0.1", port), self._serve, **options)
        self._server.start()

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    @property
    def connected(self) -> int:
        return len(self._open)

    def close(self) -> None:
        for sock in list(self._open):
            _reset(sock)
        self._server.stop(timeout=0)

    def reset_all(self) -> None:
        for sock in list(self._open):
            _reset(sock)

    # ---- serving ---------------------------------------------------------------------------------------------------

    def _serve(self, sock: Any, _address: Any) -> None:
        self.accepted += 1
        self._open.add(sock)
        try:
            if self.hangs_up:
                raise EOFError
            while True:
                code, sequence, body = self._wire.read(lambda size: _exactly(sock, size))
                self._question(sock, code, sequence, body)
        except (OSError, EOFError):
            pass
        finally:
            self._open.discard(sock)
            sock.close()

    def _question(self, sock: Any, code: str, sequence: int, body: bytes) -> None:
        if code == "LOGIN":
            self.logins += 1
            sock.sendall(self._wire.write(code, sequence, b"", "0000" if self.login_good else "9999"))
            return
        if code == "HB":
            if self.beats_answered:
                sock.sendall(self._wire.write(code, sequence, b""))
            return
        self.asked.append(code)
        fault = self.fault if self.times else ""
        if fault and self.times > 0:
            self.times -= 1
        if self.delay:
            gevent.sleep(self.delay)
        if not fault:
            sock.sendall(self.answer(code, sequence, body))
        else:
            getattr(self, f"_{fault}")(sock, code, sequence, body)

    def answer(self, code: str, sequence: int, body: bytes, *, answered: bytes | None = None) -> bytes:
        return bytes(self._wire.write(code, sequence, self.body(body) if answered is None else answered))

    def body(self, asked: bytes) -> bytes:
        if self.framing == "binary":
            number = asked[4:].decode()
            balance = b"%d" % BALANCES.get(number, 7)
            return _tlv(1, number.encode()) + _tlv(2, balance) + _tlv(3, NAME.encode("gb18030"))
        if self.framing == "mml":
            number = asked.split(b"MSISDN=")[1].split(b",")[0].decode()
            balance = BALANCES.get(number, 7)
            text = f'ACK:QRYBAL:RETN=0000,DESC="好, ok",ATTR=MSISDN&BALANCE&NAME,RESULT="{number}|{balance}|{NAME}"'
            return text.encode("gb18030")
        number = asked.split(b"|")[0].decode()
        return f"{number}|{BALANCES.get(number, 7)}|{NAME}".encode("gb18030")

    # ---- faults ----------------------------------------------------------------------------------------------------

    def _silent(self, *_question: Any) -> None:
        """Half-open: it takes questions and says nothing."""

    def _reset(self, sock: Any, *_question: Any) -> None:
        _reset(sock)
        raise EOFError

    def _middle(self, sock: Any, *question: Any) -> None:
        whole = self.answer(*question)
        sock.sendall(whole[: len(whole) // 2])
        self._reset(sock)

    def _drip(self, sock: Any, *question: Any) -> None:
        for byte in self.answer(*question):
            sock.sendall(bytes([byte]))
            gevent.sleep(0.05)

    def _huge(self, sock: Any, code: str, sequence: int, _body: bytes) -> None:
        """Says that it has 1 GB, or sends without an end where nothing says so."""
        if self.framing == "binary":
            sock.sendall(struct.pack(">IHI", 1 << 30, 0x8001, sequence))
        block = b"7" * 65_536
        for _ in range(1 << 14):
            sock.sendall(block)

    def _wrong_length(self, sock: Any, *question: Any) -> None:
        sock.sendall(struct.pack(">I", 2) + b"xx" if self.framing == "binary" else b"\xfe\xfe0000ab" + b"0" * 60)

    def _wrong_checksum(self, sock: Any, *question: Any) -> None:
        whole = self.answer(*question)
        sock.sendall(whole[:-8] + b"00000000")

    def _wrong_sequence(self, sock: Any, code: str, sequence: int, body: bytes) -> None:
        sock.sendall(self.answer(code, sequence + 5, body))

    def _late(self, sock: Any, *question: Any) -> None:
        self.held.append((sock, *question))

    def _twice(self, sock: Any, *question: Any) -> None:
        sock.sendall(self.answer(*question) * 2)

    def _garbage(self, sock: Any, code: str, sequence: int, body: bytes) -> None:
        bad = _tlv(1, b"\xff\xff") if self.framing == "binary" else b"\xff\xff|\xff"
        sock.sendall(self.answer(code, sequence, body, answered=bad))

    def _missing(self, sock: Any, code: str, sequence: int, body: bytes) -> None:
        sock.sendall(self.answer(code, sequence, body, answered=_tlv(1, b"1") if self.framing == "binary" else b"1"))

    def _other_type(self, sock: Any, code: str, sequence: int, body: bytes) -> None:
        self._amount(b"much", sock, code, sequence, body)

    def _not_a_number(self, sock: Any, code: str, sequence: int, body: bytes) -> None:
        self._amount(b"NaN", sock, code, sequence, body)

    def _amount(self, value: bytes, sock: Any, code: str, sequence: int, body: bytes) -> None:
        bad = _tlv(1, b"1") + _tlv(2, value) + _tlv(3, b"x") if self.framing == "binary" else b"1|%s|x" % value
        sock.sendall(self.answer(code, sequence, body, answered=bad))

    def _html(self, sock: Any, *_question: Any) -> None:
        sock.sendall(b"<html><body>502 Bad Gateway</body></html>" * 4)

    def release(self, *, backwards: bool = False) -> None:
        held, self.held = self.held, []
        for sock, *question in reversed(held) if backwards else held:
            sock.sendall(self.answer(*question))


def _tlv(tag: int, value: bytes) -> bytes:
    return struct.pack(">HH", tag, len(value)) + value


def _exactly(sock: Any, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = sock.recv(size - len(found))
        if not part:
            raise EOFError
        found += part
    return found


def _reset(sock: Any) -> None:
    """RST, not FIN."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    except OSError:
        pass


if __name__ == "__main__":
    office = SocketOffice("binary", port=int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    print(office.port, flush=True)
    gevent.wait()
