"""Who comes first: in turn, by priority that ages, and for one agent over all queues."""

from __future__ import annotations

import pytest

from cti.acd import QueueConfig, Select, Slot
from cti.acd import inputs as i
from cti.acd import outputs as o
from tests.acd.stage import K, Stage, refusal


def serve_all(stage: Stage, agent: str = "anna") -> list[str]:
    """The order in which one agent gets everybody."""
    stage.ready(agent)
    order = []
    while stage.acd.floor.desks[agent].contacts:
        [contact] = stage.acd.floor.desks[agent].contacts
        order.append(contact)
        stage.talk(contact)
        stage.over(contact)
    return order


def test_first_come_first_served() -> None:
    stage = Stage()
    stage.sign_in("anna", ready=False)
    for number in range(5):
        stage.enter(f"c{number}")
        stage.later(1.0 if number % 2 else 0.0)  # some come in the same instant
    assert serve_all(stage) == ["c0", "c1", "c2", "c3", "c4"]


def test_one_order_over_all_queues_of_an_agent() -> None:
    stage = Stage(QueueConfig("q"), QueueConfig("other", {"fr": 1}), QueueConfig("foreign", {"zh": 1}))
    stage.sign_in("anna", ready=False, fr=1)
    stage.sign_in("bert", ready=False, zh=1)
    for contact, queue in (("c0", "other"), ("c1", "foreign"), ("c2", "q"), ("c3", "other")):
        stage.enter(contact, queue)
        stage.later(1)
    assert serve_all(stage) == ["c0", "c2", "c3"]
    assert stage.waiting("foreign") == ["c1"], "anna may not serve it"


@pytest.mark.parametrize(("later_s", "first"), [(2 * K - 0.1, "vip"), (2 * K, "old"), (2 * K + 0.1, "old")])
def test_priority_overtakes_by_no_more_than_its_bound(later_s: float, first: str) -> None:
    """Two steps of priority are worth 20 s: who comes later than that does not go before."""
    stage = Stage()
    stage.sign_in("anna", ready=False)
    stage.enter("old", priority=1)
    stage.later(later_s)
    stage.enter("vip", priority=3)
    stage.later(1000)  # the rank does not change while they wait
    assert serve_all(stage)[0] == first


def test_a_stream_of_higher_priority_does_not_starve_anybody() -> None:
    """One of priority 0, and every second another of priority 3 for one agent who takes one each second: the bound is
    30 s, so at most the 30 that come by then go before."""
    stage = Stage()
    stage.sign_in("anna", ready=False)
    stage.enter("old")
    stage.later(0.5)
    stage.enter("n0", priority=3)
    stage.ready("anna")
    served = 0
    while "old" not in stage.served():
        stage.later(1)
        stage.enter(f"n{served + 1}", priority=3)
        [contact] = stage.acd.floor.desks["anna"].contacts
        stage.talk(contact)
        stage.over(contact)
        served += 1
        assert served <= 31
    assert served == 30


def test_the_priority_of_the_queue_counts_as_the_contact_s() -> None:
    stage = Stage(QueueConfig("q"), QueueConfig("gold", priority=2))
    stage.sign_in("anna", ready=False)
    stage.enter("c0")
    stage.later(2 * K - 1)
    stage.enter("c1", "gold")
    stage.enter("c2", "gold", priority=-2)
    assert serve_all(stage) == ["c1", "c0", "c2"]


def test_longest_idle_is_asked_first() -> None:
    stage = Stage()
    for agent in ("anna", "bert", "cleo"):
        stage.sign_in(agent)
        stage.later(10)
    stage.enter("c0")
    assert stage.agent("c0") == "anna"
    stage.talk("c0")
    stage.over("c0")  # the last contact's end counts
    stage.tell(i.SetNotReady("bert", "break"))
    stage.later(1)
    stage.ready("bert")  # … and READY anew
    for contact, agent in (("c1", "cleo"), ("c2", "anna"), ("c3", "bert")):
        stage.enter(contact)
        assert stage.agent(contact) == agent
    why = [fact.why for fact in stage.of(o.OfferMade)]
    assert [(reason.cause, reason.select) for reason in why] == [("contact_came", "longest_idle")] * 4
    assert [reason.idle_s for reason in why] == [30, 11, 1, 0]


def test_best_skill_goes_before_longest_idle() -> None:
    stage = Stage(QueueConfig("q", {"zh": 1}, select=Select.BEST_SKILL))
    for agent, level in (("anna", 1), ("bert", 3), ("cleo", 3), ("dora", 2)):
        stage.sign_in(agent, zh=level)
        stage.later(1)
    for contact, agent in (("c0", "bert"), ("c1", "cleo"), ("c2", "dora"), ("c3", "anna")):
        stage.enter(contact)
        assert stage.agent(contact) == agent


def test_reprioritise_moves_a_contact_in_its_line() -> None:
    stage = Stage()
    stage.sign_in("anna", ready=False)
    for contact in ("c0", "c1", "c2"):
        stage.enter(contact)
        stage.later(1)
    stage.tell(i.Reprioritise("c2", 1))
    assert stage.waiting() == ["c2", "c0", "c1"]
    stage.tell(i.Reprioritise("c0", -1))
    assert [(fact.contact, fact.priority) for fact in stage.of(o.PriorityChanged)] == [("c2", 1), ("c0", -1)]
    assert stage.waiting() == ["c2", "c1", "c0"]
    assert serve_all(stage) == ["c2", "c1", "c0"]
    assert refusal(stage.tell(i.Reprioritise("c0", 1))) == "unknown-contact"


