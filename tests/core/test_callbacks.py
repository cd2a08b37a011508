"""What becomes of a promise to call back, on paper: attempts, pauses, restarts, and the same number again."""

from __future__ import annotations

from dataclasses import replace

from cti.core import callbacks as cb
from cti.core.callbacks import Callback, CallbackState

ONE = Callback("cb-1", "13800001234", created_at=0.0, due_at=0.0, queue="service", allowed=2)


def test_attempts_are_counted_before_the_phone_rings_and_end() -> None:
    first = cb.begun(ONE, CallbackState.CALLING, "call-1")
    assert (first.attempts, first.called_as) == (1, "call-1")
    again = cb.missed(first, "busy", 100.0, 300.0)
    assert (again.state, again.due_at, again.last) == (CallbackState.WAITING, 400.0, "busy")
    last = cb.missed(cb.begun(again, CallbackState.CALLING, "call-2"), "no_answer", 500.0, 300.0)
    assert (last.state, last.ended_at, last.open) == (CallbackState.FAILED, 500.0, False)


def test_what_was_no_attempt_is_not_counted() -> None:
    gone = cb.taken_back(cb.begun(ONE, CallbackState.CALLING), "agent_gone", 10.0, 0.0)
    assert (gone.attempts, gone.due_at) == (0, 10.0)
    assert cb.put_off(ONE, "no_agents", 10.0, 60.0) == replace(ONE, last="no_agents", due_at=70.0)


def test_a_queue_counts_it_once() -> None:
    assert cb.begun(ONE, CallbackState.QUEUED).counted
    assert cb.begun(ONE, CallbackState.QUEUED).attempts == 0


def test_after_a_restart() -> None:
    queued = replace(cb.begun(ONE, CallbackState.QUEUED), rank_at=-50.0)
    assert cb.restored(queued, 10.0, 300.0) == replace(queued, state=CallbackState.WAITING)
    calling = cb.begun(ONE, CallbackState.CALLING)
    assert cb.restored(calling, 10.0, 300.0).due_at == 310.0
    assert cb.restored(cb.begun(calling, CallbackState.CALLING), 10.0, 300.0).state is CallbackState.FAILED


def test_the_same_number_keeps_the_earlier_place_of_its_queue() -> None:
    waiting = replace(ONE, rank_at=-100.0, counted=True, version=4)
    wish = replace(ONE, callback_id="cb-2", created_at=50.0, call_id="c-2", attempts=0)
    kept = cb.merged(waiting, wish)
    assert (kept.callback_id, kept.rank_at, kept.counted, kept.version) == ("cb-1", -100.0, True, 4)
    assert kept.call_id == "c-2"
    assert cb.merged(waiting, replace(wish, queue="other")).rank_at is None
    assert cb.merged(waiting, replace(wish, due_at=None, event="x")).rank_at is None
    assert cb.merged(waiting, replace(wish, rank_at=-200.0)).rank_at == -200.0
