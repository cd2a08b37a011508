"""Who takes up the calls of a dead worker, and when: pure, on a clock of the test's."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from cti.core.errors import StoreUnavailable, SwitchUnavailable
from cti.core.snapshots import Sign, SlotSeen
from cti.runtime.survivor import LOOK_S, SILENT_S, Survivor, worker_of

ENGINES = {slot: f"cti-{slot}.host.{100 + slot}.{slot:08x}" for slot in range(4)}


@dataclass
class FakeSwitch:
    """``holders``: slot -> engine; ``living``: slots."""

    name: str
    holders: dict[int, str] = field(default_factory=lambda: dict(ENGINES))
    living: set[int] = field(default_factory=lambda: {0, 1, 2, 3})
    up: bool = True
    fails: bool = False
    moved: list[str] = field(default_factory=list)

    def slots(self) -> dict[int, SlotSeen]:
        return {slot: SlotSeen(self.holders.get(slot, ""), slot in self.living) for slot in range(4)}

    def move_calls(self, dead: str) -> int:
        if self.fails:
            raise SwitchUnavailable("gone")
        self.moved.append(dead)
        return 1


class World:
    """Engines of some slots, each of which looks every `LOOK_S`, and one database."""

    def __init__(self, *slots: int, switches: int = 1) -> None:
        self.now = 1000.0
        self.switches = [FakeSwitch(f"fs{number}") for number in range(switches)]
        self.signs = {f"cti/{slot}": Sign(1, 50.0) for slot in range(4)}
        self.beating = {f"cti/{slot}" for slot in range(4)}
        self.taken: list[tuple[str, str]] = []
        self.engines = {slot: self._engine(slot) for slot in slots}

    def _engine(self, slot: int) -> Survivor:
        def take_up(worker: str, seen: Sign) -> bool:
            if self.signs[worker] != seen:
                return False
            self.signs[worker] = Sign(seen.epoch + 1, seen.seen_at)
            self.taken.append((f"cti/{slot}", worker))
            return True

        return Survivor(
            f"cti/{slot}", ENGINES[slot], lambda: self.switches, self.signs.get, take_up, clock=lambda: self.now
        )

    def die(self, slot: int) -> None:
        self.beating.discard(f"cti/{slot}")
        for switch in self.switches:
            switch.living.discard(slot)

    def run(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now += LOOK_S
            for worker in self.beating:
                self.signs[worker] = Sign(self.signs[worker].epoch, self.signs[worker].seen_at + LOOK_S)
            for engine in self.engines.values():
                engine.look()


def test_the_lowest_slot_that_lives_takes_them_after_lease_and_margin() -> None:
    world = World(1, 2, 3)
    world.run(60.0)
    world.die(0)
    world.run(SILENT_S - LOOK_S)
    assert world.taken == []
    world.run(2 * LOOK_S)
    assert (world.taken, world.switches[0].moved) == ([("cti/1", "cti/0")], [ENGINES[0]])
    world.run(60.0)
    assert (world.taken, world.switches[0].moved) == ([("cti/1", "cti/0")], [ENGINES[0]])


def test_the_silence_is_counted_from_the_last_sign_not_from_the_end_of_the_slot() -> None:
    """The switch lets go of a slot up to 5 s after its engine's death."""
    world = World(1, 2, 3)
    world.run(60.0)
    world.beating.discard("cti/0")
    world.run(5.0)
    world.die(0)
    world.run(2 * LOOK_S)
    assert world.taken == [("cti/1", "cti/0")]


def test_who_was_stopped_itself_has_seen_no_silence() -> None:
    """Everything on this machine has slept; the others are only late."""
    world = World(1)
    world.run(60.0)
    world.now += 60.0
    world.switches[0].living = {1}
    world.engines[1].look()
    assert world.taken == []
    world.switches[0].living = {0, 1, 2, 3}
    world.run(60.0)
    assert world.taken == []


def test_when_the_survivor_dies_too_the_next_one_has_both() -> None:
    world = World(1, 2, 3)
    world.die(0)
    world.run(20.0)
    world.switches[0].holders[0] = ENGINES[1]  # as it is once they are moved
    del world.engines[1]
    world.die(1)
    world.run(20.0)
    assert world.taken == [("cti/1", "cti/0"), ("cti/2", "cti/1")]


