"""The breaker on virtual time."""

from __future__ import annotations

import pytest

from cti.boss.guard.breaker import Breaker, BreakerSettings, Pass, Window

SETTINGS = BreakerSettings(
    window=Window(calls=10, seconds=30), min_calls=4, slow_ms=2000, open_s=10, open_max_s=25, half_open_calls=2
)


def admitted(breaker: Breaker, now: float) -> Pass:
    found = breaker.admit(now)
    assert found is not None
    return found


def answers(breaker: Breaker, now: float, *failed: bool, took: float = 0.1) -> None:
    for bad in failed:
        breaker.ended(admitted(breaker, now), now + took, failed=bad)


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker(SETTINGS)
    answers(breaker, now, True, True, True, True)
    assert breaker.state(now + 0.1) == "open"
    return breaker


def reasons(breaker: Breaker) -> list[tuple[str, str]]:
    return [(change.state, change.reason) for change in breaker.changes]


def test_it_opens_by_the_rate_of_failures_and_not_before_enough_is_known() -> None:
    breaker = Breaker(SETTINGS)
    answers(breaker, 0.0, True, True, True)
    assert breaker.state(0.2) == "closed"
    answers(breaker, 0.2, False)
    assert breaker.state(0.4) == "open"
    assert reasons(breaker) == [("open", "failures")]
    assert breaker.admit(0.5) is None
    assert breaker.retry_in(0.5) == pytest.approx(9.8)


def test_half_of_the_window_is_enough_less_is_not() -> None:
    breaker = Breaker(SETTINGS)
    answers(breaker, 0.0, False, False, False, True, True)
    assert breaker.state(1.0) == "closed"
    answers(breaker, 1.0, True)
    assert breaker.state(1.2) == "open"


def test_what_is_old_is_no_ground() -> None:
    breaker = Breaker(SETTINGS)
    answers(breaker, 0.0, True, True, True)
    answers(breaker, 40.0, True, False, False)
    assert breaker.state(41.0) == "closed"


def test_slow_answers_open_it() -> None:
    breaker = Breaker(SETTINGS)
    answers(breaker, 0.0, False, False, False, False, took=2.0)
    assert reasons(breaker) == [("open", "slow")]


def test_who_hangs_is_noticed_while_it_hangs() -> None:
    breaker = Breaker(SETTINGS)
    hanging = [admitted(breaker, 0.25 * n) for n in range(4)]
    assert breaker.state(2.5) == "closed"
    assert breaker.state(2.75) == "open"
    assert breaker.admit(2.8) is None
    for permitted in hanging:  # what comes of them later changes nothing
        breaker.ended(permitted, 12.0, failed=True)
    assert reasons(breaker) == [("open", "slow")]


def test_a_question_that_was_counted_as_slow_counts_once() -> None:
    breaker = Breaker(SETTINGS)
    slow = [admitted(breaker, 0.0) for _ in range(3)]
    assert breaker.state(2.5) == "closed"
    for permitted in slow:
        breaker.ended(permitted, 2.6, failed=True)
    assert breaker.state(2.6) == "closed"  # three answers, not six


def test_after_its_time_a_few_may_try_and_it_closes_when_all_end_well() -> None:
    breaker = opened()
    assert breaker.state(10.0) == "open"
    first, second = admitted(breaker, 10.2), admitted(breaker, 10.2)
    assert breaker.admit(10.2) is None
    breaker.ended(first, 10.3, failed=False)
    assert breaker.state(10.3) == "half_open"
    breaker.ended(second, 10.4, failed=False)
    assert breaker.state(10.4) == "closed"


def test_a_trial_that_fails_opens_it_for_twice_as_long_up_to_a_bound() -> None:
    breaker, now, waits = opened(), 0.1, []
    for _ in range(4):
        waits.append(round(breaker.retry_in(now), 3))
        now += waits[-1] + 0.001
        breaker.ended(admitted(breaker, now), now, failed=True)
    assert waits == [10, 20, 25, 25]


def test_a_trial_that_hangs_fails() -> None:
    breaker = opened()
    admitted(breaker, 10.2)
    assert breaker.state(12.1) == "half_open"
    assert breaker.state(12.2) == "open"


def test_a_trial_that_was_not_asked_after_all_leaves_its_place() -> None:
    breaker = opened()
    first, _ = admitted(breaker, 10.2), admitted(breaker, 10.2)
    breaker.withdrawn(first)
    assert breaker.admit(10.3) is not None
    assert breaker.admit(10.3) is None


def test_after_it_has_closed_the_time_open_begins_anew() -> None:
    breaker = opened()
    breaker.ended(admitted(breaker, 10.2), 10.2, failed=True)  # 20 s
    trials = [admitted(breaker, 31.0), admitted(breaker, 31.0)]
    for permitted in trials:
        breaker.ended(permitted, 31.1, failed=False)
    answers(breaker, 32.0, True, True, True, True)
    assert breaker.retry_in(32.1) == pytest.approx(10.0)
