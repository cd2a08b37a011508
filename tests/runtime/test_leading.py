"""The leader's end of the bus: what is ordered early, of a run that is over, and of a worker that is gone."""

from __future__ import annotations

import gevent

from cti.core import legs as l
from cti.ports.cluster import Member, Message
from cti.runtime.cluster.leading import Leading
from cti.runtime.cluster.memory_bus import MemoryBus, MemoryHub

PHONE = l.Phone("user/1001")


class Sink:
    def __init__(self) -> None:
        self.told: list[l.LegEvent] = []

    def leg_event(self, event: l.LegEvent) -> None:
        self.told.append(event)


class Rig:
    """A leader, and one worker that only listens."""

    def __init__(self) -> None:
        self.hub, self.sink = MemoryHub(), Sink()
        acd = self.hub.join(Member("one/acd", "acd", frozenset({"acd"})))
        self.hub.lead(acd)
        self.heard: list[str] = []
        self.worker = self.begin("first")
        self.leading = Leading(acd, 1, lambda _phone: None)

    def begin(self, run: str) -> MemoryBus:
        self.worker = self.hub.join(Member("two/0", run, frozenset({"flow"}), switches=("fs",)))
        self.worker.listen("", self._hear)
        return self.worker

    def _hear(self, message: Message) -> None:
        self.heard.append(message.kind)


def settle() -> None:
    gevent.sleep(0)
    gevent.sleep(0)


def test_what_is_ordered_before_the_start_comes_after_the_leader_has_said_who_leads() -> None:
    rig = Rig()
    rig.leading.legs("two/0", "first", "fs").keep("leg", PHONE)
    settle()
    assert not rig.heard
    rig.leading.start(rig.sink)
    settle()
    assert rig.heard == ["here", "leg.keep"]


def test_legs_that_an_earlier_leader_had_are_of_the_run_that_is_there() -> None:
    rig = Rig()
    rig.begin("second")
    settle()
    rig.leading.start(rig.sink)
    kept = rig.leading.legs("two/0", "first", "fs").name
    rig.leading.legs_of(kept).keep("leg", PHONE)
    settle()
    assert rig.heard == ["here", "leg.keep"]
    assert rig.leading.legs_of(kept) is rig.leading.legs("two/0", "second", "fs")


def test_nothing_is_ordered_of_legs_that_are_lost() -> None:
    """The worker may only have been silent, and its talks go on: they are not hung up by a leader who gave them up."""
    rig = Rig()
    rig.leading.start(rig.sink)
    legs = rig.leading.legs("two/0", "first", "fs")
    legs.told(l.LegFound("leg", "bridged", "caller"))
    settle()
    heard, refused = list(rig.heard), []
    legs.told(l.LegFound("kept", "bridged", "other"))
    [lost] = rig.leading.part_with("two/0", "first")
    lost.let_go({"kept"})
    lost.lose()
    legs.hang_up("leg")
    legs.mute("leg", True, refused.append)
    settle()
    assert rig.heard == heard
    gone = [event for event in rig.sink.told if isinstance(event, l.LegHungUp)]
    assert (gone[0], refused) == (l.LegHungUp("leg", ""), [False])
    assert all(event.leg == "leg" for event in gone), "what is asked for elsewhere is not told to be gone"
