"""Questions over one multiplexed socket, and beside it a bare socket that sends and reads the same bytes.

Both ask the same office, a process of its own (`tests/boss/offices/socket_office.py`); both run as many greenlets. The
bare peer has no deadline, no sequence table and no types: what it is faster, the way's work costs.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import gevent
from gevent import socket

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from cti.boss.way import Question, Surroundings  # noqa: E402
from cti.boss.ways.socket import KIND  # noqa: E402
from cti.boss.ways.socket.options import SocketBackend, SocketTarget  # noqa: E402
from tests.boss.ways.socketkit import CORRELATE, FRAMES, MESSAGES  # noqa: E402

GREENLETS, NUMBER = 64, "13800138000"


def over_the_way(port: int, questions: int) -> float:
    """Questions per second."""
    raw: dict[str, Any] = {
        "addresses": [{"host": "127.0.0.1", "port": port}],
        "mode": "multiplex",
        "frame": FRAMES["binary"],
        "correlate": CORRELATE,
        "messages": MESSAGES["binary"],
    }
    way = KIND.open(SocketBackend.model_validate(raw), Surroundings("bench", ROOT))
    target = SocketTarget(message="QRYBAL")

    def ask(count: int) -> None:
        for _ in range(count):
            answer = way.ask(Question(target, {"msisdn": NUMBER}, None, time.monotonic() + 10))
            assert answer["msisdn"] == NUMBER

    ask(10)
    began = time.perf_counter()
    gevent.joinall([gevent.spawn(ask, questions // GREENLETS) for _ in range(GREENLETS)], raise_error=True)
    rate = questions // GREENLETS * GREENLETS / (time.perf_counter() - began)
    assert way.facts()["connections"] == 1
    assert way.facts()["outstanding"] == 0
    way.close()
    return rate


def bare(port: int, questions: int) -> float:
    """The same bytes by one bare socket, `GREENLETS` questions under way at any time. Questions per second."""
    request = bytes.fromhex("000000150001000000010001000b") + NUMBER.encode()
    sock = socket.create_connection(("127.0.0.1", port))
    sock.sendall(request)
    size = len(sock.recv(65_536))
    began, received, sent = time.perf_counter(), 0, 0
    while received < questions * size:
        ready = min(questions, received // size + GREENLETS) - sent
        for _ in range(ready):
            sock.sendall(request)
        sent += ready
        received += len(sock.recv(65_536))
    rate = questions / (time.perf_counter() - began)
    sock.close()
    return rate


def measure(questions: int = 20_000, runs: int = 3) -> list[tuple[float, float]]:
    """For each run, the two beside each other: (by the way, bare), per second."""
    office = subprocess.Popen(
        [sys.executable, "-m", "tests.boss.offices.socket_office"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert office.stdout is not None
        port = int(office.stdout.readline())
        return [(over_the_way(port, questions), bare(port, questions)) for _ in range(runs)]
    finally:
        office.kill()
        office.wait()


if __name__ == "__main__":
    for way, peer in measure():
        print(f"one multiplexed socket {way:,.0f}/s; the same bytes by a bare socket {peer:,.0f}/s")
