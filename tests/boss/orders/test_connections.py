"""Orders that other systems place over a connection."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import gevent
import pytest
from gevent import socket

from cti.boss.orders.runner import OrderRunner
from tests.boss.orders.orderkit import Rig, facts, rig
from tests.boss.rig import until

__all__ = ["rig"]  # the fixture

SOCKET = {
    "port": 0,
    "frame": {
        "header": [{"name": "len", "type": "dec", "size": 6}, {"name": "seq", "type": "dec", "size": 4}],
        "length": {"field": "len", "counts": "all"},
        "trailer": [{"name": "sum", "type": "hex", "size": 8}],
        "checksum": {"alg": "crc32", "field": "sum"},
        "max_bytes": 2000,
    },
    "body": {"codec": "json"},
    "reply": {"codec": "json"},
    "idle_s": 30,
}


class Client:
    def __init__(self, runner: OrderRunner) -> None:
        (listener,) = runner.listeners.values()
        self.codec = listener._codec
        self.parser = self.codec.parser()
        self.sock = socket.create_connection(("127.0.0.1", listener.port), 30)

    def order(self, seq: int = 1, **fields: Any) -> dict[str, Any]:
        self.send(self.codec.encode({"seq": seq}, json.dumps(fields).encode()))
        return self.answer(seq)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer(self, seq: int = 1) -> dict[str, Any]:
        while not (frames := self.parser.feed(self.sock.recv(4096))):
            pass
        (frame,) = frames
        assert frame.header["seq"] == seq
        found: dict[str, Any] = json.loads(frame.body)
        return found

    def ended(self) -> bool:
        try:
            return self.sock.recv(4096) == b""
        except ConnectionResetError:
            return True


@pytest.fixture
def listening(rig: Rig) -> Callable[..., OrderRunner]:
    def make(**options: Any) -> OrderRunner:
        runner = rig.runner(socket={**SOCKET, **options})
        runner.start()
        return runner

    return make


def test_an_order_is_answered_by_the_frame_with_its_number(rig: Rig, listening: Callable[..., OrderRunner]) -> None:
    client = Client(listening())
    accepted = {"key": "a", "state": "accepted", "id": "id-a", "code": ""}
    assert client.order(7, key="a", kind="callback", number="13800000001") == accepted
    assert client.order(8, key="a", kind="callback", number="13800000001") == accepted
    assert client.order(9, key="b", kind="message", number="95000")["code"] == "destination-denied"
    assert client.order(10, key="c", kind="fax")["code"] == "unknown-kind"
    assert client.order(11, kind="callback")["code"] == "bad-key"
    assert len(rig.taker.orders) == 2
    rig.taker.away = -1
    assert client.order(12, key="d", kind="callback")["state"] == "again"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"000030" + b"0001" + b"x" * 12 + b"00000000", "bad-checksum"),
        (b"000001" + b"0001", "bad-length"),
        (b"999999" + b"0001", "too-long"),
        (b"hello, world", "bad-header"),
    ],
)
def test_what_is_no_frame_ends_the_connection_and_no_other(
    listening: Callable[..., OrderRunner], data: bytes, code: str
) -> None:
    runner = listening()
    other, client = Client(runner), Client(runner)
    client.send(data)
    assert client.ended()
    assert code in facts(runner)[1], facts(runner)
    assert other.order(key="a", kind="callback", number="1")["state"] == "accepted"


def test_who_drips_or_ends_in_the_middle_or_may_not_connect(listening: Callable[..., OrderRunner]) -> None:
    runner = listening(idle_s=0.2)
    client = Client(runner)
    client.send(b"0000")
    assert client.ended()
    assert facts(runner)[1]["idle"] == 1
    half = Client(runner)
    half.send(b"0000")
    half.sock.shutdown(socket.SHUT_WR)
    assert half.ended()
    stranger = listening(peers=("10.0.0.0/8",))
    (listener,) = stranger.listeners.values()
    sock = socket.create_connection(("127.0.0.1", listener.port), 30)
    assert sock.recv(10) == b""
    until(lambda: facts(stranger)[1].get("peer-not-allowed") == 1, 30.0)


def test_nothing_is_left_of_a_listener(listening: Callable[..., OrderRunner]) -> None:
    runner = listening()
    (listener,) = runner.listeners.values()
    client = Client(runner)
    client.order(key="a", kind="callback", number="1")
    runner.close()
    assert client.ended()
    gevent.sleep(0)
    assert len(listener._pool) == 0
