"""Calls that agents place, contacts that are parked, and those that somebody picks up."""

from __future__ import annotations

from collections import Counter

from cti.acd import QueueConfig, Wish
from cti.acd import inputs as i
from cti.acd import outputs as o
from cti.acd.counts import changes
from cti.acd.states import ContactState, Presence
from tests.acd.stage import Stage, refusal

Q = QueueConfig("q", wrapup_s=30, ring_s=20, wait_unstaffed=True)


def parked(stage: Stage, contact: str = "c0", queue: str = "q", **wish: object) -> None:
    asked = {"prefer": "anna", "prefer_s": 10.0, "parked_s": 60.0, "counted": False} | wish
    stage.tell(i.Enter(Wish(contact, queue, **asked)))  # type: ignore[arg-type]


def counted(stage: Stage) -> Counter[tuple[str, str, str]]:
    found: Counter[tuple[str, str, str]] = Counter()
    for fact in stage.facts:
        for change in changes(fact):
            found[change.kind, change.name, change.count] += change.by  # type: ignore[assignment]
    return found


def test_a_call_that_an_agent_places_is_handled_work_and_no_queue_s() -> None:
    stage = Stage(Q)
    stage.tell(i.SetQueue(QueueConfig("", wrapup_s=15)))
    stage.sign_in("anna", ready=False)
    stage.tell(i.PlaceCall("c0", "anna"))
    assert (stage.state("c0"), stage.agent("c0")) == (ContactState.RESERVED, "anna")
    stage.later(5)
    stage.tell(i.Connect("c0"))
    stage.later(60)
    stage.over("c0")
    assert stage.state("c0") is ContactState.WORK
    stage.later(15)
    assert stage.state("c0") is ContactState.CLOSED
    [handled] = stage.of(o.Handled)
    assert (handled.queue, handled.medium, handled.talk_s, handled.work_s) == ("", "outbound", 60, 15)
    assert not stage.of(o.EntryBegan)
    counts = counted(stage)
    assert {kind for kind, *_ in counts} == {"agent"}
    assert counts["agent", "anna", "handled"] == 1
    assert (counts["agent", "anna", "reserved_s"], counts["agent", "anna", "handling_s"]) == (5, 75)
    assert stage.presence("anna")[0] is Presence.NOT_READY


def test_a_talk_that_is_taken_over_is_handled_work_and_no_entry() -> None:
    stage = Stage(Q)
    stage.sign_in("anna")
    stage.sign_in("boss", ready=False)
    stage.enter("c0")
    stage.tell(i.Accept(stage.offer("c0")))
    stage.tell(i.Connect("c0"))
    assert refusal(stage.tell(i.TakeOver("c0~1", "nobody", "c0"))) == "unknown-agent"
    assert refusal(stage.tell(i.TakeOver("c0~1", "boss", "c7"))) == "unknown-contact"
    stage.tell(i.TakeOver("c0~1", "boss", "c0"))
    assert (stage.state("c0~1"), stage.agent("c0~1")) == (ContactState.RESERVED, "boss")
    assert refusal(stage.tell(i.TakeOver("c0~2", "boss", "c0"))) == "agent-busy"
    stage.over("c0")
    stage.tell(i.Connect("c0~1"))
    stage.later(30)
    stage.over("c0~1")
    assert stage.state("c0~1") is ContactState.WORK
    assert len(stage.of(o.EntryBegan)) == 1
    assert refusal(stage.tell(i.TakeOver("c0~2", "anna", "c0~1"))) in ("not-talking", "agent-busy")


def test_one_call_at_a_time_and_none_is_offered_meanwhile() -> None:
    stage = Stage(Q)
    stage.sign_in("anna")
    stage.tell(i.PlaceCall("c0", "anna"))
    assert refusal(stage.tell(i.PlaceCall("c1", "anna"))) == "agent-busy"
    stage.enter("c2")
    assert stage.state("c2") is ContactState.QUEUED
    stage.tell(i.Leave("c0"))
    assert stage.state("c0") is ContactState.CLOSED
    assert stage.agent("c2") == "anna", "who is free again takes the first who waits"
    assert not stage.of(o.Handled), "nobody was reached"


def test_who_is_picked_up_rings_there_and_nowhere_else() -> None:
    stage = Stage(Q)
    stage.sign_in("anna")
    stage.sign_in("bert", ready=False)
    stage.enter("c0")
    first = stage.offer("c0")
    stage.tell(i.PickUp("c0", "bert"))
    [ended] = stage.of(o.OfferEnded)
    assert (ended.offer, str(ended.ending), ended.reason) == (first, "rescinded", "picked_up")
    assert stage.agent("c0") == "bert"
    assert str(stage.of(o.OfferMade)[-1].why).startswith("picked up by the agent")
    assert stage.presence("anna")[0] is Presence.READY
    stage.talk("c0")
    assert refusal(stage.tell(i.PickUp("c0", "anna"))) == "not-waiting"
    assert stage.ended("c0") == [("q", "answered", "connected")]


def test_a_pick_up_that_is_not_answered_puts_the_contact_back_in_its_place() -> None:
    stage = Stage(Q)
    stage.sign_in("bert", ready=False)
    stage.enter("c0")
    stage.enter("c1")
    stage.tell(i.PickUp("c1", "bert"))
    stage.later(20)
    assert stage.waiting() == ["c0", "c1"]
    assert stage.presence("bert") == (Presence.NOT_READY, "sign_in")


def test_who_is_parked_is_offered_to_nobody_and_counts_nothing() -> None:
    stage = Stage(Q)
    stage.sign_in("anna")
    parked(stage)
    stage.sign_in("bert")
    assert (stage.state("c0"), stage.agent("c0"), stage.waiting()) == (ContactState.QUEUED, "", [])
    explained = stage.acd.explain("c0", stage.now)
    assert explained is not None
    assert "parked" in explained.reason
    stage.tell(i.PickUp("c0", "bert"))
    stage.talk("c0")
    stage.over("c0")
    counts = counted(stage)
    assert counts["queue", "q", "offered"] == counts["queue", "q", "answered"] == 0
    assert counts["agent", "bert", "accepted"] == 1


def test_whom_nobody_picks_up_goes_back_to_who_parked_and_then_to_everybody() -> None:
    stage = Stage(Q)
    stage.sign_in("anna", ready=False)
    stage.sign_in("bert")
    parked(stage)
    stage.later(60)
    assert (stage.waiting(), stage.agent("c0")) == (["c0"], "")
    stage.later(10)
    assert stage.agent("c0") == "bert"


def test_a_parked_contact_of_no_queue_is_for_who_parked_alone() -> None:
    stage = Stage(Q)
    stage.sign_in("anna", ready=False)
    stage.sign_in("bert")
    parked(stage, queue="", prefer_s=None)
    stage.later(60)
    assert stage.agent("c0") == ""
    stage.ready("anna")
    assert stage.agent("c0") == "anna"
    parked(stage, "c1", queue="", prefer_s=None, prefer="bert")
    stage.tell(i.SignOut("bert"))
    stage.later(60)
    assert stage.exit("c1") == "no_agents"


def test_a_caller_who_gives_up_while_parked_is_gone() -> None:
    stage = Stage(Q)
    stage.sign_in("anna")
    parked(stage)
    stage.tell(i.Leave("c0"))
    assert stage.ended("c0") == [("q", "abandoned", "hangup")]
    assert stage.later(100) == []
