"""Frames of a socket protocol: bytes <-> header, body and trailer, as options say. Pure, incremental, bounded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cti.boss.ways.socket.checksum import CHECKSUMS
from cti.boss.ways.socket.frame_options import FrameOptions, HeaderField, raw_bytes
from cti.boss.ways.socket.header import FrameError, read_field, write_field


@dataclass(frozen=True, slots=True)
class Frame:
    """``header``: header and trailer fields by name (int or str), without constants, length and checksum."""

    header: Mapping[str, int | str]
    body: bytes


class FrameCodec:
    """Of proven options (`cti.boss.ways.socket.proof`)."""

    def __init__(self, options: FrameOptions) -> None:
        self.options = options
        self._head = sum(field.width for field in options.header)
        self._tail = sum(field.width for field in options.trailer)
        self._starts = _starts(options.header)
        self._own = {
            name for name in (_name(options.length), _name(options.checksum)) if name is not None
        }  # filled in here, and of no use to others
        self._length = next((f for f in options.header if options.length and f.name == options.length.field), None)
        self._sum = next(
            (f for f in (*options.header, *options.trailer) if options.checksum and f.name == options.checksum.field),
            None,
        )
        mark = options.delimiter
        self.end = raw_bytes(mark.end) or b"" if mark else b""
        self._start = raw_bytes(mark.start) or b"" if mark and mark.start else b""
        self._escape = raw_bytes(mark.escape) or b"" if mark and mark.escape else b""
        self._to_escape = re.compile(b"[" + re.escape(self.end + self._start + self._escape or b"\0") + b"]")
        escaped = re.escape(self._escape) + b".|" if self._escape else b""
        self.stops = re.compile(escaped + re.escape(self.end), re.DOTALL)
        #: Bytes of the longest of them.
        self.longest = max(len(self.end), 2 if self._escape else 1)
        self.least = self._head + self._tail

    def parser(self) -> FrameParser:
        return FrameParser(self)

    # ---- making ----------------------------------------------------------------------------------------------------

    def encode(self, header: Mapping[str, Any], body: bytes) -> bytes:
        """Raises FrameError: ``bad-value``, ``too-long``."""
        options = self.options
        if options.body_pad:
            fill = options.body_pad.fill.encode()
            body = body + fill * (-len(body) % options.body_pad.multiple)
        values = dict(header)
        if self._length is not None:
            values[self._length.name] = self._counted(len(body))
        head = self._written(options.header, values)
        if options.checksum and self._sum is not None:
            values[self._sum.name] = self._checksum(head, body)
            head = self._written(options.header, values)
        made = head + body + self._written(options.trailer, values)
        if options.delimiter:
            made = self._start + self._escaped(made) + self.end
        if len(made) > options.max_bytes:
            raise FrameError("too-long")
        return made

    def _written(self, fields: tuple[HeaderField, ...], values: Mapping[str, Any]) -> bytes:
        charset = self.options.charset
        return b"".join(write_field(field, values.get(field.name), charset) for field in fields)

    def _counted(self, body: int) -> int:
        length = self.options.length
        assert length is not None
        behind = self._head - self._starts[length.field][1] + body
        counted = {
            "all": self._head + body + self._tail,
            "body": body,
            "after": behind + self._tail,
            "after_no_trailer": behind,
        }[length.counts]
        return counted + length.adjust

    def _escaped(self, raw: bytes) -> bytes:
        if self._escape:
            return self._to_escape.sub(lambda match: self._escape + match.group(), raw)
        if self.end in raw + self.end[:-1]:
            raise FrameError("bad-value")
        return raw

    def _checksum(self, head: bytes, body: bytes) -> int:
        options = self.options.checksum
        assert options is not None
        covered = body if options.from_ == "body" else head[self._starts[options.from_][0] :] + body
        return CHECKSUMS[options.alg][1](covered)

    # ---- reading ---------------------------------------------------------------------------------------------------

    def total(self, buffer: bytearray) -> int | None:
        """Bytes of the whole frame at the front; None: more are needed to tell. Raises FrameError."""
        length = self.options.length
        if length is None:
            raise FrameError("bad-length")
        for field in self.options.header:
            if len(buffer) < self._starts[field.name][1]:
                return None
            said = self._read(field, buffer)
            if field is self._length:
                break
        else:
            raise FrameError("bad-length")
        assert isinstance(said, int)
        total = said - length.adjust + self._beyond(length.counts, length.field)
        if total < self.least:
            raise FrameError("bad-length")
        if total > self.options.max_bytes:
            raise FrameError("too-long")
        return total

    def _beyond(self, counts: str, field: str) -> int:
        behind = self._starts[field][1]
        return {
            "all": 0,
            "body": self._head + self._tail,
            "after": behind,
            "after_no_trailer": behind + self._tail,
        }[counts]

    def unescaped(self, raw: bytes) -> bytes:
        """Between the delimiters, as it was meant. Raises FrameError."""
        if not raw.startswith(self._start):
            raise FrameError("bad-constant")
        raw = raw[len(self._start) :]
        if self._escape:
            raw = re.sub(re.escape(self._escape) + b"(.)", rb"\1", raw, flags=re.DOTALL)
        return raw

    def frame(self, raw: bytes) -> Frame:
        """Of exactly the bytes of one frame, without delimiters. Raises FrameError."""
        if len(raw) < self.least:
            raise FrameError("bad-length")
        head, body = raw[: self._head], raw[self._head : len(raw) - self._tail]
        found: dict[str, int | str] = {}
        for fields, part in ((self.options.header, head), (self.options.trailer, raw[len(raw) - self._tail :])):
            at = 0
            for field in fields:
                value = read_field(field, part[at : at + field.width], self.options.charset)
                at += field.width
                if value is not None:
                    found[field.name] = value
        if self._sum is not None and found[self._sum.name] != self._checksum(head, body):
            raise FrameError("bad-checksum")
        pad = self.options.body_pad
        if pad:
            kept = body.rstrip(pad.fill.encode())
            body = body[: max(len(kept), len(body) - pad.multiple + 1)]
        for name in self._own:
            found.pop(name, None)
        return Frame(found, body)

    def _read(self, field: HeaderField, buffer: bytearray) -> int | str | None:
        begin, end = self._starts[field.name]
        return read_field(field, bytes(buffer[begin:end]), self.options.charset)


class FrameParser:
    """Bytes as they come -> frames. Holds at most one frame's ``max_bytes`` besides what was just fed."""

    def __init__(self, codec: FrameCodec) -> None:
        self._codec = codec
        self._buffer = bytearray()
        self._scanned = 0
        #: Set for good at the first bytes that are no frame: where the next one begins cannot be known.
        self.failed: FrameError | None = None

    @property
    def held(self) -> int:
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """What is complete now, before any failure."""
        found: list[Frame] = []
        if self.failed is not None:
            return found
        self._buffer += data
        try:
            while (frame := self._next()) is not None:
                found.append(frame)
        except FrameError as error:
            self.failed = error
            self._buffer.clear()
        return found

    def _next(self) -> Frame | None:
        if self._codec.options.delimiter:
            return self._delimited()
        total = self._codec.total(self._buffer)
        if total is None or len(self._buffer) < total:
            return None
        raw = bytes(self._buffer[:total])
        del self._buffer[:total]
        return self._codec.frame(raw)

    def _delimited(self) -> Frame | None:
        most = self._codec.options.max_bytes
        for match in self._codec.stops.finditer(self._buffer, self._scanned, most):
            begin, end, mark = match.start(), match.end(), match.group()
            if mark == self._codec.end:
                break
            self._scanned = end
        else:
            if len(self._buffer) >= most:
                raise FrameError("too-long")
            # A mark may have begun in the last bytes.
            self._scanned = max(self._scanned, len(self._buffer) - self._codec.longest + 1)
            return None
        raw = bytes(self._buffer[:begin])
        del match, self._buffer[:end]
        self._scanned = 0
        return self._codec.frame(self._codec.unescaped(raw))


def _starts(fields: tuple[HeaderField, ...]) -> dict[str, tuple[int, int]]:
    """name -> (first byte, byte behind it)"""
    found, at = {}, 0
    for field in fields:
        found[field.name] = (at, at + field.width)
        at += field.width
    return found


def _name(options: Any) -> str | None:
    return None if options is None else str(options.field)
