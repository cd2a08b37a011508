"""One connection: a reader, a writer, and the questions on it."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gevent
from gevent.event import Event

from cti.boss.way import WayError
from cti.boss.ways.reach import TargetRefused
from cti.boss.ways.socket.frame import Frame, FrameParser
from cti.boss.ways.socket.matching import Matcher

CHUNK = 65_536
#: Questions in a row that got no answer while nothing at all came: the connection is dead, whatever TCP says.
SILENT = 3


@dataclass(eq=False)
class Pending:
    """A question on a connection. ``sent``: the writer has taken it, so that a byte of it may have left."""

    data: bytes = b""
    number: int = 0
    sent: bool = False
    done: Event = field(default_factory=Event)
    frame: Frame | None = None
    failure: str = ""

    def end(self, frame: Frame | None, failure: str = "") -> None:
        self.frame, self.failure = frame, failure
        self.done.set()


class Channel:
    """``number_of``: the sequence an answer bears, None where there is none. ``on_end`` is called once."""

    def __init__(
        self,
        sock: Any,
        parser: FrameParser,
        matcher: Matcher[Pending],
        counts: Counter[str],
        *,
        strict: bool,
        number_of: Callable[[Frame], int | None],
        on_end: Callable[[Channel], None],
    ) -> None:
        self._socket, self._parser, self._matcher, self._counts = sock, parser, matcher, counts
        self._strict, self._number_of, self._on_end = strict, number_of, on_end
        self._queue: deque[Pending] = deque()
        self._wake = Event()
        self._silent = 0
        #: Frames that came, and when the last question began.
        self.received, self.asked = 0, time.monotonic()
        self.questions = 0
        self.ended = ""
        self._greenlets = [gevent.spawn(self._read), gevent.spawn(self._write)]

    @property
    def outstanding(self) -> int:
        return self._matcher.outstanding

    def room(self) -> bool:
        return not self.ended and self._matcher.room()

    def ask(self, make: Callable[[int], bytes], deadline: float) -> Frame:
        """``make``: the bytes of the request with this number; what it raises goes through. Raises WayError."""
        if self.ended:
            raise WayError("error", self.ended, sent=False)
        pending = Pending()
        pending.number = self._matcher.add(pending)
        try:
            pending.data = make(pending.number)
        except BaseException:
            self._matcher.give_up(pending.number, sent=False)
            raise
        self.asked, received = time.monotonic(), self.received
        self.questions += 1
        self._queue.append(pending)
        self._wake.set()
        try:
            pending.done.wait(timeout=max(0.0, deadline - time.monotonic()))
        finally:  # also where the one who asks is killed
            if not pending.done.is_set():
                self._given_up(pending, heard=self.received != received)
        if pending.frame is not None:
            return pending.frame
        if pending.failure:
            raise WayError("error", pending.failure, sent=pending.sent)
        raise WayError("timeout", "no-answer" if pending.sent else "not-sent", sent=pending.sent)

    def end(self, reason: str) -> None:
        """Close it; what waits fails with ``reason``. Any number of times."""
        if self.ended:
            return
        self.ended = reason
        for pending in self._matcher.drain():
            pending.end(None, reason)
        self._queue.clear()
        self._socket.close()
        mine = gevent.getcurrent()
        gevent.killall([greenlet for greenlet in self._greenlets if greenlet is not mine], block=False)
        self._on_end(self)

    # ---- inside ----------------------------------------------------------------------------------------------------

    def _given_up(self, pending: Pending, *, heard: bool) -> None:
        if not pending.sent:
            self._queue.remove(pending)
        must_close = self._matcher.give_up(pending.number, sent=pending.sent)
        self._silent = 0 if heard else self._silent + pending.sent
        if must_close:
            self.end("closed-after-timeout")
        elif self._silent >= SILENT:
            self.end("silent")

    def _write(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._queue:
                batch, size = [], 0
                while self._queue and size < CHUNK:
                    pending = self._queue.popleft()
                    pending.sent = True
                    size += len(pending.data)
                    batch.append(pending.data)
                try:
                    self._socket.sendall(b"".join(batch))
                except OSError as error:
                    self.end(reason_of(error))
                    return

    def _read(self) -> None:
        while True:
            try:
                data = self._socket.recv(CHUNK)
            except OSError as error:
                self.end(reason_of(error))
                return
            if not data:
                self.end("closed-by-peer")
                return
            for frame in self._parser.feed(data):
                self.received += 1
                self._silent = 0
                if not self._answered(frame):
                    return
            if self._parser.failed is not None:
                self._counts[self._parser.failed.reason] += 1
                self.end(self._parser.failed.reason)
                return

    def _answered(self, frame: Frame) -> bool:
        """False: the connection has been closed."""
        match = self._matcher.answer(self._number_of(frame))
        if match.item is not None:
            match.item.end(frame)
            return True
        self._counts[match.kind] += 1
        if match.kind == "wrong" or (match.kind == "stray" and self._strict):
            self.end("wrong-sequence" if match.kind == "wrong" else "unasked-answer")
            return False
        return True


def reason_of(error: OSError) -> str:
    """A stable code for what the network says, or the operator's list of targets."""
    if isinstance(error, TargetRefused):
        return error.reason
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        return "reset"
    if isinstance(error, TimeoutError):
        return "connect-timeout"
    if type(error).__name__ == "SSLCertVerificationError":
        return "certificate"
    if type(error).__name__.startswith("SSL"):
        return "tls"
    if type(error).__name__ == "gaierror":
        return "unknown-host"
    return "unreachable"
