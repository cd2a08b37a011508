"""Contacts that an earlier owner of the distribution left at agents."""

from __future__ import annotations

import pytest

from cti.acd import Profile, QueueConfig, Wish
from cti.acd import inputs as i
from cti.acd import outputs as o
from cti.acd.states import ContactState, Outcome
from tests.acd.stage import Stage, refusal

Q = QueueConfig("q", wrapup_s=30, ring_s=20, wait_unstaffed=True)


def adopt(stage: Stage, state: ContactState, contact: str = "c0", **told: object) -> object:
    wish = Wish(contact, "q")
    stage.witness.connected[contact] += 1  # before it watched
    return stage.tell(i.Adopt(wish, Profile("anna"), state, since_s=60, began_s=100, **told))  # type: ignore[arg-type]


def test_a_talk_keeps_the_time_that_it_took_and_the_agent_gets_no_other() -> None:
    stage = Stage(Q)
    stage.sign_in("anna")
    adopt(stage, ContactState.TALKING, talk_s=5, hold_s=7)
    stage.enter("c1")
    assert stage.state("c1") is ContactState.QUEUED
    stage.later(10)
    stage.tell(i.Hold("c0"))
    stage.later(3)
    stage.over("c0")
    stage.later(30)
    [handled] = stage.of(o.Handled)
    assert (handled.talk_s, handled.hold_s, handled.work_s, handled.ended_by) == (75, 10, 30, "timer")
    assert not [entry for entry in stage.of(o.EntryEnded) if entry.contact == "c0"], "it was answered before"
    assert stage.state("c1") is ContactState.RESERVED


@pytest.mark.parametrize(("work_s", "left_s"), [(12.0, 12.0), (-5.0, 0.0)])
def test_work_ends_when_it_was_to_end(work_s: float, left_s: float) -> None:
    stage = Stage(Q)
    stage.sign_in("anna")
    adopt(stage, ContactState.WORK, work_s=work_s)
    stage.later(left_s)
    assert stage.state("c0") is ContactState.CLOSED
    [handled] = stage.of(o.Handled)
    assert handled.work_s == 60 + left_s


def test_an_entry_without_an_ending_is_answered() -> None:
    stage = Stage(Q)
    stage.sign_in("anna")
    adopt(stage, ContactState.TALKING, waited_s=100)
    [began], [ended] = stage.of(o.EntryBegan), stage.of(o.EntryEnded)
    assert (began.entry, ended.outcome, ended.agent, ended.wait_s) == (ended.entry, Outcome.ANSWERED, "anna", 100)


def test_of_an_agent_who_is_not_signed_in_it_ends_without_work() -> None:
    stage = Stage(Q)
    adopt(stage, ContactState.TALKING)
    stage.over("c0")
    assert stage.state("c0") is ContactState.CLOSED


def test_what_cannot_be() -> None:
    stage = Stage(Q)
    stage.sign_in("anna")
    adopt(stage, ContactState.HOLD)
    assert refusal(adopt(stage, ContactState.HOLD)) == "already-queued"  # type: ignore[arg-type]
    assert refusal(adopt(stage, ContactState.RESERVED, "c1")) == "not-talking"  # type: ignore[arg-type]
