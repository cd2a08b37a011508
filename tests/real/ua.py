"""A small SIP phone for tests: registers, calls, is called, presses keys, keeps what it hears. UDP on loopback."""

from __future__ import annotations

import contextlib
import re
import threading
import uuid
from dataclasses import dataclass, field
from enum import Enum

from .media import Media
from .sip import Message, audio_target, sdp, tag
from .transactions import Transactions
from .video import Video

_CANCEL_KEEPS = ("Via", "Max-Forwards", "From", "To", "Call-ID")


class When(Enum):
    """What a phone does with an incoming call."""

    ANSWER = "answer"
    BUSY = "busy"
    RING = "ring"  # for ever
    EARLY = "early"  # as RING, with sound: 183 and its SDP instead of 180
    REJECT = "reject"
    ITSELF = "itself"  # rings, unless the call asks to be answered (Call-Info: answer-after=0)
    ON_TALK = "on talk"  # rings until a NOTIFY with Event: talk


@dataclass
class Dialog:
    """One call of the phone. Times out with TimeoutError that tells the last answer."""

    phone: Phone
    call_id: str
    local: str  # our From/To with tag
    remote: str
    target: str  # request URI of the far side
    media: Media = field(default_factory=Media)
    video: Video | None = None
    outgoing: bool = True
    invite: Message | None = None
    status: int = 0  # last status of the INVITE
    answered: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)
    rejected: bool = False
    cseq: int = 1
    route: tuple[str, int] = ("", 0)

    def wait_answered(self, timeout_s: float = 10) -> None:
        if not self.answered.wait(timeout_s):
            raise TimeoutError(f"not answered within {timeout_s} s, last status {self.status}")
        if self.rejected:
            raise AssertionError(f"rejected with {self.status}")

    def wait_finished(self, timeout_s: float = 10) -> None:
        """Until the far side hung up or rejected."""
        if not self.finished.wait(timeout_s):
            raise TimeoutError(f"the call is still up after {timeout_s} s, last status {self.status}")

    def press(self, digits: str) -> None:
        self.media.press(digits)

    def hang_up(self) -> None:
        """BYE or, before the answer, CANCEL."""
        if self.finished.is_set():
            return
        if self.answered.is_set():
            self.cseq += 1
            self.phone.request(self, "BYE", self.cseq)
        elif self.outgoing and self.invite is not None:
            self.phone.cancel(self)
        self.finished.set()
        self.media.stop()


