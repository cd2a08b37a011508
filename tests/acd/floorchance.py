"""A driver by seeded chance for long runs: the rules of the state machine, without Hypothesis' cost for each step."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from cti.acd import Profile, Relax, Slot, Wish
from cti.acd.states import Outcome
from tests.acd.floorwatch import Witness
from tests.acd.test_machine import AGENTS, CONTACTS, MEDIA, QUEUES, SKILLS, Floor

SECONDS = [0.0, 0.5, 1.0, 5.0, 20.0, 60.0]
BESIDE = [frozenset[Slot](), frozenset({Slot.CHAT}), frozenset({Slot.CHAT, Slot.SMS})]


class Drawn:
    """Stands where Hypothesis' data would: a rule that draws one of the open offers."""

    def __init__(self, machine: Floor, chance: random.Random) -> None:
        self._machine, self._chance = machine, chance

    def draw(self, _strategy: Any) -> int:
        return self._chance.choice(sorted(self._machine.acd.floor.offers))


def drive(seed: int, events: int, every: int) -> tuple[int, Witness]:
    """At least ``events`` inputs, the witness comparing after each ``every`` rules and at the end; how many there
    were, and the books."""
    chance = random.Random(seed)
    machine = Floor()
    told = 0
    feed = machine.tell

    def count(what: Any) -> None:
        nonlocal told
        told += 1
        feed(what)

    machine.tell = count  # type: ignore[method-assign]
    machine.begin(wrapup=10.0)
    rules = _rules(machine, chance)
    steps = 0
    while told < events:
        chance.choice(rules)()
        steps += 1
        if steps % every == 0:
            machine.witness.check()
    machine.teardown()
    return told, machine.witness


def _rules(machine: Floor, chance: random.Random) -> list[Callable[[], None]]:
    pick = chance.choice
    data: Any = Drawn(machine, chance)

    def skills(most: int) -> dict[str, int]:
        return {name: chance.randint(1, 3) for name in chance.sample(SKILLS, chance.randint(0, most))}

    def profile() -> Profile:
        capacity = {Slot.CALL: chance.randint(0, 1), Slot.CHAT: chance.randint(0, 3), Slot.SMS: pick([0, 2])}
        return Profile(pick(AGENTS), skills(3), capacity, pick(BESIDE))

    def wish() -> Wish:
        steps = sorted(pick(SECONDS) for _ in range(chance.randint(0, 2)))
        return Wish(
            pick(CONTACTS), pick(QUEUES), pick(MEDIA), skills(2), tuple(Relax(at, skills(1)) for at in steps),
            chance.randint(-2, 3), pick([None, *AGENTS]), pick([None, *SECONDS]), pick([None, *SECONDS]),
        )  # fmt: skip

    def contact() -> str:
        return pick(CONTACTS)

    outcomes = [Outcome.ABANDONED, Outcome.FLOW_OUT, Outcome.LOST]
    often: list[Callable[[], None]] = [
        lambda: machine.enter(wish()),
        lambda: machine.ready(pick(AGENTS)),
        lambda: machine.accept_and_connect(data, pick(SECONDS)),
        lambda: machine.talk_over(contact()),
        lambda: machine.wait(pick(SECONDS)),
    ]
    return often * 3 + [
        lambda: machine.sign_in(profile()),
        lambda: machine.set_profile(profile()),
        lambda: machine.sign_out(pick(AGENTS), pick([True, False])),
        lambda: machine.not_ready(pick(AGENTS)),
        lambda: machine.choose_next(pick(AGENTS), pick([None, True, False])),
        lambda: machine.down(pick(AGENTS), pick(["connection_down", "phone_down"])),
        lambda: machine.leave(contact(), pick(outcomes)),
        lambda: machine.place_call(contact(), pick(AGENTS)),
        lambda: machine.pick_up(contact(), pick(AGENTS)),
        lambda: machine.park(
            contact(), pick(["", *QUEUES]), pick(AGENTS), pick([None, *SECONDS]), pick([None, *SECONDS])
        ),
        lambda: machine.suspend(contact()),
        lambda: machine.call_back(contact(), wish()),
        lambda: machine.accept(data),
        lambda: machine.reject(data),
        lambda: machine.offer_failed(data, pick(["no_answer", "phone_down"])),
        lambda: machine.connect(contact()),
        lambda: machine.hold(contact()),
        lambda: machine.retrieve(contact()),
        lambda: machine.extend(contact(), pick(SECONDS)),
        lambda: machine.finish(contact()),
        lambda: machine.move(contact(), pick(QUEUES)),
        lambda: machine.reprioritise(contact(), chance.randint(-3, 3)),
        lambda: machine.open_queue(pick(QUEUES), pick([True, True, False])),
        lambda: machine.set_queues(pick(SECONDS)),
        lambda: machine.ask(contact()),
    ]
