"""Ways on and out: overflow, limits, closed and unstaffed queues, preferences, relaxation, work after a contact."""

from __future__ import annotations

from typing import Any

import pytest

from cti.acd import Overflow, QueueConfig, Relax
from cti.acd import inputs as i
from cti.acd import outputs as o
from cti.acd.estimate import told_wait
from cti.acd.states import ContactState, Presence
from tests.acd.stage import Stage, refusal


def test_relaxation_step_by_step() -> None:
    stage = Stage(QueueConfig("q", {"zh": 1}))
    stage.sign_in("anna", zh=1)
    stage.sign_in("bert", zh=2, billing=1)
    stage.tell(i.SetNotReady("bert", "break"))
    stage.enter("c0", skills={"billing": 2, "zh": 3}, relax=(Relax(10, {"billing": 1}), Relax(20, {"zh": 0})))
    stage.later(10)
    assert stage.waiting() == ["c0"]
    stage.later(10)
    assert stage.agent("c0") == "anna", "the queue's own skills are never relaxed, and she has them"
    assert [dict(fact.skills) for fact in stage.of(o.Relaxed)] == [{"billing": 1, "zh": 1}, {"zh": 1}]
    [made] = stage.of(o.OfferMade)
    assert (made.why.relaxed, made.why.waited_s) == (2, 20)


def test_a_preference_bars_others_for_its_time_only() -> None:
    stage = Stage()
    stage.sign_in("anna", ready=False)
    stage.sign_in("bert")
    stage.enter("c0", prefer="anna", prefer_s=15.0)
    stage.later(14.9)
    assert stage.agent("c0") == ""
    explained = stage.acd.explain("c0", stage.now)
    assert explained is not None
    assert (explained.reason, explained.agents) == (
        "it is kept for anna, who is NOT_READY",
        {"not_ready": 1, "free": 1},
    )
    stage.later(0.1)
    assert stage.agent("c0") == "bert"


def test_a_preference_for_who_is_not_there_is_none() -> None:
    stage = Stage()
    stage.sign_in("bert")
    stage.enter("c0", prefer="anna", prefer_s=15.0)
    assert stage.agent("c0") == "bert"


def test_a_contact_in_person_waits_for_nobody_else() -> None:
    stage = Stage()
    stage.sign_in("anna", ready=False)
    stage.sign_in("bert")
    stage.enter("c0", prefer="anna", prefer_s=None)
    stage.later(1000)
    assert stage.waiting() == ["c0"]
    stage.ready("anna")
    assert stage.agent("c0") == "anna"
    assert "preferred agent" in str(stage.of(o.OfferMade)[0].why)
    stage.enter("c1", prefer="cleo", prefer_s=None)
    assert stage.exit("c1") == "no_agents"


@pytest.mark.parametrize(
    ("rule", "waiting", "after_s"),
    [
        ({"after_s": 30.0}, 0, 30.0),
        ({"length": 2}, 2, 0.0),
        ({"wait_s": 500.0}, 2, 0.0),  # the third would wait 3 × 180 s for one agent
    ],
)
def test_overflow_by_each_condition(rule: dict[str, Any], waiting: int, after_s: float) -> None:
    stage = Stage(QueueConfig("q", overflow=(Overflow("two", **rule),)), QueueConfig("two", {"zh": 1}))
    stage.sign_in("anna")
    stage.enter("talks")
    stage.talk("talks")
    stage.sign_in("bert", ready=False, zh=1)
    stage.tell(i.SetProfile(i.Profile("bert", {"zh": 1}, {})))
    stage.sign_in("cleo", ready=False, zh=1)
    for number in range(waiting):
        stage.enter(f"w{number}")
    assert all(stage.queue(f"w{number}") == "q" for number in range(waiting))
    stage.enter("c0")
    stage.later(after_s)
    assert stage.queue("c0") == "two"
    assert stage.ended("c0") == [("q", "flow_out", "overflow")]


def test_a_long_line_sends_nobody_on_whom_somebody_could_serve_at_once() -> None:
    stage = Stage(QueueConfig("q", overflow=(Overflow("two", length=1),)), QueueConfig("two"))
    stage.sign_in("anna")
    stage.sign_in("bert")
    stage.enter("c0")  # it rings, and stands in the line as long
    stage.enter("c1")
    assert (stage.queue("c1"), stage.agent("c1")) == ("q", "bert")
    stage.enter("c2")
    assert stage.queue("c2") == "two"


def test_overflow_when_nobody_is_there_and_never_in_a_circle() -> None:
    away = {"no_agents": True}
    stage = Stage(
        QueueConfig("q", {"a": 1}, overflow=(Overflow("two", **away),)),
        QueueConfig("two", {"b": 1}, overflow=(Overflow("q", **away), Overflow("three", **away))),
        QueueConfig("three", {"c": 1}, overflow=(Overflow("q", **away),)),
    )
    stage.enter("c0")
    assert [queue for queue, _, _ in stage.ended("c0")] == ["q", "two", "three"]
    assert stage.exit("c0") == "no_agents"


def test_a_limit_turns_away_only_when_nobody_is_free() -> None:
    stage = Stage(QueueConfig("q", limit=1))
    stage.sign_in("anna", ready=False)
    stage.enter("c0")
    stage.enter("c1")
    assert stage.exit("c1") == "full"
    stage.ready("anna")
    stage.sign_in("bert")
    stage.enter("c2")
    assert stage.agent("c2") == "bert", "one rings, but somebody is free"


