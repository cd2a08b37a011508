"""A place in a queue outlives the engine: also one that somebody has changed, or that is not taken again yet."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest

from cti.acd import Profile
from cti.acd.inputs import Move, Reprioritise
from cti.core.commands import EnterQueue
from cti.core.legs import Phone
from cti.runtime.durable import Instant, load
from cti.runtime.durable.desk import DurableCalls
from cti.runtime.floor.stays import Stay
from cti.runtime.queues import Entrant

from .platform import Platform, uuid_of


def test_who_came_back_and_is_not_let_in_yet_keeps_place_and_time(platform: Platform) -> None:
    callers = platform.application.floor.callers
    callers.returning.settling = lambda: True
    switch: Any = object()
    now = monotonic()
    stay = Stay("c1", "service", now - 120.0, now - 300.0, 4, number=7)
    callers.enter(Entrant("c1", switch, EnterQueue(1, "service"), lambda _: None, True, stay))
    kept = callers.stay("c1")
    callers.gone("c1")
    assert kept is not None
    assert (kept.contact, kept.queue, kept.priority, kept.number) == ("c1", "service", 4, 7)
    assert kept.since == pytest.approx(stay.since, abs=1e-3)
    assert kept.rank_at == pytest.approx(stay.rank_at, abs=1e-3)
    assert callers.stay("c1") is None


def kept_stay(platform: Platform, call: str) -> dict[str, Any]:
    """As it is on disk."""
    store, owner = platform.application.store, platform.application.ground.durable.owner
    found = [load(one.body).stay for one in store.find_snapshots(owner) if one.call_id == call]
    return dict(found[0] or {}) if found else {}


@pytest.mark.parametrize("apart", [False, True], ids=["one process", "leader apart"])
def test_where_a_person_puts_a_caller_is_kept(make_platform: Callable[..., Platform], apart: bool) -> None:
    platform = make_platform(apart=apart)
    floor = platform.application.floor
    floor.lines.sign_in(Profile("anna", {"person": 1}), Phone("user/1001"))
    caller = platform.call("desk")
    cases = floor.owner.acd.floor.cases
    uuid = platform.until(lambda: caller.channel and uuid_of(caller) in cases and uuid_of(caller), "it waits")
    floor.owner.ask(Move(uuid, "second"))
    platform.until(lambda: kept_stay(platform, uuid).get("queue") == "second", "the other queue is kept")
    floor.owner.ask(Reprioritise(uuid, 5))
    platform.until(lambda: kept_stay(platform, uuid)["priority"] == 5, "the priority is kept")
    ranked_at, now = cases[uuid].ranked_at, floor.owner.now()
    platform.kill_engine()
    platform.restart_engine()
    floor = platform.application.floor
    platform.until(lambda: uuid in floor.owner.acd.floor.cases, "it waits again")
    case = floor.owner.acd.floor.cases[uuid]
    assert (case.queue.config.name, case.priority) == ("second", 5)
    assert floor.owner.now() - case.ranked_at >= now - ranked_at - 1e-3
    caller.hangup()


class Clocks:
    """Of another machine; the wall clock is right again."""

    def __init__(self) -> None:
        self.wall, self.mono = 10_000.0, 7.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.mono


def test_on_another_machine_the_order_is_that_of_the_clock_by_which_it_was_kept() -> None:
    """While they were kept the wall clock was set; and each is read at another moment."""
    clocks, nothing = Clocks(), Any
    calls = DurableCalls(nothing, nothing, clocks, "n-0", nothing, boot="here")  # type: ignore[arg-type]
    first, second = Instant(13_590.0, 500.0, "there"), Instant(9_998.0, 510.0, "there")
    for one in (first, second):
        calls._dated(one)
    ahead = calls.ahead_of(first)
    clocks.wall, clocks.mono = clocks.wall + 0.3, clocks.mono + 0.2
    assert calls.ahead_of(second) == ahead == 7.0 - 2.0 - 510.0
    assert calls.ahead_of(Instant(1.0, 3.0, "here")) == 0.0
    calls._dated(Instant(9_999.0, 511.0, "there"))  # of a worker that died later
    assert calls.ahead_of(second) == pytest.approx(7.2 - 1.3 - 511.0)