@pytest.mark.parametrize("lives", ["on another switch", "in the database", "again"])
def test_who_lives_is_left_alone(lives: str) -> None:
    """Its link to one switch is cut; it drains, so that no new calls go there; it was restarted in time."""
    world = World(1, switches=2)
    if lives == "on another switch":
        world.beating.discard("cti/0")
        world.switches[0].living.discard(0)
    elif lives == "in the database":
        for switch in world.switches:
            switch.living.discard(0)
    else:
        world.die(0)
        world.run(SILENT_S - LOOK_S)
        world.signs["cti/0"] = Sign(2, 60.0)
    world.run(SILENT_S if lives == "again" else 60.0)
    assert world.taken == []


def test_two_that_both_think_they_are_lowest_are_told_apart_by_the_database() -> None:
    world = World(1, 2, switches=2)
    one, two = world.switches
    one.living, two.living = {1}, {2}
    world.beating = {"cti/1", "cti/2"}
    one.holders, two.holders = {0: ENGINES[0], 1: ENGINES[1]}, {0: ENGINES[0], 2: ENGINES[2]}
    world.engines[1]._switches, world.engines[2]._switches = (lambda: [one]), (lambda: [two])
    world.run(SILENT_S + 2 * LOOK_S)
    assert world.taken == [("cti/1", "cti/0")]
    assert (one.moved, two.moved) == ([ENGINES[0]], [])
    world.run(60.0)  # what the first one never sees is the second one's, where calls begin again
    assert two.moved == [ENGINES[0]]


def test_an_engine_of_another_database_is_none_of_ours() -> None:
    world = World(1)
    world.switches[0].holders[0] = "cti-9.host.1.ab"
    world.die(0)
    world.run(60.0)
    assert world.taken == []


def test_calls_on_a_switch_that_is_away_are_moved_when_it_is_back() -> None:
    world = World(1, switches=3)
    world.die(0)
    world.switches[1].up, world.switches[2].fails = False, True
    with pytest.raises(SwitchUnavailable):
        world.run(60.0)
    assert [one.moved for one in world.switches] == [[ENGINES[0]], [], []]
    world.switches[1].up, world.switches[2].fails = True, False
    world.run(5.0)
    assert [one.moved for one in world.switches] == [[ENGINES[0]]] * 3
    assert world.taken == [("cti/1", "cti/0")]


def test_an_engine_that_was_stopped_itself_looks_anew_first() -> None:
    """What it saw last is hours old when it goes on; the others have lived all the time."""
    world = World(1)
    world.switches[0].living.discard(0)
    world.run(SILENT_S - LOOK_S)
    world.now += 7200.0
    world.run(LOOK_S)
    assert world.taken == []


def test_nobody_takes_anything_while_the_database_does_not_answer() -> None:
    world = World(1)
    world.die(0)

    def away(_worker: str) -> Sign | None:
        raise StoreUnavailable("gone")

    ask, world.engines[1]._sign = world.engines[1]._sign, away
    with pytest.raises(StoreUnavailable):
        world.run(60.0)
    world.engines[1]._sign = ask
    world.run(SILENT_S + 2 * LOOK_S)
    assert world.taken == [("cti/1", "cti/0")]


def test_what_an_earlier_run_of_ours_had_begun_to_move_is_moved() -> None:
    world = World(1)
    world.switches[0].holders[0] = "cti-1.host.7.abc"
    world.switches[0].living.discard(0)
    world.run(LOOK_S)
    assert (world.taken, world.switches[0].moved) == ([], ["cti-1.host.7.abc"])


@pytest.mark.parametrize(
    ("holder", "worker"),
    [
        ("cti-0.host.1.ab12", "cti/0"),
        ("a-b.c-3.my-host.22.ff", "a-b.c/3"),
        ("", None),
        ("cti", None),
        ("cti-0.host", None),
        ("cti-x.host.1.ab", None),
    ],
)
def test_the_worker_of_a_holder(holder: str, worker: str | None) -> None:
    assert worker_of(holder) == worker
