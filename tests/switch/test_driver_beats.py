"""Heartbeat and orphan guard: what exactly is said to the switch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from cti.switch.guard import Guard
from cti.switch.holding import Fence
from cti.switch.links.errors import LinkLost
from cti.switch.links.pending import Pending
from cti.switch.liveness import Liveness


@dataclass
class ScriptedLinks:
    connected: bool = True
    said: list[str] = field(default_factory=list)

    def submit_api(self, command: str, *args: str) -> Any:
        if not self.connected:
            raise LinkLost("down")
        self.said.append(" ".join((command, *args)))
        return Pending()

    def take(self) -> list[str]:
        said, self.said = self.said, []
        return said


@pytest.fixture
def links() -> ScriptedLinks:
    return ScriptedLinks()


def guard_of(links: ScriptedLinks, after_s: int = 30) -> Guard:
    return Guard(links, after_s=after_s)  # type: ignore[arg-type]


def life_of(links: ScriptedLinks) -> Liveness:
    return Liveness(links, "2", guard_of(links), Fence())  # type: ignore[arg-type]


def beat(group: int, other: int, value: str = "1") -> list[str]:
    return [
        f"sched_del cti_alive_2_{group}",  # an end that an earlier engine left there would come too early
        f"sched_api +5 cti_alive_2_{group} global_setvar cti_alive_2=0",
        f"sched_del cti_alive_2_{other}",
        f"global_setvar cti_alive_2={value}",
    ]


def test_each_beat_schedules_its_own_end_before_it_takes_the_last_one_back(links: ScriptedLinks) -> None:
    life = life_of(links)
    for _ in range(3):
        life.beat()
    assert links.said == beat(1, 0) + beat(0, 1) + beat(1, 0)


def test_one_who_stops_says_so_at_once_and_goes_on_saying_it(links: ScriptedLinks) -> None:
    life = life_of(links)
    life.close()
    life.beat()
    assert links.said == beat(1, 0, "0") + beat(0, 1, "0")


def test_without_a_link_nothing_is_said(links: ScriptedLinks) -> None:
    links.connected = False
    life_of(links).beat()
    guard = guard_of(links)
    guard.hold("a")
    guard.release("a")
    assert links.said == []
    assert len(guard) == 0


def held(uuid: str, after_s: int = 30) -> list[str]:
    return [f"sched_del {uuid}", f"sched_transfer +{after_s} {uuid} 9999 XML emergency"]


def test_a_guard_is_set_and_taken_back_once(links: ScriptedLinks) -> None:
    guard = guard_of(links)
    guard.hold("a")
    guard.release("a")
    guard.release("a")
    assert links.said == [*held("a"), "sched_del a"]


@pytest.mark.parametrize("calls", [0, 1, 2, 3, 7, 50])
@pytest.mark.parametrize("tick_s", [0.3, 1.5, 3.0])
def test_every_guard_is_renewed_well_before_it_fires_and_never_all_at_once(
    links: ScriptedLinks, calls: int, tick_s: float
) -> None:
    guard = guard_of(links)
    names = [f"c{n}" for n in range(calls)]
    for name in names:
        guard.hold(name)
    links.take()
    ticks = int(guard.after_s / 2 / tick_s)
    renewed: list[str] = []
    for _ in range(ticks):
        guard.tick(tick_s)
        said = links.take()
        assert len(said) <= 2 * (calls * tick_s * 3 / guard.after_s + 1)
        renewed += [line.split()[1] for line in said if line.startswith("sched_del")]
    assert set(renewed) == set(names)
    assert renewed[:calls] == names


def test_who_comes_with_the_guard_of_the_dialplan_needs_none_for_a_while(links: ScriptedLinks) -> None:
    guard = guard_of(links)
    for number in range(30):  # calls of three seconds
        guard.hold(f"c{number}", fresh=True)
        guard.tick(1.5)
        guard.forget(f"c{number - 1}")
    assert links.said == []
    guard.hold("long", fresh=True)
    for _ in range(4):
        guard.tick(1.5)
    assert "sched_transfer +30 long 9999 XML emergency" in links.said


def test_a_guard_of_another_length_is_set_at_once(links: ScriptedLinks) -> None:
    guard = guard_of(links, 60)
    guard.hold("a", fresh=True)
    assert links.said == held("a", 60)
    guard.forget("a")
    guard.tick(60.0)
    guard.release("a")
    assert links.said == held("a", 60)


def test_a_long_pause_renews_all(links: ScriptedLinks) -> None:
    guard = guard_of(links)
    for name in "abc":
        guard.hold(name)
    links.take()
    guard.tick(100.0)
    assert links.said == [*held("a"), *held("b"), *held("c")]


def test_after_a_gap_every_guard_is_set_anew_and_those_of_a_dead_switch_are_forgotten(links: ScriptedLinks) -> None:
    guard = guard_of(links)
    for name in "abc":
        guard.hold(name)
    links.take()
    guard.resync(gone=["b"])
    assert links.said == [*held("a"), *held("c")]
    assert len(guard) == 2
