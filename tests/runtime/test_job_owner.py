"""One engine at a time does a job. The clocks are the test's; the database is a real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cti.core.errors import StoreUnavailable
from cti.runtime.job_owner import BEAT_S, LEADING, LEASE_S, MARGIN_S, ORDINARY, JobOwner, Pace
from cti.store import SqlStore, open_store
from cti.store.jobs import Jobs, StaleEpoch
from tests.store.template import copy_database


class Engine:
    """With a clock of its own: nobody compares them."""

    def __init__(
        self, jobs: Jobs, name: str, at: float = 0.0, before: tuple[str, ...] = (), pace: Pace = ORDINARY
    ) -> None:
        self.at = at
        self.owner = JobOwner("timers", jobs, name, before, pace=pace, clock=lambda: self.at)

    def goes_on(self, seconds: float) -> bool:
        until = self.at + seconds
        while self.at < until:
            self.at = min(until, self.at + BEAT_S)
            self.owner.look()
        return self.owner.held


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    copy_database(tmp_path)
    opened = open_store(f"sqlite:///{tmp_path / 'cti.db'}", tmp_path / "keys.json")
    yield opened
    opened.close(5.0)


@pytest.fixture
def engine(store: SqlStore) -> Callable[..., Engine]:
    return lambda *told, **how: Engine(store.accounts.jobs, *told, **how)


def both(first: Engine, second: Engine, seconds: float) -> list[tuple[bool, bool]]:
    """Side by side; who may do the job after each beat."""
    found = []
    for _ in range(int(seconds / BEAT_S)):
        found.append((first.goes_on(BEAT_S), second.goes_on(BEAT_S)))
    return found


def test_one_has_it_and_the_other_waits_whatever_their_clocks_say(engine: Callable[..., Engine]) -> None:
    first, second = engine("a"), engine("b", 1e6)
    assert set(both(first, second, 60.0)) == {(True, False)}


def test_after_a_death_it_is_taken_when_the_count_has_stood_still(engine: Callable[..., Engine]) -> None:
    first, second = engine("a"), engine("b")
    both(first, second, 10.0)
    assert not second.goes_on(LEASE_S)
    assert second.goes_on(MARGIN_S + BEAT_S)
    assert (first.owner.epoch, second.owner.epoch) == (1, 2)


def test_who_leads_stops_before_another_begins_and_that_is_sooner(store: SqlStore) -> None:
    first, second = (Engine(store.accounts.jobs, name, pace=LEADING) for name in "ab")
    for _ in range(10):
        assert (first.goes_on(LEADING.beat_s), second.goes_on(LEADING.beat_s)) == (True, False)
    died, ended = second.at, 0.0
    while not second.goes_on(0.25):
        first.at = second.at
        ended = ended or (0.0 if first.owner.held else second.at)
    assert died + LEADING.lease_s - LEADING.beat_s <= ended < second.at <= died + LEADING.over_s
    assert LEADING.over_s < ORDINARY.over_s


def test_one_that_was_stopped_does_nothing_more_and_writes_nothing(
    store: SqlStore, engine: Callable[..., Engine]
) -> None:
    first, second = engine("a"), engine("b")
    both(first, second, 10.0)
    store.accounts.jobs.set_timer_marks({"x": 1.0}, "timers", first.owner.epoch or 0)
    assert second.goes_on(LEASE_S + MARGIN_S + BEAT_S)
    first.at += 30.0  # it goes on after SIGSTOP
    assert not first.owner.held  # before it has asked anybody
    with pytest.raises(StaleEpoch):
        store.accounts.jobs.set_timer_marks({"y": 2.0}, "timers", first.owner.epoch or 0)
    assert store.accounts.jobs.timer_marks() == {"x": 1.0}
    first.owner.look()
    assert first.owner.epoch is None
    assert set(both(first, second, 30.0)) == {(False, True)}


def test_two_who_see_it_free_at_the_same_time_do_not_both_get_it(store: SqlStore) -> None:
    jobs = store.accounts.jobs
    assert (jobs.take("timers", "a", None), jobs.take("timers", "b", None)) == (1, None)
    seen = jobs.find("timers")
    assert (jobs.take("timers", "b", seen), jobs.take("timers", "c", seen)) == (2, None)


@pytest.mark.parametrize("how", ["given back", "the same engine again", "a run that is known to be over"])
def test_nobody_waits_where_the_last_one_is_known_to_be_gone(engine: Callable[..., Engine], how: str) -> None:
    first = engine("a")
    first.goes_on(BEAT_S)
    if how == "given back":
        first.owner.release()
        assert not first.owner.held
    again = engine("a" if how == "the same engine again" else "b", before=("a",) if "known" in how else ())
    assert again.goes_on(BEAT_S)


def test_without_its_database_the_holder_stops_in_time(
    engine: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = engine("a")
    first.goes_on(BEAT_S)

    def away(*_: object) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(Jobs, "renew", away)
    first.at += LEASE_S - 0.1
    with pytest.raises(StoreUnavailable):
        first.owner.look()
    assert first.owner.held
    first.at += 0.1
    assert not first.owner.held


def test_after_the_database_was_away_the_holder_has_time_to_count_on(
    engine: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StoreUnavailable("away")

    first, second = engine("a"), engine("b")
    both(first, second, 10.0)
    with monkeypatch.context() as gone:
        gone.setattr(Jobs, "find", away)
        second.at += 60.0
        with pytest.raises(StoreUnavailable):
            second.owner.look()
    second.owner.look()  # finds the count as it was: nobody could write
    assert set(both(first, second, 30.0)) == {(True, False)}
    assert second.owner.epoch is None
