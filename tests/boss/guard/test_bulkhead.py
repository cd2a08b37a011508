"""The bulkhead and the budget, on virtual time."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cti.boss.guard.budget import RetryBudget
from cti.boss.guard.bulkhead import Bulkhead, ConcurrencySettings, Priority, Ticket


def bulkhead(most: int, queue: int, queue_ms: float = 300) -> Bulkhead:
    return Bulkhead(ConcurrencySettings(max=most, queue=queue, queue_ms=queue_ms))


def test_so_many_at_once_so_many_wait_and_the_rest_is_shed() -> None:
    hold = bulkhead(1, 1)
    verdicts = [hold.enter(Priority.IVR, 0.0, 9.0)[0].verdict for _ in range(3)]
    assert verdicts == ["go", "wait", "shed"]


def test_batch_gives_way_to_callers_and_callers_to_agents() -> None:
    hold = bulkhead(1, 2)
    hold.enter(Priority.IVR, 0.0, 9.0)
    batch, _ = hold.enter(Priority.BATCH, 0.0, 9.0)
    caller, _ = hold.enter(Priority.IVR, 0.0, 9.0)
    agent, gave_way = hold.enter(Priority.AGENT, 0.0, 9.0)
    assert gave_way == [batch]
    assert batch.verdict == "shed"
    later, gave_way = hold.enter(Priority.IVR, 0.0, 9.0)
    assert (later.verdict, gave_way) == ("shed", [])  # never to its like
    assert hold.leave(0.1) == [agent]
    assert hold.leave(0.1) == [caller]


def test_of_equals_the_youngest_gives_way_and_the_oldest_goes_first() -> None:
    hold = bulkhead(1, 2)
    hold.enter(Priority.IVR, 0.0, 9.0)
    first, _ = hold.enter(Priority.IVR, 0.0, 9.0)
    second, _ = hold.enter(Priority.IVR, 0.0, 9.0)
    _, gave_way = hold.enter(Priority.AGENT, 0.0, 9.0)
    assert gave_way == [second]
    hold.leave(0.1)
    assert hold.leave(0.1) == [first]


def test_who_waited_too_long_is_not_sent() -> None:
    hold = bulkhead(1, 9)
    hold.enter(Priority.IVR, 0.0, 9.0)
    patient, _ = hold.enter(Priority.IVR, 0.0, 9.0)
    hurried, _ = hold.enter(Priority.AGENT, 0.0, 0.1)
    assert hold.leave(0.2) == [hurried, patient]
    assert (hurried.verdict, patient.verdict) == ("expired", "go")


class Hold(RuleBasedStateMachine):
    """Never more than may run or wait; every ticket gets one verdict; nobody goes before a more important one."""

    def __init__(self) -> None:
        super().__init__()
        self.hold = bulkhead(3, 4)
        self.now = 0.0
        self.running: list[Ticket] = []
        self.waiting: list[Ticket] = []

    def settle(self, changed: list[Ticket]) -> None:
        for ticket in changed:
            self.waiting.remove(ticket)
            if ticket.verdict == "go":
                assert all((ticket.priority, -ticket.number) > (w.priority, -w.number) for w in self.waiting)
                self.running.append(ticket)
            else:
                assert ticket.verdict in ("shed", "expired")

    @rule(priority=st.sampled_from(list(Priority)), patience=st.floats(0.01, 1.0))
    def enter(self, priority: Priority, patience: float) -> None:
        ticket, changed = self.hold.enter(priority, self.now, self.now + patience)
        self.settle(changed)
        if ticket.verdict == "go":
            self.running.append(ticket)
        elif ticket.verdict == "wait":
            self.waiting.append(ticket)
        else:
            assert all(other.priority >= priority for other in self.waiting)

    @precondition(lambda self: self.running)
    @rule()
    def leave(self) -> None:
        self.running.pop(0)
        self.settle(self.hold.leave(self.now))

    @precondition(lambda self: self.waiting)
    @rule()
    def give_up(self) -> None:
        self.hold.give_up(self.waiting.pop())

    @rule(seconds=st.floats(0.0, 0.5))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def bounds(self) -> None:
        assert (self.hold.running, self.hold.waiting) == (len(self.running), len(self.waiting))
        assert len(self.running) <= 3
        assert len(self.waiting) <= 4
        assert not self.waiting or len(self.running) == 3  # nobody waits beside a free place


TestHold = Hold.TestCase


def test_a_fifth_may_be_repeated_and_a_few_in_any_case() -> None:
    budget = RetryBudget(20.0)
    assert [budget.repeat(0.0) for _ in range(4)] == [True, True, True, False]
    for _ in range(40):
        budget.asked(1.0)
    assert [budget.repeat(1.0) for _ in range(6)] == [True] * 5 + [False]
    assert budget.repeat(11.5)  # what is long ago counts on neither side
