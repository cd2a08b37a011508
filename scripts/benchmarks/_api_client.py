"""The clients of `api.py`, in a process of their own: hundreds of streams, and requests at a rate that does not wait.

Commands are lines of JSON on stdin, each answered by a line of JSON; several may run at once (`do` beside `id`). Bare
sockets, so that the process that measures is not what is measured. The time of a request runs from the moment at which
it was to be sent, not from that at which a connection was free for it (Tene's corrected latency): a server that stands
still for a second makes every request of that second late.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import gevent
from gevent import socket
from gevent.event import Event
from gevent.fileobject import FileObject
from gevent.queue import Queue

from scripts.benchmarks._api_stream import Stream

CONNECTIONS = 64
ANSWER_S, CONNECT_S = 30.0, 120.0
_TRY_S = 0.02
_STATE, _OFFER = "agent.state_changed", "offer.created"


class Clients:
    """``people``: ``{"agent": …, "token": …}`` each; the last of them may be a supervisor."""

    def __init__(self, port: int, people: list[dict[str, str]], events: str) -> None:
        """``events``: path of the stream, with ``{agent}`` where it stands."""
        self.port, self.people = port, people
        self._open = Event()
        self._opened_at = 0.0
        self._door: gevent.Greenlet[[], None] | None = None
        self.streams = [Stream(port, who["token"], events.format(**who), self._gate) for who in people]
        for stream, who in zip(self.streams, people, strict=True):
            stream.own = bool(who["agent"])

    # ---- streams ---------------------------------------------------------------------------------------------------

    def connect(self, goes_on: bool = False) -> dict[str, Any]:
        """All at once, as soon as the server listens; seconds from then until each has its first event; ``goes_on``:
        until each goes on after its last one, and there need not be any."""
        began = time.monotonic()
        marks = [stream.opened if goes_on else stream.fresh for stream in self.streams]
        waiting = [gevent.spawn(mark.wait, CONNECT_S) for mark in marks]
        for stream in self.streams:
            stream.start()
        gevent.joinall(waiting)
        if missing := sum(not one.value for one in waiting):
            raise TimeoutError(f"{missing} of {len(self.streams)} streams have not begun after {CONNECT_S} s")
        return {"seconds": max(mark.at for mark in marks) - max(began, self._opened_at)}

    def cut(self, but: int = 0, goes_on: bool = False) -> dict[str, Any]:
        """All connections but the last ``but`` are lost, and come again at once; as `connect`."""
        for stream in self.streams[: len(self.streams) - but]:
            stream.cut()
        return self.connect(goes_on)

    def close(self) -> None:
        for stream in self.streams:
            stream.close()

    def _gate(self) -> None:
        """Wait until the server listens: one knocks for all."""
        if self._door is None or self._door.ready():
            self._open.clear()
            self._door = gevent.spawn(self._knock)
        self._open.wait()

    def _knock(self) -> None:
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                break
            except OSError:
                gevent.sleep(_TRY_S)
        self._opened_at = time.monotonic()
        self._open.set()

    # ---- requests --------------------------------------------------------------------------------------------------

    def put_states(self, path: str, rate: float, seconds: float, turn: int) -> dict[str, Any]:
        """READY and NOT_READY in turn, one agent after the other. ``turn``: 0 or 1, which of them comes first."""

        def request(number: int) -> tuple[bytes, Any]:
            who = self.people[number % self._agents()]
            away = (number // self._agents() + turn) % 2 == 1
            body = {"state": "NOT_READY", "reason": "break"} if away else {"state": "READY"}
            return message("PUT", path.format(**who), who["token"], body), who["agent"]

        return self._load(request, rate, seconds)

    def post_offers(self, path: str, rate: float, seconds: float) -> dict[str, Any]:
        """For the peer, to which no callers come."""

        def request(number: int) -> tuple[bytes, Any]:
            who = self.people[number % self._agents()]
            return message("POST", path, who["token"], {"agent": who["agent"]}), who["agent"]

        return self._load(request, rate, seconds)

    def every(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Once for each agent, as fast as it goes."""
        count, began = self._agents(), time.monotonic()

        def request(number: int) -> tuple[bytes, Any]:
            who = self.people[number]
            return message(method, path, who["token"], body), who["agent"]

        found = self._load(request, float("inf"), 0.0, count)
        return {**found, "seconds": time.monotonic() - began}

    def _agents(self) -> int:
        return sum(bool(who["agent"]) for who in self.people)

    def _load(
        self, request: Callable[[int], tuple[bytes, Any]], rate: float, seconds: float, count: int | None = None
    ) -> dict[str, Any]:
        """``took``: seconds of each; ``answers``: [agent, status, body] of each, the status 0 without an answer."""
        count = int(rate * seconds) if count is None else count
        due: Queue[tuple[float, bytes, Any] | None] = Queue()
        took: list[float] = []
        answers: list[list[Any]] = []

        def work() -> None:
            connection = Connection(self.port)
            while (one := due.get()) is not None:
                at, data, agent = one
                status, body = connection.ask(data)
                took.append(time.monotonic() - at)
                answers.append([agent, status, body])
            connection.close()

        workers = [gevent.spawn(work) for _ in range(min(count, CONNECTIONS))]
        began = time.monotonic()
        for number in range(count):
            at = began + number / rate
            gevent.sleep(max(0.0, at - time.monotonic()))
            due.put((at, *request(number)))
        for _ in workers:
            due.put(None)
        gevent.joinall(workers)
        return {"took": took, "answers": [[agent, status, since_of(body)] for agent, status, body in answers]}

    # ---- what came -------------------------------------------------------------------------------------------------

    def forget(self, last_id: str | None = None) -> dict[str, Any]:
        """What has come. ``last_id``: with which they come again, in the place of their own."""
        for stream in self.streams:
            stream.take()
            stream.last_id = stream.last_id if last_id is None else last_id
        return {"last_id": self.streams[-1].last_id}

    def settle(self, last_id: str) -> dict[str, Any]:
        """Until the last stream has the event with this id, and each of the others as many of its agent's states."""
        until = time.monotonic() + ANSWER_S
        while not self._settled(number_of(last_id)) and time.monotonic() < until:
            gevent.sleep(0.1)
        return {}

    def _settled(self, number: int) -> bool:
        *own, wide = self.streams
        states = Counter(seen.data["agent"] for seen in wide.events if seen.type == _STATE)
        return number_of(wide.last_id) >= number and all(
            sum(seen.type == _STATE for seen in stream.events) >= states[who["agent"]]
            for stream, who in zip(own, self.people, strict=False)
        )

    def wait_offers(self, count: int) -> dict[str, Any]:
        """Until so many have come."""
        until = time.monotonic() + ANSWER_S
        while time.monotonic() < until and count > sum(
            seen.type == _OFFER for stream in self.streams if stream.own for seen in stream.events
        ):
            gevent.sleep(0.1)
        return {}

    def offers(self) -> dict[str, Any]:
        """Seconds from each offer to its arrival at its agent."""
        mine = [seen for stream in self.streams if stream.own for seen in stream.take()]
        return {"took": [seen.late_s for seen in mine if seen.type == _OFFER]}

    def seen(self) -> dict[str, Any]:
        """Of each stream, what has come: [id, type, at, data]."""
        return {"streams": [[[one.id, one.type, one.at, one.data] for one in stream.take()] for stream in self.streams]}


