"""An hour of a large centre on virtual time: 500 agents, 8,000 contacts of 180 s, half the agents replaced in two
minutes. What the counts say is what the raw facts say."""

from __future__ import annotations

import heapq
import random
from collections import Counter, defaultdict
from typing import Any

from cti.acd import Distribution, Profile, QueueConfig, Wish
from cti.acd import inputs as i
from cti.acd import outputs as o
from cti.acd.counts import INTERVAL_S, QUEUE_COUNTS, changes, interval_of
from cti.acd.kpis import in_progress, service_level
from cti.acd.states import Outcome, Presence

HOUR_S = 3600.0
TALK_S = 180.0
SHIFT_AT, SHIFT_S = 1800.0, 120.0


class Centre:
    """Callers, phones and agents around the distribution; everything that happens is in one agenda."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.acd = Distribution()
        self.facts: list[o.Output] = []
        self._agenda: list[tuple[float, int, i.Input]] = []
        self._serial = 0
        for name in ("service", "sales", "fault"):
            self.tell(0.0, i.SetQueue(QueueConfig(name, {name: 1}, wrapup_s=15.0)))
        for number in range(500):
            self.sign_in(0.0, f"a{number}")
        for number in range(250):
            at = SHIFT_AT + SHIFT_S * number / 250
            self.plan(at, i.SetNotReady(f"a{number}", "shift_end"))
            self.sign_in(at, f"b{number}", planned=True)
        for number in range(8000):
            self.plan(HOUR_S * number / 8000, self.wish(number))

    def wish(self, number: int) -> i.Enter:
        queue = self.chance.choice(("service", "service", "sales", "fault"))
        medium = "chat" if number % 10 == 0 else "voice"
        return i.Enter(Wish(f"c{number}", queue, medium, priority=10 * (number % 50 == 0)))

    def sign_in(self, at: float, agent: str, *, planned: bool = False) -> None:
        skills = {name: self.chance.randint(1, 5) for name in self.chance.sample(("service", "sales", "fault"), 2)}
        for told in (i.SignIn(Profile(agent, skills, {"call": 1, "chat": 2})), i.SetReady(agent)):  # type: ignore[dict-item]
            (self.plan if planned else self.tell)(at, told)

    def plan(self, at: float, told: i.Input) -> None:
        self._serial += 1
        heapq.heappush(self._agenda, (at, self._serial, told))

    def tell(self, at: float, told: i.Input) -> None:
        for fact in self.acd.feed(told, at):
            self.facts.append(fact)
            self._react(fact)

    def _react(self, fact: o.Output) -> None:
        chance = self.chance
        if isinstance(fact, o.EntryBegan):
            self.plan(fact.at + chance.expovariate(1 / 120), i.Leave(fact.contact))
        elif isinstance(fact, o.OfferMade) and chance.random() > 0.02:
            self.plan(fact.at + chance.uniform(1, 4), i.Accept(fact.offer))
        elif isinstance(fact, o.OfferEnded) and str(fact.ending) == "accepted":
            self.plan(fact.at + 0.5, i.Connect(fact.contact))
        elif isinstance(fact, o.EntryEnded) and fact.outcome is Outcome.ANSWERED:
            self.plan(fact.at + TALK_S, i.TalkOver(fact.contact))
        elif isinstance(fact, o.PresenceChanged) and fact.reason == "ring_no_answer":
            self.plan(fact.at + 20, i.SetReady(fact.agent))

    def _in_line(self, contact: str) -> bool:
        case = self.acd.floor.cases.get(contact)
        return case is not None and case.in_line

    def run(self) -> None:
        while self._agenda:
            at, _, told = heapq.heappop(self._agenda)
            if isinstance(told, i.Leave) and not self._in_line(told.contact):
                continue  # connected: they stay until the end of the talk
            self.tell(at, told)
        self.tell(2 * HOUR_S, i.Tick())


def test_an_hour_reconciles() -> None:
    centre = Centre(7)
    centre.run()
    counts: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    for fact in centre.facts:
        for change in changes(fact):
            if change.kind == "queue":
                counts[interval_of(change.at), change.name][change.count] += change.by
    whole: Counter[str] = Counter()
    for (begins, _), found in counts.items():
        assert begins % INTERVAL_S == 0
        assert in_progress({name: found[name] for name in QUEUE_COUNTS}) == 0
        whole.update(found)
    assert whole["offered"] == 8000
    ended = [fact for fact in centre.facts if isinstance(fact, o.EntryEnded)]
    assert Counter(str(fact.outcome) for fact in ended) == {
        name: whole[name] for name in ("answered", "abandoned") if whole[name]
    }
    answered = [fact for fact in ended if fact.outcome is Outcome.ANSWERED]
    short = [fact for fact in ended if fact.outcome is Outcome.ABANDONED and fact.wait_s <= 5]
    raw = sum(fact.wait_s <= 20 for fact in answered) / (len(ended) - len(short))
    assert service_level(20).of(whole) == raw
    assert 0.3 < raw < 1.0, "neither an empty nor a hopeless hour"
    _times_are_whole(centre)


def _times_are_whole(centre: Centre) -> None:
    """Every second of every agent is in one bucket."""
    spent: Counter[str] = Counter()
    signed: dict[str, float] = {}
    for fact in centre.facts:
        if isinstance(fact, o.TimeSpent):
            spent[fact.agent] += fact.seconds  # type: ignore[assignment]
        elif isinstance(fact, o.PresenceChanged) and fact.before is Presence.LOGOUT:
            signed[fact.agent] = fact.at
    for agent, since in signed.items():
        desk = centre.acd.floor.desks[agent]
        open_s = centre.acd.floor.now - desk.bucket_since
        assert abs(spent[agent] + open_s - (centre.acd.floor.now - since)) < 1e-6
    handled: Any = Counter(fact.contact for fact in centre.facts if isinstance(fact, o.Handled))
    assert set(handled.values()) == {1}
