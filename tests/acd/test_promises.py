"""What a contact was promised holds, whatever is changed or goes meanwhile."""

from __future__ import annotations

from cti.acd import Overflow, QueueConfig, Relax, Wish
from cti.acd import inputs as i
from cti.acd import outputs as o
from cti.acd.counts import changes
from tests.acd.stage import Stage, refusal


def test_an_offer_that_comes_back_to_an_empty_floor_is_given_back() -> None:
    """The last agent signs out while the phone rings: nobody is left, so the contact does not wait for ever."""
    stage = Stage()
    stage.sign_in("anna")
    stage.enter("c0")
    stage.tell(i.SignOut("anna", forced=True))
    stage.later(59)
    assert stage.waiting() == ["c0"]
    stage.later(1)
    assert stage.exit("c0") == "no_agents"


def test_kept_for_an_agent_who_goes_as_the_last() -> None:
    stage = Stage()
    stage.sign_in("anna", ready=False)
    stage.enter("c0", prefer="anna", prefer_s=600.0)
    stage.tell(i.SignOut("anna"))
    stage.later(60)
    assert stage.exit("c0") == "no_agents"


def test_the_time_without_agents_counts_from_the_last_who_went() -> None:
    stage = Stage()
    stage.sign_in("anna", ready=False)
    stage.enter("c0")
    stage.tell(i.SignOut("anna"))
    stage.later(30)
    stage.sign_in("anna", ready=False)
    stage.later(20)
    stage.tell(i.SignOut("anna"))
    stage.later(59)
    assert stage.exit("c0") == ""
    stage.later(1)
    assert stage.exit("c0") == "no_agents"


def test_nobody_left_who_would_have_served_it_after_relaxation() -> None:
    stage = Stage()
    stage.sign_in("anna", zh=1)
    stage.enter("c0", skills={"zh": 3}, relax=(Relax(3000, {"zh": 1}),))
    stage.later(100)
    stage.tell(i.SignOut("anna"))
    stage.later(120)
    assert stage.exit("c0") == "no_agents"


def test_overflow_times_are_kept_when_the_queue_is_changed() -> None:
    """The rule that was promised is followed, and not whichever stands in its place now."""
    stage = Stage(QueueConfig("q", overflow=(Overflow("one", after_s=10),)), QueueConfig("one"), QueueConfig("two"))
    stage.sign_in("anna", ready=False)
    stage.enter("c0")
    stage.tell(i.SetQueue(QueueConfig("q", overflow=(Overflow("two", length=50),))))
    stage.later(10)
    assert stage.queue("c0") == "one"


def test_a_callback_keeps_its_exact_place_and_is_counted_once() -> None:
    stage = Stage()
    stage.sign_in("anna", ready=False)
    for contact in ("c0", "c1", "c2"):
        stage.enter(contact, priority=1 if contact == "c1" else 0)
        stage.later(1)
    stage.tell(i.Suspend("c1"))
    stage.tell(i.CallBack("c1", Wish("back", "q", "callback", priority=-3)))
    assert stage.waiting() == ["back", "c0", "c2"]
    stage.tell(i.SetQueue(QueueConfig("q", wrapup_s=1)))  # ranks are made anew
    assert stage.waiting() == ["back", "c0", "c2"]
    stage.ready("anna")
    stage.talk("back")
    assert stage.ended("c1") == [("q", "callback", "callback")]
    assert stage.ended("back") == [("q", "answered", "connected")]
    counted = [change.count for fact in stage.facts for change in changes(fact) if change.kind == "queue"]
    assert counted.count("offered") == 3
    assert (counted.count("callback"), counted.count("callbacks_answered"), counted.count("answered")) == (1, 1, 0)


def test_what_was_due_for_the_caller_is_not_due_for_the_callback() -> None:
    """Under the same id, even."""
    stage = Stage()
    stage.sign_in("anna", ready=False)
    stage.enter("c0", max_wait_s=20.0, relax=(Relax(10, {}), Relax(15, {})))
    stage.tell(i.CallBack("c0", Wish("c0", "q", "callback")))
    stage.later(100)
    assert stage.exit("c0") == ""
    assert stage.waiting() == ["c0"]
    assert not stage.of(o.Relaxed)


def test_a_callback_does_not_go_back_to_a_queue_that_it_left() -> None:
    there_and_back = (
        QueueConfig("q", overflow=(Overflow("two", length=0),)),
        QueueConfig("two", overflow=(Overflow("q", after_s=5),)),
    )
    stage = Stage(*there_and_back)
    stage.sign_in("anna", ready=False)
    stage.enter("c0")
    stage.tell(i.CallBack("c0", Wish("back", "two", "callback")))
    stage.later(50)
    assert stage.queue("back") == "two"


def test_a_callback_that_is_refused_changes_nothing() -> None:
    stage = Stage()
    stage.sign_in("anna")
    stage.enter("c0")
    stage.enter("c1")
    assert refusal(stage.tell(i.CallBack("c1", Wish("x", "nowhere", "callback")))) == "unknown-queue"
    assert refusal(stage.tell(i.CallBack("c1", Wish("c0", "q", "callback")))) == "already-queued"
    stage.talk("c0")
    assert refusal(stage.tell(i.CallBack("c0", Wish("x", "q", "callback")))) == "already-connected"
    assert stage.waiting() == ["c1"]


def test_who_decides_about_a_callback_is_not_offered() -> None:
    stage = Stage()
    stage.sign_in("anna", ready=False)
    stage.enter("c0")
    stage.enter("c1")
    stage.tell(i.Suspend("c0"))
    stage.ready("anna")
    assert stage.agent("c1") == "anna"
    explained = stage.acd.explain("c0", stage.now)
    assert explained is not None
    assert "decides about a callback" in explained.reason
