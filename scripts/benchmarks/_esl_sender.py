"""The switch's side of the event-socket benchmark: recorded events at a given pace, from a process of its own.

Knows just enough of the protocol: auth, ``event``, and api commands ``flood <count>``, ``pace <per second> <seconds>``
and ``ping``. Prints its port. Ends with its standard input.
"""

from __future__ import annotations

import contextlib
import select
import socket
import sys
import time

OK = b"Content-Type: command/reply\nReply-Text: +OK\n\n"
PONG = b"Content-Type: api/response\nContent-Length: 4\n\npong"
BURST_S = 0.020
LAST = b"Content-Length: 23\nContent-Type: text/event-plain\n\nEvent-Name: BENCH_END\n\n"


def recorded_events() -> list[bytes]:
    """Complete frames of the channel events of recorded calls, in their order."""
    from cti.esl import FrameParser
    from tests.transcripts import streams

    frames = []
    for name in ("in_events_plain_all_ivr_call_2833", "in_hangup_complete", "in_uuid_bridge", "in_bridge_native"):
        for stream in streams(name).values():
            for frame in FrameParser().feed(stream):
                if frame.content_type != "text/event-plain" or not frame.event().get("Channel-State"):
                    continue
                body = frame.body
                frames.append(b"Content-Length: %d\nContent-Type: text/event-plain\n\n%s" % (len(body), body))
    return frames


class Client:
    def __init__(self, sock: socket.socket, events: list[bytes]) -> None:
        self.sock = sock
        self.events = events
        self.incoming = b""
        self.outgoing = bytearray(b"Content-Type: auth/request\n\n")
        self.position = 0
        self.rate = 0.0
        self.until = self.since = 0.0
        self.sent = 0
        self.leaving = False
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def add_events(self, count: int) -> None:
        for _ in range(count):
            self.outgoing += self.events[self.position]
            self.position = (self.position + 1) % len(self.events)

    def read(self) -> bool:
        data = self.sock.recv(65536)
        self.incoming += data
        while b"\n\n" in self.incoming:
            command, _, self.incoming = self.incoming.partition(b"\n\n")
            self.obey(command.decode().strip().split())
        return bool(data)

    def obey(self, words: list[str]) -> None:
        if words[:2] == ["api", "flood"]:
            self.outgoing += PONG
            self.add_events(int(words[2]))
            self.outgoing += LAST
        elif words[:2] == ["api", "pace"]:
            self.outgoing += PONG
            self.rate, self.since, self.sent = float(words[2]), time.monotonic(), 0
            self.until = self.since + float(words[3])
        elif words[0] == "api":
            self.outgoing += PONG
        elif words[0] == "exit":
            self.outgoing += OK
            self.leaving = True
        elif words[0] == "auth":
            self.outgoing += b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n"
        else:
            self.outgoing += OK

    def tick(self, now: float) -> None:
        if self.rate:
            # In bursts, as from the switch: its listener looks at its queue every 20 ms.
            over = now >= self.until
            elapsed = self.until - self.since if over else max(0.0, now - self.since) // BURST_S * BURST_S
            due = round(elapsed * self.rate)
            self.add_events(due - self.sent)
            self.sent = due
            if over:
                self.rate = 0.0
                self.outgoing += LAST

    def write(self) -> None:
        if self.outgoing:
            with contextlib.suppress(BlockingIOError):
                sent = self.sock.send(memoryview(self.outgoing)[: 4 * 2**20])
                del self.outgoing[:sent]


def serve() -> None:
    events = recorded_events()
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], len(events), sum(map(len, events)) // len(events), flush=True)
    clients: dict[int, Client] = {}
    while True:
        paced = any(client.rate for client in clients.values())
        writable = [client.sock for client in clients.values() if client.outgoing]
        readable, _, _ = select.select([listener, sys.stdin, *(c.sock for c in clients.values())], writable, [],
                                       0.001 if paced else 1.0)  # fmt: skip
        if sys.stdin in readable:
            return
        if listener in readable:
            sock = listener.accept()[0]
            clients[sock.fileno()] = Client(sock, events)
        now = time.monotonic()
        for number, client in list(clients.items()):
            try:
                alive = client.sock not in readable or client.read()
                client.tick(now)
                client.write()
                alive = alive and not (client.leaving and not client.outgoing)
            except OSError:
                alive = False
            if not alive:
                clients.pop(number).sock.close()


if __name__ == "__main__":
    serve()
