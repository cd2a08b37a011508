"""What every bus of a cluster promises (`cti.ports.cluster`), in memory and over PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cti.ports.cluster import LONGEST, Message, TooLong
from tests.contract.buses import Ears, MemoryRig, Rig, SharedRig, leader_of, member, settle, wait
from tests.store.test_postgresql import server

__all__ = ["server"]  # the fixture


@pytest.fixture(params=["memory", "postgresql"])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    if request.param == "memory":
        yield MemoryRig()
        return
    found = SharedRig(request.getfixturevalue("server").url)
    yield found
    found.close()


def join(rig: Rig, *addresses: str) -> list[Ears]:
    """They know each other."""
    all_ears = [rig.join(member(address)) for address in addresses]
    for one in all_ears:
        others = {f"+{address}" for address in addresses if address != one.bus.me}
        wait(lambda others=others, one=one: others <= set(one.comings))  # type: ignore[misc]
    return all_ears


def test_everybody_knows_everybody(rig: Rig) -> None:
    one = member("n1/1", "flow", switches=("a", "b"))
    two = member("n2/acd", "acd", "api", api="http://127.0.0.1:1")
    first, second = rig.join(one), rig.join(two)
    wait(lambda: first.comings == ["+n2/acd"] and second.comings == ["+n1/1"])
    assert first.bus.members() == second.bus.members() == {"n1/1": one, "n2/acd": two}


def test_messages_come_in_order_and_once_to_who_listens(rig: Rig) -> None:
    first, second = join(rig, "n1/1", "n1/2")
    for number in range(200):
        first.send(second.bus, "t.count", n=number, text="héß\0")
    first.send(second.bus, "other")
    second.send(first.bus, "t.back")
    settle(first, second)
    assert second.messages == [("n1/1", "t.count", {"n": n, "text": "héß\0"}) for n in range(200)]
    assert first.messages == [("n1/2", "t.back", {})]


def test_an_earlier_run_gets_nothing_and_is_heard_no_more(rig: Rig) -> None:
    first, old = join(rig, "n1/1", "n1/2")
    rig.kill(old)
    new = rig.join(member("n1/2"))
    wait(lambda: first.comings == ["+n1/2", "-n1/2", "+n1/2"] and new.comings == ["+n1/1"])
    first.send(old.bus, "t.old")
    first.send(new.bus, "t.new")
    old.send(first.bus, "t.ghost")
    settle(first, new)
    assert (old.messages, first.messages, new.messages) == ([], [], [("n1/1", "t.new", {})])


def test_a_silent_one_is_gone(rig: Rig) -> None:
    first, silent, third = join(rig, "n1/1", "n1/2", "n1/3")
    rig.kill(silent)
    wait(lambda: "-n1/2" in first.comings and "-n1/2" in third.comings)
    assert set(first.bus.members()) == set(third.bus.members()) == {"n1/1", "n1/3"}


def test_a_leader_is_known_to_all_and_an_earlier_one_is_refused(rig: Rig) -> None:
    one, two, worker = join(rig, "n1/acd", "n2/acd", "n1/1")
    first = rig.lead(one)
    wait(lambda: worker.bus.leader() == leader_of(one, first) == one.bus.leader())
    one.send(worker.bus, "t.ring", epoch=first)
    settle(one, worker)
    rig.lead(None)
    wait(lambda: None in worker.all)
    second = rig.lead(two)
    assert second > first
    wait(lambda: worker.bus.leader() == leader_of(two, second))
    two.send(worker.bus, "t.bridge", epoch=second)
    settle(two, worker)
    one.send(worker.bus, "t.stale", epoch=first)
    one.send(worker.bus, "t.nobody's")
    settle(one, worker)
    assert [kind for _, kind, _ in worker.messages] == ["t.ring", "t.bridge", "t.nobody's"]
    assert [told for told in worker.all if told is None] == [None]


def test_what_a_member_says_of_itself_is_seen_by_all_and_nobody_is_gone(rig: Rig) -> None:
    first, second = join(rig, "n1/1", "n2/1")
    rig.drain(first, True)
    wait(lambda: second.bus.members()["n1/1"].draining and first.bus.members()["n1/1"].draining)
    rig.drain(first, False)
    wait(lambda: not second.bus.members()["n1/1"].draining and not first.bus.members()["n1/1"].draining)
    first.bus.tell(switches=("a",))
    wait(lambda: second.bus.members()["n1/1"].switches == ("a",))
    settle(first, second)
    assert second.comings == ["+n1/1"] * 4
    assert first.comings == ["+n2/1"]


def test_what_cannot_be_carried_is_refused_at_once(rig: Rig) -> None:
    first, second = join(rig, "n1/1", "n1/2")
    with pytest.raises(TooLong):
        first.send(second.bus, "t.long", text="x" * LONGEST)
    with pytest.raises(TypeError):
        first.send(second.bus, "t.set", no=object())


def test_one_who_listens_and_fails_harms_nobody(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    def fail(message: Message) -> None:
        raise LookupError(message.kind)

    first, second = join(rig, "n1/1", "n1/2")
    second.bus.listen("t.bad", fail)
    first.send(second.bus, "t.bad")
    first.send(second.bus, "t.good")
    settle(first, second)
    assert [kind for _, kind, _ in second.messages] == ["t.bad", "t.good"]
    assert "LookupError" in caplog.text
