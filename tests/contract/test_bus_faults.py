"""The bus over a PostgreSQL that breaks, and a member that was stopped: nothing stale, nothing twice, in order."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import gevent
import pytest

from cti.ports.cluster import Message
from cti.runtime.cluster import shared_bus
from cti.runtime.cluster.shared_bus import SharedBus
from cti.store.cluster import VOID
from tests.contract.buses import Ears, SharedRig, member, settle, wait
from tests.store.test_postgresql import Server, server

__all__ = ["server"]  # the fixture


@pytest.fixture
def rig(server: Server) -> Iterator[SharedRig]:
    found = SharedRig(server.url)
    yield found
    found.close()


def two(rig: SharedRig) -> tuple[Ears, Ears]:
    first, second = rig.join(member("n1/1")), rig.join(member("n1/2"))
    wait(lambda: first.comings == ["+n1/2"] and second.comings == ["+n1/1"])
    return first, second


def agree(first: Ears, second: Ears) -> None:
    """Who is back first sees the other as it was before that comes anew, too."""
    assert isinstance(first.bus, SharedBus)
    assert isinstance(second.bus, SharedBus)
    one, two = first.bus, second.bus
    wait(lambda: len(one._shown) == 2 and one._shown == two._shown)


def numbers(ears: Ears) -> list[int]:
    return [body["n"] for _, _, body in ears.messages]


def test_connections_that_break_lose_and_repeat_nothing(rig: SharedRig) -> None:
    first, second = two(rig)
    for number in range(300):
        first.send(second.bus, "t.count", n=number)
        if number % 100 == 50:
            rig.cut()
        gevent.sleep(0.001)
    wait(lambda: len(second.messages) == 300 or "-n1/1" in second.comings)
    if "-n1/1" not in second.comings:  # else it took so long that they came anew, and some are rightly lost
        assert numbers(second) == list(range(300))
    assert numbers(second) == sorted(set(numbers(second)))


def test_a_server_that_was_away_is_found_again_and_nothing_old_comes(rig: SharedRig, server: Server) -> None:
    first, second = two(rig)
    first.send(second.bus, "t.count", n=1)
    settle(first, second)
    server.stop()
    try:
        first.send(second.bus, "t.count", n=2)  # on its way when both find that they are cut off
        wait(lambda: first.comings[-1] == "-n1/2" and second.comings[-1] == "-n1/1")
        assert (set(first.bus.members()), first.bus.leader()) == ({"n1/1"}, None)
        first.send(second.bus, "t.count", n=3)
    finally:
        server.start()
    wait(lambda: first.comings[-1] == "+n1/2" and second.comings[-1] == "+n1/1")
    agree(first, second)
    settle(first, second)
    first.send(second.bus, "t.count", n=4)
    settle(first, second)
    assert numbers(second) == [1, 4]


def test_who_was_stopped_says_and_hears_nothing_stale(rig: SharedRig) -> None:
    first = rig.join(member("n1/1"))
    command = [sys.executable, "-m", "tests.contract.bus_process", rig.url.render_as_string(False), "n2/1"]
    process = subprocess.Popen(command)
    try:
        wait(lambda: any(kind == "t.tick" for _, kind, _ in first.messages))
        other = first.bus.members()["n2/1"]
        send = first.bus.send
        send(other.address, other.run, "t.echo", {"n": 1})
        wait(lambda: ("n2/1", "t.answer", {"n": 1}) in first.messages)
        process.send_signal(signal.SIGSTOP)
        for number in (2, 3):
            send(other.address, other.run, "t.echo", {"n": number})
        wait(lambda: first.comings[-1] == "-n2/1")
        send(other.address, other.run, "t.echo", {"n": 4})  # to nobody
        went_on = time.clock_gettime(time.CLOCK_BOOTTIME)
        process.send_signal(signal.SIGCONT)
        wait(lambda: first.comings[-1] == "+n2/1")
        send(other.address, other.run, "t.echo", {"n": 5})
        wait(lambda: ("n2/1", "t.answer", {"n": 5}) in first.messages)
    finally:
        process.kill()
        process.wait()
    assert [body["n"] for _, kind, body in first.messages if kind == "t.answer"] == [1, 5]
    gone = first.all.index("-n2/1")
    after = [one for one in first.all[gone:] if isinstance(one, Message)]
    assert all(one.body["sent"] >= went_on for one in after if one.kind == "t.tick")
    assert [one.sequence for one in after] == list(range(1, len(after) + 1))


def test_an_earlier_leader_says_nothing_even_to_who_has_not_heard_of_the_next(rig: SharedRig) -> None:
    one, worker = two(rig)
    bus = worker.bus
    assert isinstance(bus, SharedBus)
    first = rig.lead(one)
    kinds: list[str] = []
    bus._hear = lambda post, *_: kinds.append(post.kind)  # type: ignore[method-assign]  # before any epoch is looked at
    one.send(bus, "t.ring", epoch=first)
    wait(lambda: kinds == ["t.ring"])
    assert rig.lead(None) > first
    one.send(bus, "t.stale", epoch=first)
    one.send(bus, "t.nobody's")
    wait(lambda: len(kinds) == 3)
    assert kinds == ["t.ring", VOID, "t.nobody's"]


def test_more_than_can_be_kept_is_not_kept(
    rig: SharedRig, server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shared_bus, "WAITING_MAX", 20)
    first, second = two(rig)
    for number in range(50):
        first.send(second.bus, "t.count", n=number)
    wait(lambda: first.comings == ["+n1/2", "-n1/2", "+n1/2"])
    wait(lambda: second.comings == ["+n1/1", "-n1/1", "+n1/1"])
    agree(first, second)
    first.send(second.bus, "t.count", n=100)
    settle(first, second)
    assert numbers(second) == [100]
    assert "more is to be sent" in caplog.text