def test_reprioritise_while_it_rings_counts_when_the_offer_fails() -> None:
    stage = Stage()
    stage.sign_in("anna")
    stage.enter("c0")
    stage.enter("c1")
    stage.tell(i.Reprioritise("c0", -1))
    stage.tell(i.Reject(stage.offer("c0")))
    assert stage.waiting() == ["c1", "c0"]
    stage.ready("anna")
    assert refusal(stage.tell(i.Reprioritise("nobody", 1))) == "unknown-contact"
    stage.talk("c1")
    assert refusal(stage.tell(i.Reprioritise("c1", 1))) == "not-waiting"


def test_move_keeps_the_rank() -> None:
    stage = Stage(QueueConfig("q"), QueueConfig("other"))
    stage.sign_in("anna", ready=False)
    stage.enter("c0")
    stage.later(5)
    stage.enter("c1", "other")
    stage.tell(i.Move("c0", "other"))
    assert stage.waiting("other") == ["c0", "c1"]
    assert stage.ended("c0") == [("q", "flow_out", "moved")]
    assert serve_all(stage) == ["c0", "c1"]


def test_what_cannot_be_moved() -> None:
    stage = Stage(QueueConfig("q"), QueueConfig("shut"))
    stage.sign_in("anna")
    stage.enter("c0")
    stage.tell(i.OpenQueue("shut", False))
    assert refusal(stage.tell(i.Move("c0", "q"))) == "not-waiting"  # it rings
    assert refusal(stage.tell(i.Move("c0", "nowhere"))) == "unknown-queue"
    assert refusal(stage.tell(i.Move("c0", "shut"))) == "queue-closed"
    assert refusal(stage.tell(i.Move("c1", "q"))) == "unknown-contact"


@pytest.mark.parametrize(
    ("wish", "error"),
    [({"queue": "nowhere"}, "unknown-queue"), ({"medium": "pigeon"}, "unknown-medium"), ({}, "already-queued")],
)
def test_what_cannot_enter(wish: dict[str, str], error: str) -> None:
    stage = Stage(QueueConfig("q", wait_unstaffed=True))
    stage.enter("c0")
    contact = "c1" if wish else "c0"
    assert refusal(stage.enter(contact, **wish)) == error
    assert stage.waiting() == ["c0"]


def test_capacity_and_blending() -> None:
    """One call and two chats: a call closes the other slots, a chat keeps a call away, unless the profile says."""
    stage = Stage()
    stage.sign_in("anna", call=1, chat=2)
    for contact, medium in (("chat0", "chat"), ("chat1", "chat"), ("chat2", "chat"), ("call0", "voice")):
        stage.enter(contact, medium=medium)
        stage.later(1)
    assert [stage.agent(contact) for contact in ("chat0", "chat1", "chat2", "call0")] == ["anna", "anna", "", ""]
    for contact in ("chat0", "chat1"):
        stage.talk(contact)
    stage.over("chat0")
    assert stage.agent("chat2") == "anna"
    stage.talk("chat2")
    stage.over("chat1")
    assert stage.agent("call0") == "", "a chat is at hand still"
    stage.over("chat2")
    assert stage.agent("call0") == "anna"
    stage.enter("chat3", medium="chat")
    assert stage.agent("chat3") == ""


def test_a_profile_may_open_slots_beside_a_call() -> None:
    stage = Stage()
    stage.sign_in("anna", call=1, chat=1, sms=1, beside=frozenset({Slot.CHAT}))
    stage.enter("call0")
    stage.enter("chat0", medium="chat")
    stage.enter("sms0", medium="sms")
    assert [stage.agent(contact) for contact in ("call0", "chat0", "sms0")] == ["anna", "anna", ""]
    stage.tell(i.Leave("call0"))
    assert stage.agent("sms0") == "anna"
    stage.tell(i.Leave("sms0"))
    stage.enter("call1", medium="callback")  # a callback needs the same phone
    assert stage.agent("call1") == "anna", "a chat beside does not keep it away"
    stage.enter("call2", medium="video")
    assert stage.agent("call2") == ""


def test_a_changed_profile_counts_at_once() -> None:
    stage = Stage(QueueConfig("q", {"zh": 2}))
    stage.sign_in("bert", ready=False, zh=2)
    stage.sign_in("anna", zh=1)
    stage.enter("c0")
    assert stage.agent("c0") == ""
    stage.tell(i.SetProfile(profile_of(stage, "anna", zh=2)))
    assert stage.agent("c0") == "anna"
    stage.tell(i.SetProfile(profile_of(stage, "anna", zh=1)))
    assert stage.agent("c0") == "anna", "what is at the agent stays"
    stage.talk("c0")
    stage.over("c0")
    stage.enter("c1")
    assert stage.agent("c1") == ""
    assert refusal(stage.tell(i.SetProfile(profile_of(stage, "nobody")))) == "unknown-agent"


def profile_of(stage: Stage, agent: str, **skills: int) -> i.Profile:
    return i.Profile(agent, skills)
