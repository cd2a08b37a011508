"""Hypothesis drives the distribution with everything that can happen; the witness compares after every step."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cti.acd import Distribution, Overflow, Profile, QueueConfig, Relax, Select, Slot, Wish
from cti.acd import inputs as i
from cti.acd.states import Outcome
from tests.acd.floorwatch import Witness

AGENTS = [f"a{number}" for number in range(6)]
CONTACTS = [f"c{number}" for number in range(14)]
SKILLS = ["zh", "en", "billing"]
QUEUES = ("service", "sales", "chat", "limited")
MEDIA = ["voice", "voice", "voice", "video", "chat", "chat", "sms", "fax", "callback"]

skills = st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 3), max_size=2)
profiles = st.builds(
    Profile,
    agent=st.sampled_from(AGENTS),
    skills=st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 3)),
    capacity=st.fixed_dictionaries(
        {Slot.CALL: st.integers(0, 1), Slot.CHAT: st.integers(0, 3)}, optional={Slot.SMS: st.just(2)}
    ),
    beside_call=st.sampled_from([frozenset(), frozenset({Slot.CHAT}), frozenset({Slot.CHAT, Slot.SMS})]),
)
seconds = st.sampled_from([0.0, 0.5, 1.0, 5.0, 20.0, 60.0])
wishes = st.builds(
    Wish,
    contact=st.sampled_from(CONTACTS),
    queue=st.sampled_from(QUEUES),
    medium=st.sampled_from(MEDIA),
    skills=skills,
    relax=st.lists(st.builds(Relax, after_s=seconds, skills=skills), max_size=2).map(
        lambda steps: tuple(sorted(steps, key=lambda step: step.after_s))
    ),
    priority=st.integers(-2, 3),
    prefer=st.none() | st.sampled_from(AGENTS),
    prefer_s=st.none() | seconds,
    max_wait_s=st.none() | seconds,
)


def queues(wrapup_s: float) -> list[QueueConfig]:
    return [
        QueueConfig(
            "service", wrapup_s=wrapup_s, overflow=(Overflow("sales", after_s=30), Overflow("limited", length=4))
        ),
        QueueConfig("sales", {"billing": 1}, priority=1, select=Select.BEST_SKILL, wrapup_s=5, after_work_ready=False),
        QueueConfig("chat", wait_unstaffed=True, ring_s=3),
        QueueConfig("limited", limit=2, overflow=(Overflow("service", wait_s=100), Overflow("chat", no_agents=True))),
    ]


class Floor(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.acd = Distribution(ageing_s=10)
        self.witness = Witness(self.acd)

    def tell(self, told: i.Input) -> None:
        self.witness.feed(told, self.now)

    @initialize(wrapup=st.sampled_from([0.0, 10.0]))
    def begin(self, wrapup: float) -> None:
        for queue in queues(wrapup):
            self.tell(i.SetQueue(queue))
        for agent in AGENTS[:3]:
            self.tell(i.SignIn(Profile(agent, {"zh": 2, "billing": 1}, {Slot.CALL: 1, Slot.CHAT: 2})))
            self.tell(i.SetReady(agent))

    @rule(passes=seconds)
    def wait(self, passes: float) -> None:
        self.now += passes
        self.tell(i.Tick())

    @rule(profile=profiles)
    def sign_in(self, profile: Profile) -> None:
        self.tell(i.SignIn(profile))

    @rule(profile=profiles)
    def set_profile(self, profile: Profile) -> None:
        self.tell(i.SetProfile(profile))

    @rule(agent=st.sampled_from(AGENTS), forced=st.booleans())
    def sign_out(self, agent: str, forced: bool) -> None:
        self.tell(i.SignOut(agent, forced))

    @rule(agent=st.sampled_from(AGENTS))
    def ready(self, agent: str) -> None:
        self.tell(i.SetReady(agent))

    @rule(agent=st.sampled_from(AGENTS), passes=seconds)
    def ready_after(self, agent: str, passes: float) -> None:
        self.now += passes
        self.tell(i.SetReady(agent))

    @rule(agent=st.sampled_from(AGENTS))
    def not_ready(self, agent: str) -> None:
        self.tell(i.SetNotReady(agent, "break"))

    @rule(agent=st.sampled_from(AGENTS), ready=st.none() | st.booleans())
    def choose_next(self, agent: str, ready: bool | None) -> None:
        self.tell(i.ChooseNext(agent, ready, "study"))

    @rule(agent=st.sampled_from(AGENTS), reason=st.sampled_from(["connection_down", "phone_down"]))
    def down(self, agent: str, reason: str) -> None:
        self.tell(i.AgentDown(agent, reason))

    @rule(wish=wishes)
    def enter(self, wish: Wish) -> None:
        self.tell(i.Enter(wish))

    @rule(contact=st.sampled_from(CONTACTS), agent=st.sampled_from(AGENTS))
    def place_call(self, contact: str, agent: str) -> None:
        self.tell(i.PlaceCall(contact, agent))

    @rule(contact=st.sampled_from(CONTACTS), agent=st.sampled_from(AGENTS), of=st.sampled_from(CONTACTS))
    def take_over(self, contact: str, agent: str, of: str) -> None:
        self.tell(i.TakeOver(contact, agent, of))

    @rule(contact=st.sampled_from(CONTACTS), agent=st.sampled_from(AGENTS))
    def pick_up(self, contact: str, agent: str) -> None:
        self.tell(i.PickUp(contact, agent))

    @rule(
        contact=st.sampled_from(CONTACTS), queue=st.sampled_from(("", *QUEUES)), agent=st.sampled_from(AGENTS),
        parked_s=st.none() | seconds, prefer_s=st.none() | seconds,
    )  # fmt: skip
    def park(self, contact: str, queue: str, agent: str, parked_s: float | None, prefer_s: float | None) -> None:
        self.tell(i.Enter(Wish(contact, queue, prefer=agent, prefer_s=prefer_s, counted=False, parked_s=parked_s)))

    @rule(
        contact=st.sampled_from(CONTACTS), outcome=st.sampled_from([Outcome.ABANDONED, Outcome.FLOW_OUT, Outcome.LOST])
    )
    def leave(self, contact: str, outcome: Outcome) -> None:
        self.tell(i.Leave(contact, outcome))

    @rule(contact=st.sampled_from(CONTACTS))
    def suspend(self, contact: str) -> None:
        self.tell(i.Suspend(contact))

    @rule(contact=st.sampled_from(CONTACTS), wish=wishes)
    def call_back(self, contact: str, wish: Wish) -> None:
        self.tell(i.CallBack(contact, Wish(wish.contact, wish.queue, "callback", wish.skills)))

    @rule(data=st.data())
    def accept(self, data: st.DataObject) -> None:
        if (offer := self._an_offer(data)) is not None:
            self.tell(i.Accept(offer))

    @rule(data=st.data(), passes=seconds)
    def accept_and_connect(self, data: st.DataObject, passes: float) -> None:
        if (offer := self._an_offer(data)) is not None:
            contact = self.acd.floor.offers[offer].case.contact
            self.tell(i.Accept(offer))
            self.now += passes
            self.tell(i.Connect(contact))

    @rule(data=st.data())
    def reject(self, data: st.DataObject) -> None:
        if (offer := self._an_offer(data)) is not None:
            self.tell(i.Reject(offer))

    @rule(data=st.data(), reason=st.sampled_from(["no_answer", "phone_down"]))
    def offer_failed(self, data: st.DataObject, reason: str) -> None:
        if (offer := self._an_offer(data)) is not None:
            self.tell(i.OfferFailed(offer, reason))

    @rule(offer=st.integers(0, 400))
    def late(self, offer: int) -> None:
        """Whatever comes for an offer that is over, or never was, is refused and changes nothing."""
        self.tell(i.Tick())
        if offer not in self.acd.floor.offers:
            for told in (i.Accept(offer), i.Reject(offer), i.OfferFailed(offer, "no_answer")):
                made = self.acd.feed(told, self.now)
                assert [type(fact).__name__ for fact in made] == ["Refused"]

    @rule(contact=st.sampled_from(CONTACTS))
    def connect(self, contact: str) -> None:
        self.tell(i.Connect(contact))

    @rule(contact=st.sampled_from(CONTACTS))
    def hold(self, contact: str) -> None:
        self.tell(i.Hold(contact))

    @rule(contact=st.sampled_from(CONTACTS))
    def retrieve(self, contact: str) -> None:
        self.tell(i.Retrieve(contact))

    @rule(contact=st.sampled_from(CONTACTS))
    def talk_over(self, contact: str) -> None:
        self.tell(i.TalkOver(contact))

    @rule(contact=st.sampled_from(CONTACTS), more=seconds)
    def extend(self, contact: str, more: float) -> None:
        self.tell(i.ExtendWork(contact, more))

    @rule(contact=st.sampled_from(CONTACTS))
    def finish(self, contact: str) -> None:
        self.tell(i.FinishWork(contact))

    @rule(contact=st.sampled_from(CONTACTS), queue=st.sampled_from(QUEUES))
    def move(self, contact: str, queue: str) -> None:
        self.tell(i.Move(contact, queue))

    @rule(contact=st.sampled_from(CONTACTS), priority=st.integers(-3, 3))
    def reprioritise(self, contact: str, priority: int) -> None:
        self.tell(i.Reprioritise(contact, priority))

    @rule(queue=st.sampled_from(QUEUES), opened=st.booleans())
    def open_queue(self, queue: str, opened: bool) -> None:
        self.tell(i.OpenQueue(queue, opened))

    @rule(wrapup=seconds)
    def set_queues(self, wrapup: float) -> None:
        for queue in queues(wrapup):
            self.tell(i.SetQueue(queue))

    @rule(contact=st.sampled_from(CONTACTS))
    def ask(self, contact: str) -> None:
        place = self.acd.tell(contact, self.now)
        assert place is None or (place.position >= 1 and (place.wait_s is None or place.wait_s >= 0))
        explained = self.acd.explain(contact, self.now)
        assert explained is None or explained.reason

    @invariant()
    def holds(self) -> None:
        self.witness.check()

    def teardown(self) -> None:
        """Everybody can leave: nothing stays for ever."""
        for contact in list(self.acd.floor.cases):
            self.tell(i.Leave(contact))
        self.now += 1000
        self.tell(i.Tick())
        for contact in list(self.acd.floor.cases):
            self.tell(i.FinishWork(contact))
        self.witness.check()
        assert not self.acd.floor.cases
        assert not self.witness.pending
        assert not self.witness.at_agent

    def _an_offer(self, data: st.DataObject) -> int | None:
        offers = sorted(self.acd.floor.offers)
        return data.draw(st.sampled_from(offers)) if offers else None


#: Examples that shrink; the great numbers of events are in test_long.py.
Floor.TestCase.settings = settings(
    max_examples=int(os.environ.get("CTI_MACHINE_EXAMPLES", "60")),
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestFloor = Floor.TestCase