class Phone(Transactions):
    """``number`` is its user part. Close it when done (or use it as a context manager)."""

    def __init__(self, number: str, *, domain: str = "cti.local", password: str = "", when: When = When.ANSWER) -> None:
        self.domain, self.when = domain, when
        self.calls: list[Dialog] = []
        self._registrar = 0  # the port where it is registered
        self._incoming = threading.Condition()
        super().__init__(number, password)

    def __enter__(self) -> Phone:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for call in self.calls:
            call.hang_up()
            if call.video is not None:
                call.video.close()
        if self._registrar:
            with contextlib.suppress(TimeoutError):  # the switch was stopped meanwhile
                self.register(self._registrar, expires=0)
        super().close()

    # ---- outgoing ----------------------------------------------------------------------------------------------

    def register(self, port: int, *, expires: int = 300, timeout_s: float = 30) -> int:
        """REGISTER at 127.0.0.1:``port``; the final status."""
        uri, call_id, me = f"sip:{self.domain}", uuid.uuid4().hex, f"<sip:{self.number}@{self.domain}>"
        extra = [("Contact", f"<sip:{self.number}@127.0.0.1:{self.port}>"), ("Expires", str(expires))]

        def build(cseq: int) -> Message:
            return self._build("REGISTER", uri, call_id, f"{me};tag={tag()}", me, cseq, extra)

        status = self._exchange(build, ("127.0.0.1", port), timeout_s).status
        self._registrar = port if status == 200 and expires else 0
        return status

    def options(self, uri: str, port: int, timeout_s: float = 30) -> int:
        me = f"<sip:{self.number}@{self.domain}>"
        call_id = uuid.uuid4().hex
        message = lambda cseq: self._build("OPTIONS", uri, call_id, f"{me};tag={tag()}", f"<{uri}>", cseq, [])  # noqa: E731
        return self._exchange(message, ("127.0.0.1", port), timeout_s).status

    def call(
        self,
        number: str,
        port: int,
        *,
        name: str = "",
        headers: tuple[tuple[str, str], ...] = (),
        video: Video | None = None,
    ) -> Dialog:
        """INVITE ``number`` at 127.0.0.1:``port``; returns at once. ``name`` is sent as it is, in quotes; ``video`` is
        offered beside audio."""
        uri = f"sip:{number}@127.0.0.1:{port}"
        shown = f'"{name}" ' if name else ""
        me = f"{shown}<sip:{self.number}@{self.domain}>;tag={tag()}"
        dialog = Dialog(self, uuid.uuid4().hex, me, f"<{uri}>", uri, route=("127.0.0.1", port))
        dialog.video = video
        pictures = video.offer() if video is not None else ()
        self.calls.append(dialog)
        contact = ("Contact", f"<sip:{self.number}@127.0.0.1:{self.port}>")
        extra = [contact, ("Content-Type", "application/sdp"), *headers]

        def build(cseq: int) -> Message:
            dialog.cseq = cseq
            invite = self._build("INVITE", uri, dialog.call_id, me, dialog.remote, cseq, extra)
            invite.body = sdp(dialog.media.port, more=pictures)
            dialog.invite = invite
            return invite

        self._transact(build, dialog.route, lambda reply: self._invite_reply(dialog, reply))
        return dialog

    def request(self, dialog: Dialog, method: str, cseq: int) -> None:
        message = self._build(method, dialog.target, dialog.call_id, dialog.local, dialog.remote, cseq, [])
        self._send(message, dialog.route)

    def cancel(self, dialog: Dialog) -> None:
        invite = dialog.invite
        assert invite is not None
        message = Message(f"CANCEL {invite.uri} SIP/2.0", [h for h in invite.headers if h[0] in _CANCEL_KEEPS])
        message.headers.append(("CSeq", f"{invite.cseq} CANCEL"))
        self._send(message, dialog.route)

    def _invite_reply(self, dialog: Dialog, reply: Message) -> None:
        dialog.status = reply.status
        if reply.status < 200:
            if "m=audio" in reply.body:
                address, port, _ = audio_target(reply.body)
                dialog.media.start(address, port)
            return
        if reply.status >= 300:
            dialog.rejected = True
            dialog.finished.set()
            dialog.answered.set()
            return
        dialog.remote = reply.get("To")
        contact = re.search(r"<([^>]+)>", reply.get("Contact"))
        dialog.target = contact.group(1) if contact else dialog.target
        if reply.body:
            address, port, _ = audio_target(reply.body)
            dialog.media.start(address, port)
        self.request(dialog, "ACK", reply.cseq)
        dialog.answered.set()

    # ---- incoming ----------------------------------------------------------------------------------------------

    def wait_call(self, timeout_s: float = 30, nth: int = 1) -> Dialog:
        """The ``nth`` incoming call."""
        with self._incoming:
            if not self._incoming.wait_for(lambda: len(self._ins()) >= nth, timeout_s):
                raise TimeoutError(f"phone {self.number}: no call within {timeout_s} s")
            return self._ins()[nth - 1]

    def _ins(self) -> list[Dialog]:
        return [call for call in self.calls if not call.outgoing]

    def _asked(self, message: Message, where: tuple[str, int]) -> None:
        if message.method == "INVITE":
            self._invited(message, where)
        elif message.method in ("BYE", "CANCEL"):
            self._reply(message, 200, "OK", where)
            for dialog in self.calls:
                if dialog.call_id == message.get("Call-ID"):
                    if message.method == "CANCEL" and dialog.invite is not None:
                        self._reply(dialog.invite, 487, "Request Terminated", where, dialog.local)
                    dialog.finished.set()
                    dialog.media.stop()
        elif message.method != "ACK":
            self._reply(message, 200, "OK", where)
            if message.method == "NOTIFY" and message.get("Event") == "talk" and self.when is When.ON_TALK:
                for dialog in self.calls:
                    if dialog.call_id == message.get("Call-ID") and not dialog.answered.is_set():
                        self.answer(dialog)

    def _invited(self, invite: Message, where: tuple[str, int]) -> None:
        known = next((call for call in self.calls if call.call_id == invite.get("Call-ID")), None)
        if known is not None and "m=image" in invite.body:  # T.38: a telephone is no fax machine
            self._reply(invite, 488, "Not Acceptable Here", where, known.local)
            return
        if known is not None:  # a re-INVITE or a retransmission: the same answer
            self._reply(invite, 200, "OK", where, known.local, sdp(known.media.port))
            return
        local = f"{invite.get('To')};tag={tag()}"
        if self.when in (When.BUSY, When.REJECT):
            refusal = (486, "Busy Here") if self.when is When.BUSY else (603, "Decline")
            self._reply(invite, *refusal, where, local)
            return
        contact = re.search(r"<([^>]+)>", invite.get("Contact"))
        target = contact.group(1) if contact else f"sip:{where[0]}:{where[1]}"
        call_id = invite.get("Call-ID")
        dialog = Dialog(self, call_id, local, invite.get("From"), target, outgoing=False, invite=invite, route=where)
        if self.when is When.EARLY:
            self._reply(invite, 183, "Session Progress", where, local, sdp(dialog.media.port))
        else:
            self._reply(invite, 180, "Ringing", where, local)
        asked = "answer-after=0" in invite.get("Call-Info")
        if self.when is When.ANSWER or (self.when is When.ITSELF and asked):
            self.answer(dialog)
        with self._incoming:
            self.calls.append(dialog)
            self._incoming.notify_all()

    def answer(self, dialog: Dialog) -> None:
        """A call that rings."""
        invite = dialog.invite
        assert invite is not None
        if invite.body:
            address, port, _ = audio_target(invite.body)
            dialog.media.start(address, port)
        self._reply(invite, 200, "OK", dialog.route, dialog.local, sdp(dialog.media.port))
        dialog.answered.set()
