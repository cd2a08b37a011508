"""SIP transactions over one UDP socket on loopback: requests are sent again until they are answered, with a password if
they are challenged (RFC 3261, 17 and 22)."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

from .sip import Message, answer_to, branch

RETRANSMIT_S = 0.5


class Transactions:
    """``number`` is the user part, ``seen`` every request that came in. Listens on a thread until it is closed."""

    def __init__(self, number: str, password: str) -> None:
        self.number, self.password = number, password
        self.seen: list[Message] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self.port: int = self._socket.getsockname()[1]
        self._replies: dict[tuple[str, int, str], Callable[[Message], bool]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(2)
        self._socket.close()

    def _asked(self, message: Message, where: tuple[str, int]) -> None:
        """A request came in."""
        raise NotImplementedError

    # ---- our requests ------------------------------------------------------------------------------------------

    def _build(
        self, method: str, uri: str, call_id: str, sender: str, to: str, cseq: int, extra: list[tuple[str, str]]
    ) -> Message:
        headers = [
            ("Via", f"SIP/2.0/UDP 127.0.0.1:{self.port};branch={branch()};rport"),
            ("Max-Forwards", "70"),
            ("From", sender),
            ("To", to),
            ("Call-ID", call_id),
            ("CSeq", f"{cseq} {method}"),
            *extra,
        ]
        return Message(f"{method} {uri} SIP/2.0", headers)

    def _exchange(self, build: Callable[[int], Message], where: tuple[str, int], timeout_s: float) -> Message:
        final: list[Message] = []
        done = threading.Event()

        def keep(reply: Message) -> None:
            final.append(reply)
            done.set()

        self._transact(build, where, keep)
        if not done.wait(timeout_s):
            raise TimeoutError(f"no answer from {where} within {timeout_s} s")
        return final[0]

    def _transact(self, build: Callable[[int], Message], where: tuple[str, int], on: Callable[[Message], None]) -> None:
        """Send; retransmit until anything comes; answer one challenge; hand over everything else."""
        heard = threading.Event()
        first = build(1)

        def second(reply: Message) -> bool:
            heard.set()
            if reply.method == "INVITE" and reply.status >= 300:
                self._ack(reply, first, where)
            challenge = reply.get("WWW-Authenticate") or reply.get("Proxy-Authenticate")
            if reply.status not in (401, 407) or not self.password:
                on(reply)
                return reply.status >= 200
            again = build(2)
            name = "Authorization" if reply.status == 401 else "Proxy-Authorization"
            value = answer_to(challenge, self.number, self.password, again.method, again.uri)
            again.headers.append((name, value))

            def third(last: Message) -> bool:
                if last.method == "INVITE" and last.status >= 300:
                    self._ack(last, again, where)
                on(last)
                return last.status >= 200

            self._replies[(again.get("Call-ID"), 2, again.method)] = third
            self._send(again, where)
            return True

        self._replies[(first.get("Call-ID"), 1, first.method)] = second
        self._send(first, where)
        self._retransmit(first, where, heard, 6)

    def _retransmit(self, message: Message, where: tuple[str, int], heard: threading.Event, left: int) -> None:
        def again() -> None:
            if not heard.is_set() and not self._stop.is_set() and left > 0:
                self._send(message, where)
                self._retransmit(message, where, heard, left - 1)

        timer = threading.Timer(RETRANSMIT_S, again)
        timer.daemon = True
        timer.start()

    def _ack(self, reply: Message, invite: Message, where: tuple[str, int]) -> None:
        """Of a refusal: same branch, so part of the INVITE's transaction (RFC 3261 17.1.1.3)."""
        headers = [
            (name, value) for name, value in invite.headers if name in ("Via", "Max-Forwards", "From", "Call-ID")
        ]
        headers += [("To", reply.get("To")), ("CSeq", f"{invite.cseq} ACK")]
        self._send(Message(f"ACK {invite.uri} SIP/2.0", headers), where)

    # ---- what comes in -----------------------------------------------------------------------------------------

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                data, where = self._socket.recvfrom(65535)
            except TimeoutError:
                continue
            except OSError:
                return
            if data.strip():
                message = Message.parse(data)
                if message.is_request:
                    self.seen.append(message)
                    self._asked(message, where)
                else:
                    self._replied(message)

    def _replied(self, reply: Message) -> None:
        key = (reply.get("Call-ID"), reply.cseq, reply.method)
        handler = self._replies.get(key)
        if handler is not None and handler(reply) and reply.method != "INVITE":
            self._replies.pop(key, None)

    def _reply(
        self, request: Message, status: int, reason: str, where: tuple[str, int], to: str = "", body: str = ""
    ) -> None:
        headers = [*request.all("Via"), *request.all("Record-Route"), ("From", request.get("From"))]
        headers += [("To", to or request.get("To")), ("Call-ID", request.get("Call-ID")), ("CSeq", request.get("CSeq"))]
        headers.append(("Contact", f"<sip:{self.number}@127.0.0.1:{self.port}>"))
        if body:
            headers.append(("Content-Type", "application/sdp"))
        self._send(Message(f"SIP/2.0 {status} {reason}", headers, body), where)

    def _send(self, message: Message, where: tuple[str, int]) -> None:
        with contextlib.suppress(OSError):  # closed while a timer fired
            self._socket.sendto(message.encode(), where)
