"""`scripts/bench api` in small: every process, every comparison, no time."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from cti.core.moments import iso
from scripts.benchmarks import _api_reconnect as reconnect
from scripts.benchmarks._api_client import Connection
from scripts.benchmarks._figures import percentile
from scripts.benchmarks.api import Size, measure

SMALL = Size(agents=10, calls=3, states_per_s=20, states_s=1, offers_per_s=5, offers_s=1, call_s=30, rest_s=0, rounds=1)


@pytest.mark.timeout(600)
def test_ten_agents_for_a_second() -> None:
    found = measure(SMALL)
    for sides, count in ((found.states, 20), (found.offers, 5)):
        for side, [load] in sides.items():
            assert (side, load.bad, len(load.took)) == (side, [], count)
    assert [(herd.name, herd.wrong) for herd in found.herds] == [
        ("network cut", []), ("engine killed and started", []), ("id not known any more", []),
    ]  # fmt: skip
    assert all(herd.events > 0 for herd in found.herds)


# ---- what it would find --------------------------------------------------------------------------------------------

T0 = 1_700_000_000.0
PEOPLE = [{"agent": "a0", "token": ""}, {"agent": "", "token": ""}]
STATES = ["READY", "NOT_READY", "READY"]


def events(numbers: list[int], boot: str = "b") -> list[list[Any]]:
    return [
        [f"{boot}-{n}", "agent.state_changed", iso(T0 + n), {"agent": "a0", "state": STATES[n], "reason": ""}]
        for n in numbers
    ]


@dataclass
class Told:
    """Clients and a site at once, who say what a test has written down."""

    own: list[list[Any]] = field(default_factory=lambda: events([0, 1, 2]))
    status: int = 200
    rows_kept: list[int] = field(default_factory=lambda: [0, 1, 2])
    people: list[dict[str, str]] = field(default_factory=lambda: PEOPLE)

    def order(self, of: str, do: str, **what: Any) -> int:
        return 1

    def result(self, number: int) -> Any:
        return {"answers": [["a0", self.status, ["READY", iso(T0), "b-2"]]]}

    def do(self, of: str, do: str, **what: Any) -> Any:
        return {"seen": {"streams": [self.own, events([0, 1, 2])]}, "cut": {"seconds": 0.1}}.get(do, {})

    def rows(self, query: str) -> list[dict[str, Any]]:
        return [
            {"agent": "a0", "presence": STATES[n], "reason": "", "began_at": T0 + n, "ended_at": None}
            for n in self.rows_kept
        ]


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        (Told(), 0),
        (Told(own=events([0, 2])), 2),  # not as the supervisor's, not as the rows
        (Told(own=events([0, 1, 1, 2])), 2),
        (Told(own=events([0, 2, 1])), 2),
        (Told(rows_kept=[0, 1]), 1),
        (Told(status=503), 1),
    ],
    ids=["all well", "missing", "twice", "out of order", "not on disk", "refused"],
)
def test_what_is_lost_is_found(told: Told, wrong: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnect.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(reconnect.time, "time", lambda: T0)
    herd = reconnect.cut(told, told)  # type: ignore[arg-type]
    assert len(herd.wrong) == wrong, herd.wrong
    assert herd.events == len(told.own)


@pytest.mark.parametrize(("share", "count", "wanted"), [(0.99, 1000, 990), (0.99, 100, 99), (0.5, 4, 2), (0.99, 1, 1)])
def test_percentiles_by_nearest_rank(share: float, count: int, wanted: int) -> None:
    assert percentile(share, list(range(count, 0, -1))) == wanted


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, b"{}"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", 0, b"the answer ends in its body"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", 0, b"the answer ends in its head"),
        (b"", 0, b"list index out of range"),
    ],
    ids=["whole", "no body", "half a head", "nothing"],
)
def test_an_answer_that_is_cut_off_is_none(sent: bytes, status: int, said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(100)
                peer.sendall(sent)

        thread = threading.Thread(target=answer)
        thread.start()
        connection = Connection(server.getsockname()[1])
        assert connection.ask(b"GET / HTTP/1.1\r\n\r\n") == (status, said)
        connection.close()
        thread.join()