def test_a_closed_queue_takes_nobody_and_serves_who_waits() -> None:
    stage = Stage()
    stage.sign_in("anna", ready=False)
    stage.enter("c0")
    stage.tell(i.OpenQueue("q", False))
    stage.enter("c1")
    assert (stage.exit("c1"), stage.ended("c1")) == ("no_agents", [("q", "flow_out", "closed")])
    stage.ready("anna")
    assert stage.agent("c0") == "anna"
    assert refusal(stage.tell(i.OpenQueue("nowhere"))) == "unknown-queue"


def test_max_wait_spares_a_phone_that_rings() -> None:
    stage = Stage()
    stage.sign_in("anna", ready=False)
    stage.enter("c0", max_wait_s=10.0)
    stage.later(5)
    stage.ready("anna")
    stage.later(6)
    assert stage.agent("c0") == "anna"
    stage.tell(i.Reject(stage.offer("c0")))
    assert stage.exit("c0") == "timeout"


def test_ring_no_answer_and_rejection() -> None:
    stage = Stage(QueueConfig("q", ring_s=20))
    stage.sign_in("anna")
    stage.sign_in("bert")
    stage.enter("c0")
    stage.later(20)
    assert stage.presence("anna") == (Presence.NOT_READY, "ring_no_answer")
    assert stage.agent("c0") == "bert"
    stage.tell(i.Reject(stage.offer("c0")))
    assert stage.presence("bert") == (Presence.NOT_READY, "rejected")
    assert stage.waiting() == ["c0"]
    assert [fact.ending for fact in stage.of(o.OfferEnded)] == ["timed_out", "rejected"]


def work(**queue: Any) -> Stage:
    stage = Stage(QueueConfig("q", wrapup_s=30, **queue))
    stage.sign_in("anna")
    stage.enter("c0")
    stage.talk("c0")
    stage.over("c0")
    assert stage.state("c0") is ContactState.WORK
    return stage


@pytest.mark.parametrize(("ready", "presence"), [(True, "READY"), (False, "NOT_READY")])
def test_work_ends_by_its_timer(ready: bool, presence: str) -> None:
    stage = work(after_work_ready=ready)
    stage.enter("c1")
    stage.later(29.9)
    assert stage.state("c0") is ContactState.WORK
    stage.later(0.1)
    assert stage.presence("anna")[0] == presence
    assert stage.agent("c1") == ("anna" if ready else "")
    [handled] = stage.of(o.Handled)
    assert (handled.ended_by, round(handled.work_s, 6)) == ("timer", 30)


def test_work_extended_and_the_presence_after_it_chosen() -> None:
    stage = work()
    stage.later(20)
    stage.tell(i.ExtendWork("c0", 60))
    stage.later(59)
    assert stage.state("c0") is ContactState.WORK
    stage.tell(i.ChooseNext("anna", False, "study"))
    stage.later(1)
    assert stage.presence("anna") == (Presence.NOT_READY, "study")
    assert refusal(stage.tell(i.ChooseNext("anna", True))) == "no-contact"
    assert refusal(stage.tell(i.ExtendWork("c0", 5))) == "unknown-contact"


def test_the_expected_wait_never_rises_without_a_reason() -> None:
    stage = Stage()
    stage.sign_in("anna")
    stage.enter("talks")
    stage.talk("talks")
    stage.enter("c0")
    told = []
    for _ in range(30):
        place = stage.acd.tell("c0", stage.now)
        assert place is not None
        assert place.wait_s is not None
        told.append(place.wait_s)
        stage.later(10)
    assert told[0] == 180
    assert told == sorted(told, reverse=True)
    assert told[-1] == 0
    stage.enter("vip", priority=100)  # somebody went before: a reason
    place = stage.acd.tell("c0", stage.now)
    assert place is not None
    assert (place.position, place.wait_s) == (2, 360)


def test_the_error_of_what_was_told_is_kept() -> None:
    stage = Stage()
    stage.sign_in("anna")
    stage.enter("talks")
    stage.talk("talks")
    stage.enter("c0")
    stage.acd.tell("c0", stage.now)  # 180 s
    stage.later(120)
    stage.over("talks")
    stage.talk("c0")
    assert stage.acd.floor.queues["q"].pace.error == 0.5


def test_fewer_agents_are_a_reason() -> None:
    assert told_wait(100, (0, 60, 2, 3), 10, 2, 3) == 50
    assert told_wait(100, (0, 60, 2, 3), 10, 2, 2) == 100
    assert told_wait(40, (0, 60, 2, 3), 10, 2, 3) == 40


def test_why_it_waits() -> None:
    stage = Stage(QueueConfig("q", {"zh": 2}, wait_unstaffed=True))
    stage.enter("c0")

    def reason() -> str:
        explained = stage.acd.explain("c0", stage.now)
        assert explained is not None
        return explained.reason

    assert reason() == "nobody signed in has what it asks: zh ≥ 2"
    stage.sign_in("anna", ready=False, zh=2)
    assert reason() == "all 1 agents with zh ≥ 2 are NOT_READY"
    stage.enter("vip", priority=5)
    stage.ready("anna")
    assert reason() == "1 agents with zh ≥ 2 are busy with contacts before it, 0 are NOT_READY"
    stage.tell(i.Leave("vip"))
    assert reason() == "it is offered to anna"
    stage.talk("c0")
    assert reason() == "it does not wait: TALKING"
    assert stage.acd.explain("nobody", stage.now) is None
