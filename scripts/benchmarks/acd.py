"""How many decisions a second the distribution makes, and how that changes with agents and waiting contacts.

A decision is taken whenever an agent becomes free (which contact of all that wait?) and whenever a contact comes (which
agent of all that are free, or none?). Each round is a whole turn at full load: a talk ends and its agent is free, the
offer that follows is accepted and connected, and another contact comes: two decisions and two inputs more, whose time
counts too. The peer is the plain way in the same language: for each decision look at every waiting contact
(and, when a contact comes, at every agent) with the same rules; mod_callcenter does that in SQL.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time

from cti.acd import Distribution, Profile, QueueConfig, Wish
from cti.acd import inputs as i
from cti.acd.outputs import OfferMade

GOAL_PER_S = 20_000
GOAL_GROWTH = 2.0
SKILLS = [f"skill{number}" for number in range(50)]


class Floor:
    """A full house: every agent talks, and so many contacts wait."""

    def __init__(self, agents: int, waiting: int, chance: random.Random) -> None:
        self.acd, self.now, self.chance, self.offers = Distribution(), 0.0, chance, 0
        self.serial = 0
        self.talking: list[str] = []
        for number in range(10):
            self.feed(i.SetQueue(QueueConfig(f"queue{number}", wait_unstaffed=True)))
        for number in range(agents):
            skills = {name: chance.randint(1, 5) for name in chance.sample(SKILLS, 5)}
            self.feed(i.SignIn(Profile(f"agent{number}", skills)))
            self.feed(i.SetReady(f"agent{number}"))
        while len(self.acd.floor.cases) < waiting + len(self.talking) or len(self.talking) < agents * 0.9:
            self.enter()
        for _ in range(2 * agents):  # settle
            self.turn()
        self.trim(waiting)

    def feed(self, told: i.Input) -> None:
        for fact in self.acd.feed(told, self.now):
            if isinstance(fact, OfferMade):
                self.offers += 1
                self.acd.feed(i.Accept(fact.offer), self.now)
                self.acd.feed(i.Connect(fact.contact), self.now)
                self.talking.append(fact.contact)

    def enter(self) -> None:
        self.serial += 1
        chance = self.chance
        skills = {chance.choice(SKILLS): chance.randint(1, 3)}
        queue = f"queue{chance.randrange(10)}"
        self.feed(i.Enter(Wish(f"c{self.serial}", queue, skills=skills, priority=chance.choice((0, 0, 0, 1, 5)))))

    def turn(self) -> None:
        """Two decisions."""
        self.now += 0.01
        at = self.chance.randrange(len(self.talking))
        self.talking[at], self.talking[-1] = self.talking[-1], self.talking[at]
        self.feed(i.TalkOver(self.talking.pop()))
        self.enter()

    def trim(self, waiting: int) -> None:
        """To exactly so many who wait."""
        stand = [case.contact for case in self.acd.floor.cases.values() if case.in_line]
        for contact in stand[waiting:]:
            self.feed(i.Leave(contact))


def decisions_per_s(agents: int, waiting: int, seconds: float, seed: int) -> float:
    floor = Floor(agents, waiting, random.Random(seed))
    turns, floor.offers, begun = 0, 0, time.process_time()
    while time.process_time() - begun < seconds:
        for _ in range(200):
            floor.turn()
        turns += 200
    assert floor.offers > 0.9 * turns, "the house is not full"
    return 2 * turns / (time.process_time() - begun)


def plain_per_s(agents: int, waiting: int, seconds: float, seed: int) -> float:
    """The peer: no indexes; one decision looks at every contact that waits."""
    chance = random.Random(seed)
    desks = [{name: chance.randint(1, 5) for name in chance.sample(SKILLS, 5)} for _ in range(agents)]
    line = [(chance.random(), {chance.choice(SKILLS): chance.randint(1, 3)}) for _ in range(waiting)]
    made, begun = 0, time.process_time()
    while time.process_time() - begun < seconds:
        desk = desks[chance.randrange(agents)]
        fit = [
            (rank, at)
            for at, (rank, asked) in enumerate(line)
            if all(desk.get(name, 0) >= level for name, level in asked.items())
        ]
        if fit:
            _, at = min(fit)
            line[at] = (chance.random(), {chance.choice(SKILLS): chance.randint(1, 3)})
            made += 1
    return made / (time.process_time() - begun)


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--seconds", type=float, default=1.0, help="CPU seconds of each measurement")
    asked = options.parse_args()
    sizes = {(100, 100): [], (1_000, 1_000): [], (10_000, 10_000): []}  # type: dict[tuple[int, int], list[float]]
    plain: list[float] = []
    for seed in range(asked.repeats):  # interleaved, so that a busy moment meets all alike
        for size, found in sizes.items():
            found.append(decisions_per_s(*size, asked.seconds, seed))
        plain.append(plain_per_s(1_000, 1_000, asked.seconds, seed))
    for (agents, waiting), found in sizes.items():
        print(f"  {agents:>6,} agents, 50 skills, {waiting:>6,} waiting: {spread(found)} decisions a CPU second")
    middle = statistics.median(sizes[1_000, 1_000])
    growth = statistics.median(sizes[100, 100]) / statistics.median(sizes[10_000, 10_000])
    print(f"  plain search, 1,000 / 1,000 (peer): {spread(plain)}; ratio {middle / statistics.median(plain):.1f}")
    print(f"  cost of a decision at 10,000 / 10,000 to that at 100 / 100: {growth:.2f} (at most {GOAL_GROWTH})")
    met = middle >= GOAL_PER_S and growth <= GOAL_GROWTH
    print(f"  at least {GOAL_PER_S:,} a second at 1,000 / 1,000: {'met' if met else 'MISSED'}")
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
