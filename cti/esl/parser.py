"""Bytes in, frames out. Knows no socket and no clock; linear in the bytes, whatever pieces they come in."""

from __future__ import annotations

from cti.esl.errors import EslError
from cti.esl.frame import Frame, split_head

MAX_FRAME = 16 * 2**20
MAX_HEADERS = 10_000
_LONGEST_NUMBER = 15  # digits; a Content-Length beyond this is no length
_SMALLEST_HEADER = 3  # bytes: "a:\n"
_CACHED_HEAD = 96  # bytes
_CACHED_HEADS = 4096
_CR_ONLY = "lines end with carriage returns only"


class FrameParser:
    """Feed it what the socket gives; it returns the frames completed by it.

    Bounded by ``max_frame`` (bytes of one frame, headers and body) and ``max_headers`` (lines in a frame's header
    block or in the body of a plain event). ``error`` is set by bytes that are no protocol and stays, because after
    them nobody knows where the next frame starts. Frames that were complete before the bad bytes are returned first;
    a feed that has none to return raises the error, and so does every later one.
    """

    def __init__(self, max_frame: int = MAX_FRAME, max_headers: int = MAX_HEADERS) -> None:
        self._max_frame = max_frame
        self._max_headers = max_headers
        self._pending = bytearray()  # an incomplete frame
        self._scanned = 0  # of _pending, known to hold no blank line
        self._line_seen = False  # a line of _pending is complete
        self._need = 0  # bytes of _pending that make its frame complete; 0: its header block is not complete
        self.error: EslError | None = None
        # What short header blocks mean. Two lines of an event's frame repeat all day: 40 % of the parsing time.
        self._known: dict[bytes, tuple[int, str]] = {}

    def feed(self, data: bytes | bytearray | memoryview) -> list[Frame]:
        """The frames that end in ``data``, in order. ``b""`` is allowed and returns an empty list."""
        frames: list[Frame] = []
        if self.error is None:
            try:
                if not self._pending:
                    self._parse(bytes(data), frames)
                else:
                    self._pending += data
                    if self._is_complete():
                        self._parse(bytes(self._take()), frames)
            except EslError as error:
                self.error = error
                self._take()
        if self.error is not None and not frames:
            raise self.error
        return frames

    @property
    def buffered(self) -> int:
        """Bytes of a frame that is not complete yet; at the end of the stream not 0 means that it was cut."""
        return len(self._pending)

    def _take(self) -> bytearray:
        taken, self._pending = self._pending, bytearray()
        self._scanned = self._need = 0
        self._line_seen = False
        return taken

    def _is_complete(self) -> bool:
        pending = self._pending
        if not self._need:
            blank, body_at = _find_blank(pending, self._scanned)
            if blank < 0:
                self._check_unfinished()
                return False
            length, _ = self._read_head(bytes(pending[:blank]))
            self._need = body_at + length
        return len(pending) >= self._need

    def _parse(self, data: bytes, frames: list[Frame]) -> None:
        known = self._known
        size = len(data)
        at = 0
        while at < size:
            if data[at] in b"\r\n":  # the switch skips blank lines between messages, and so do we
                at += 1
                continue
            blank = data.find(b"\n\n", at)
            body_at = blank + 2
            head = data[at:blank]
            meaning = known.get(head) if blank >= 0 else None
            if meaning is None:
                blank, body_at = _find_blank(data, at)
                if blank < 0:
                    self._keep(data, at)
                    break
                meaning = self._read_head(data[at:blank])
            length, content_type = meaning
            end = body_at + length
            if end > size:
                self._keep(data, at)
                self._need = end - at
                break
            if length > self._max_headers * _SMALLEST_HEADER and content_type == "text/event-plain":
                self._count_headers(data, body_at, end)
            frames.append(Frame(data[at:end], body_at - at, content_type))
            at = end

    def _keep(self, data: bytes, at: int) -> None:
        self._pending = bytearray(memoryview(data)[at:])
        self._check_unfinished()

    def _check_unfinished(self) -> None:
        head, scanned = self._pending, self._scanned
        self._scanned = max(0, len(head) - 2)
        if len(head) - len(b"\n\r\n") > self._max_frame:  # what may be the blank line does not count
            raise EslError(f"a header block over {self._max_frame} bytes", code="frame-too-large")
        if not self._line_seen:
            line_feed = head.find(b"\n", scanned)
            self._line_seen = line_feed >= 0
            if head.find(b"\r\r", scanned, line_feed if self._line_seen else len(head)) >= 0:
                raise EslError(_CR_ONLY, code="bad-header")

    def _read_head(self, head: bytes) -> tuple[int, str]:
        """(length of the body, content type) of a header block."""
        known = self._known.get(head)
        if known is not None:
            return known
        if head.count(b"\n") >= self._max_headers:
            raise EslError(f"a header block of more than {self._max_headers} lines", code="too-many-headers")
        first = head.partition(b"\n")[0]
        if b"\r\r" in first:
            raise EslError(_CR_ONLY, code="bad-header")
        if first.find(b":") < 1:
            raise EslError(f"a message starts with {first[:60]!r}, which is no header", code="bad-header")
        lengths: set[str] = set()
        content_type = ""
        for name, value in split_head(head):
            lower = name.lower()
            if lower == "content-length":
                lengths.add(value)
            elif lower == "content-type" and not content_type:
                content_type = value
        length = self._read_length(lengths)
        if len(head) + length > self._max_frame:
            raise EslError(f"a frame of {length} bytes; the bound is {self._max_frame}", code="frame-too-large")
        if len(head) <= _CACHED_HEAD:
            if len(self._known) >= _CACHED_HEADS:
                self._known.clear()
            self._known[head] = (length, content_type)
        return length, content_type

    @staticmethod
    def _read_length(values: set[str]) -> int:
        if not values:
            return 0
        value = values.pop()
        if values:
            raise EslError("Content-Length given twice with different values", code="bad-content-length")
        if not (value.isascii() and value.isdigit() and len(value) <= _LONGEST_NUMBER):
            raise EslError(f"Content-Length {value[:40]!r} is no length", code="bad-content-length")
        return int(value)

    def _count_headers(self, data: bytes, begin: int, end: int) -> None:
        blank = data.find(b"\n\n", begin, end)
        if data.count(b"\n", begin, blank if blank >= 0 else end) >= self._max_headers:
            raise EslError(f"an event of more than {self._max_headers} headers", code="too-many-headers")


def _find_blank(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """(end of the header block, start of the body) from ``at``; -1 when the blank line has not come.

    A search may start in the middle of ``\\n\\r\\n``, so callers step back two bytes.
    """
    plain = data.find(b"\n\n", at)
    crlf = data.find(b"\n\r\n", at, plain + 1 if plain >= 0 else len(data))
    if crlf >= 0:
        return crlf, crlf + 3
    return plain, plain + 2