class Connection:
    """One kept-alive connection, made when it is needed and after it was lost."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._file: Any = None

    def ask(self, data: bytes) -> tuple[int, bytes]:
        """(0, what failed) without an answer. Nothing is sent twice."""
        try:
            if self._socket is None:
                self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=ANSWER_S)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._file = self._socket.makefile("rb")
            self._socket.sendall(data)
            return self._answer()
        except (OSError, ValueError, IndexError) as error:
            self.close()
            return 0, str(error).encode()

    def _answer(self) -> tuple[int, bytes]:
        """Raises ValueError for one that is cut off: a server that is killed may have sent the head of it alone."""
        status = int(self._file.readline().split()[1])
        length = 0
        while (line := self._file.readline()) != b"\r\n":
            if not line:
                raise ValueError("the answer ends in its head")
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        body = self._file.read(length)
        if len(body) < length:
            raise ValueError("the answer ends in its body")
        return status, body

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = self._file = None


def message(method: str, path: str, token: str, body: dict[str, Any]) -> bytes:
    text = json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    return (head + f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n").encode() + text


def since_of(body: bytes) -> Any:
    """Of an answer: the state, since when, and the id of the newest event; of a refusal its error id."""
    try:
        found = json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")[:200]
    return found.get("error_id") or [found.get("state"), found.get("since"), found.get("last_event_id")]


def number_of(event_id: str) -> int:
    return int(event_id.rpartition("-")[2] or 0)


def serve() -> None:
    gc.disable()  # what came is kept to the end; to walk it again and again would be measured as lateness of the server
    clients: dict[str, Clients] = {}
    for line in FileObject(sys.stdin.fileno(), closefd=False):
        gevent.spawn(answer, clients, json.loads(line))


def answer(clients: dict[str, Clients], order: dict[str, Any]) -> None:
    """``{"id": 1, "of": "engine", "do": "connect", …}``."""
    number, of, do = order.pop("id"), order.pop("of"), order.pop("do")
    try:
        if do == "make":
            clients[of] = Clients(**order)
            found: Any = {}
        else:
            found = getattr(clients[of], do)(**order)
    except Exception as error:  # noqa: BLE001 - told to whoever asked
        found = {"failed": f"{type(error).__name__}: {error}"}
    print(json.dumps({"id": number, "found": found}), flush=True)


if __name__ == "__main__":
    serve()
