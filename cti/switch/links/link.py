"""One connection to the switch's event socket: greenswitch's `InboundESL` on a wire layer of our own.

Names, constructor and behaviour are greenswitch's (0.0.19); replaced are reading, dispatching, sending, connecting
and stopping. What that mends is listed in docs/links.md.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from time import monotonic

from gevent.event import Event as Flag
from greenswitch.esl import InboundESL

from cti.core.errors import CtiError, DeadlineExceeded
from cti.esl import EslError, Frame, FrameParser, auth, exit_, single
from cti.esl.frame import API, AUTH, DISCONNECT, JSON, LOG, PLAIN, REJECTION, REPLY
from cti.switch.links.errors import AccessRefused, LinkLost
from cti.switch.links.mailbox import Mailbox
from cti.switch.links.pending import Pending
from cti.switch.links.routing import Handler, Router
from cti.switch.links.transport import Transport, open_transport

log = logging.getLogger("cti.switch.links")

MAX_PENDING = 10_000  # commands without an answer
MAX_UNSENT = 64 * 2**20  # bytes
MAILBOX_LIMIT = 30_000  # events waiting for one handler: 15 s at 2,000 a second
REPLY_TIMEOUT_S = 30.0

_EVENTS = (PLAIN, JSON)
_REPLIES = (REPLY, API)


class Link(InboundESL):
    """Connect once, use, stop; a lost link stays lost (`SwitchLinks` makes the next one).

    Handlers get an `Event` (or, for notices and log lines, a `Frame`): both have ``headers`` and ``data``. Each
    handler runs on its own greenlet, in the order of the wire. ``on_overflow(handler, missing)`` is told when one was
    too slow. ``ended`` is set when the link is lost or stopped; ``reason`` then says why.
    """

    def __init__(
        self,
        host: str,
        port: int,
        password: str,
        timeout: float = 5,
        *,
        name: str = "link",
        reply_timeout_s: float = REPLY_TIMEOUT_S,
        mailbox_limit: int = MAILBOX_LIMIT,
        parser: FrameParser | None = None,
        on_overflow: Callable[[Handler, int], object] | None = None,
    ) -> None:
        super().__init__(host, port, password, timeout)  # type: ignore[no-untyped-call]
        self.name = name
        self.reply_timeout_s = reply_timeout_s
        self.ended = Flag()
        self.reason: LinkLost | None = None
        self.last_received_s = 0.0  # on the monotonic clock
        self.frames = 0
        self.strays = 0  # frames of no known kind
        self._parser = parser or FrameParser()
        self._replies: deque[Pending[Frame]] = deque()
        self._transport: Transport | None = None
        self._router = Router(self, self.event_handlers, mailbox_limit, on_overflow)
        self._notice = False

    # ---- connecting and stopping -----------------------------------------------------------------------------

    def connect(self) -> None:
        """Connect and authenticate, each within ``timeout``. Raises LinkLost or AccessRefused; nothing is left open."""
        if self._transport is not None:
            raise LinkLost(f"{self.name}: a link is used once", code="link-lost")
        self._transport = open_transport(self.host, self.port, self.timeout)
        self.sock = self._transport.sock
        self.connected = True
        self.last_received_s = monotonic()
        self.start_event_handlers()
        try:
            self._auth_request_event.wait(self.timeout)
            if self.reason is not None:
                raise self.reason
            if not self._auth_request_event.is_set():
                raise LinkLost(
                    f"{self.host}:{self.port} accepts connections but does not say it is an event socket",
                    code="switch-silent",
                    remedy="is this the event_socket port?",
                )
            self.authenticate()
        except BaseException as error:
            self._end(error if isinstance(error, LinkLost) else LinkLost(f"{self.name}: connecting was given up"))
            raise

    def authenticate(self) -> None:
        try:
            answer = self.request(auth(self.password), self.timeout).reply
        except DeadlineExceeded:
            raise LinkLost(f"{self.host}:{self.port} does not answer the password", code="switch-silent") from None
        if answer != "+OK accepted":
            raise AccessRefused(
                f"{self.host}:{self.port} refused the event-socket password ({answer or 'no reason given'})",
                code="password-refused",
                remedy="the password here and in the switch's event_socket.conf must be the same",
            )

    @property
    def ports(self) -> tuple[int, int] | None:
        """The switch's and ours; None: there is no connection, or it is none of TCP."""
        return self._transport.ports if self._transport is not None else None

    @property
    def unanswered(self) -> int:
        """Commands whose replies have not come."""
        return len(self._replies)

    def start_event_handlers(self) -> None:
        assert self._transport is not None
        self._transport.start(self._received, self._ended)
        self._receive_events_greenlet = self._transport.reader

    def stop(self) -> None:
        """Say goodbye, close, let the handlers finish what they have, all within a few seconds. Safe in a handler."""
        if self.connected:
            try:
                self.submit(exit_()).wait(min(1.0, self.timeout))
            except CtiError as error:
                log.debug("%s: no answer to exit: %s", self.name, error)
        self._end(LinkLost(f"{self.name} was stopped", code="link-stopped"))
        self._router.join(self.timeout)
        if self._transport is not None:
            self._transport.join(self.timeout)

    def fail(self, error: LinkLost) -> None:
        """Give the link up: it is of no use although the connection may look sound."""
        self._end(error)

    def _end(self, reason: LinkLost) -> None:
        """Once: fail every pending command, tell the handlers, close. Later reasons change nothing."""
        if self.reason is not None:
            return
        self.reason = reason
        self.connected = self._run = False
        if self._transport is not None:
            self._transport.close()
        replies, self._replies = self._replies, deque()
        for pending in replies:
            pending.fail(reason)
        self._auth_request_event.set()
        if not self._notice:
            self._router.route("DISCONNECT", Frame(b"Content-Type: text/disconnect-notice\n\n", 40, DISCONNECT))
        self._router.close()
        self.ended.set()

    # ---- commands --------------------------------------------------------------------------------------------

    def submit(self, command: bytes) -> Pending[Frame]:
        """Send one command (bytes of `cti.esl`'s builders) without waiting; replies come in the order of commands.

        Raises LinkLost: not connected, or ``link-busy`` when too much is unanswered or unsent.
        """
        transport = self._transport
        if not self.connected or transport is None:
            raise self.reason or LinkLost(f"{self.name} is not connected")
        if len(self._replies) >= MAX_PENDING or transport.unsent > MAX_UNSENT:
            raise LinkLost(f"{self.name}: {len(self._replies)} commands are unanswered", code="link-busy")
        pending: Pending[Frame] = Pending()
        self._replies.append(pending)
        transport.write(command)
        return pending

    def request(self, command: bytes, timeout_s: float) -> Frame:
        """Send and wait. Raises LinkLost, DeadlineExceeded (the late reply is then read and dropped)."""
        return self.submit(command).wait(timeout_s)

    def send(self, data: str) -> Frame:
        """greenswitch's: one command as text; the answer has ``headers`` and ``data``."""
        return self.request(single(data), self.reply_timeout_s)

    # ---- handlers --------------------------------------------------------------------------------------------

    def register_handle(self, name: str, handler: Handler) -> None:
        """``name``: an event name, a subclass of CUSTOM, ``log``, ``DISCONNECT``, or ``*`` for what no other takes."""
        super().register_handle(name, handler)  # type: ignore[no-untyped-call]
        self._router.changed()

    def unregister_handle(self, name: str, handler: Handler) -> None:
        super().unregister_handle(name, handler)  # type: ignore[no-untyped-call]
        self._router.changed()

    def mailbox(self, handler: Handler) -> Mailbox:
        """The queue before a handler, made on first use."""
        return self._router.mailbox(handler)

    # ---- reading ---------------------------------------------------------------------------------------------

    def receive_events(self) -> None:
        """greenswitch's reading loop; here `Transport` reads and calls `_received`."""

    def process_events(self) -> None:
        """greenswitch's one dispatcher; here each handler has its own."""

    def _received(self, data: memoryview) -> None:
        """Bytes came. Never blocks; runs on the reader's greenlet."""
        self.last_received_s = monotonic()
        parser = self._parser
        try:
            frames = parser.feed(data)
            self.frames += len(frames)
            for frame in frames:
                self.handle_event(frame)
            if parser.error is not None:
                raise parser.error
        except EslError as error:
            self._end(LinkLost(f"{self.name}: the switch does not speak the protocol: {error}"))

    def _ended(self, why: str) -> None:
        cut = f" in the middle of a message ({self._parser.buffered} bytes of it came)" if self._parser.buffered else ""
        self._end(LinkLost(f"{self.name}: {why}{cut}"))

    def handle_event(self, frame: Frame) -> None:
        kind = frame.content_type
        if kind in _EVENTS:
            try:
                event = frame.event()
            except EslError as error:
                self.strays += 1
                log.warning("%s: an unreadable event: %s", self.name, error)
                return
            name = event.name
            self._router.route(event.get("Event-Subclass", "") if name == "CUSTOM" else name, event)
        elif kind in _REPLIES:
            self._answer(frame)
        elif kind == AUTH:
            self._auth_request_event.set()
        elif kind == DISCONNECT:
            self._disconnect(frame)
        elif kind == REJECTION:
            self._rejected(frame)
        elif kind == LOG:
            self._router.route("log", frame)
        else:
            self.strays += 1
            log.debug("%s: %r is of no known kind", self.name, frame)

    def _answer(self, frame: Frame) -> None:
        if self._replies:
            self._replies.popleft().succeed(frame)
            return
        # Replies carry no number: one too many means that earlier ones may have gone to the wrong command.
        self._end(LinkLost(f"{self.name}: an answer ({frame.reply[:60]!r}) to a command that was not given"))

    def _disconnect(self, frame: Frame) -> None:
        if frame.get("Content-Disposition") == "linger":
            self._lingering = True
            self._router.route("DISCONNECT", frame)
            return
        self._notice = True
        self._router.route("DISCONNECT", frame)
        said = " ".join(frame.text.split())[:120]
        self._end(LinkLost(f"{self.name}: the switch ended the connection: {said}"))

    def _rejected(self, frame: Frame) -> None:
        self._end(
            AccessRefused(
                f"{self.host}:{self.port} does not admit this machine ({frame.text.strip()[:80]})",
                code="acl-rejected",
                remedy="put this machine's address into the list named by apply-inbound-acl in event_socket.conf",
            )
        )
