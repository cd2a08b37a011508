"""A talk of a caller here, and a leader that has been asked about it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cti.core import events as ev
from cti.core import legs as l
from cti.core.commands import EnterQueue
from cti.runtime import messages as msg
from cti.runtime.cluster.unled_talks import UnledTalks
from cti.runtime.cluster.waiting import Waiting, WaitingCallers
from cti.runtime.queues import Entrant


class Worker:
    """A caller in a talk that the present leader has been asked about."""

    def __init__(self) -> None:
        self.posted: list[Any] = []
        self.told: list[tuple[str, Any]] = []
        following: Any = SimpleNamespace(led=True)
        news: Any = SimpleNamespace(
            back=lambda one, talking: self.told.append(("back", talking)),
            enter=lambda one: self.told.append(("enter", one.number)),
            talk_over=lambda agent: self.told.append(("talk_over", agent)),
        )
        switch: Any = SimpleNamespace(name="fs", stop_music=lambda uuid: self.told.append(("quiet", uuid)))
        self.callers = WaitingCallers()
        self.talks = UnledTalks(following, self.callers, news)
        self.talks.hang_up = lambda switch, leg: self.told.append(("hang_up", leg))
        self.talks.left_alone = lambda one: self.told.append(("left_alone", one.uuid))
        self.one: Waiting = self.callers.add(Entrant("c1", switch, EnterQueue(7, "service"), self.posted.append))
        self.one.leg = "leg"


@pytest.fixture
def worker() -> Worker:
    return Worker()


def test_a_talk_that_the_leader_goes_on_with_is_its(worker: Worker) -> None:
    worker.one.connected = True
    worker.talks.ask(worker.one)
    worker.talks.answered(worker.one, True, "leg")
    worker.talks.leg_event(l.LegHungUp("leg", "NORMAL_CLEARING"))
    assert (worker.told, worker.posted) == ([("back", False)], [])


def test_one_that_it_does_not_know_is_left_alone_and_its_end_is_seen_here(worker: Worker) -> None:
    worker.one.connected = True
    worker.talks.answered(worker.one, False, "")
    worker.talks.leg_event(l.LegHungUp("leg", "NORMAL_CLEARING"))
    assert worker.told == [("left_alone", "c1"), ("hang_up", "leg"), ("talk_over", "")]
    assert worker.posted == [msg.LegLeft("leg", "NORMAL_CLEARING"), ev.QueueEnded(7, "talked")]
    assert not worker.callers


def test_one_that_had_hardly_begun_waits_again(worker: Worker) -> None:
    before = worker.one.number
    worker.talks.answered(worker.one, False, "")
    assert worker.told == [("enter", before + 1)]


def test_one_that_an_earlier_run_left_on_hold_is_over(worker: Worker) -> None:
    worker.one.left = True
    worker.talks.answered(worker.one, False, "")
    assert (worker.told, worker.posted) == ([("quiet", "c1")], [msg.CameBack()])
    assert not worker.callers
