"""Writes, once for each key, whatever fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import gevent
import pytest

from cti.boss.mapping import Mapped
from cti.boss.paths import FieldPath, parse_path
from cti.boss.plans import QuestionPlan
from cti.boss.policies import PolicySettings, RetrySettings, UnknownSettings
from cti.boss.routing import Route
from cti.boss.way import Question, TargetOptions, WayError
from cti.boss.writes import MemoryWriteLog, WriteLog, Writes
from cti.core.issue import Place
from cti.core.noted_writes import Noted
from cti.flow.catalog import LookupSignature
from tests.boss.rig import Office, target, until

ORDER = LookupSignature.parse({"msisdn": "phone", "name": "text"}, {"ticket": "text?"}, ())
STATUS = LookupSignature.parse({"key": "text"}, {"ticket": "text?"}, ("not_found", "rejected"))
ARGUMENTS = {"msisdn": "13800000000", "name": "fibre"}
REFUSED, LOST = WayError("error", "refused", sent=False), WayError("timeout", "no-answer", sent=True)


def path(text: str) -> FieldPath:
    found = parse_path(text)
    assert isinstance(found, FieldPath)
    return found


CODED = Mapped(
    code=path("rc"), good=frozenset({"OK"}), errors={"NO": "rejected", "NONE": "not_found"}, take={"ticket": path("t")}
)


class Orders:
    """A server with one request, on back ends `a` and `b`, and a status look-up on `s`."""

    def __init__(self, policy: PolicySettings, writes: WriteLog | None = None, *, idempotent: bool = False) -> None:
        to = tuple(target(name, CODED, "ORDER") if not idempotent else _once(name) for name in ("a", "b"))
        order = QuestionPlan(
            "package.order", ORDER, (Route(None, to),), policy, 2.0, Place("x"), write=True, subscriber="msisdn"
        )
        status = QuestionPlan(
            "order.status", STATUS, (Route(None, (target("s", CODED),)),), PolicySettings(), 2.0, Place("x")
        )
        self.office = Office(order, status)
        self.a, self.b, self.s = (self.office.ways[name] for name in ("a", "b", "s"))
        for way in (self.a, self.b, self.s):
            way.answer = {"rc": "OK", "t": "T1"}
        self.log = writes or MemoryWriteLog()
        self.writes = self.engine()

    def engine(self) -> Writes:
        return Writes(self.office.plan, self.office.backends, self.office.asking, self.log, self.office.clock)

    def order(self, key: str = "c1/f.n.1") -> tuple[str, Mapping[str, Any]]:
        ended = self.writes.request("package.order", ARGUMENTS, key)
        return ended.outcome, ended.values


def _once(name: str) -> Any:
    plain = target(name, CODED, "ORDER")
    return type(plain)(plain.backend, plain.service, TargetOptions(idempotent=True), plain.mapped)


@pytest.fixture
def orders() -> Iterator[Orders]:
    found = Orders(PolicySettings())
    yield found
    found.office.close()


def test_a_write_carries_its_key_and_is_done(orders: Orders) -> None:
    assert orders.order() == ("done", {"ticket": "T1"})
    assert orders.a.asked[0].key == "c1/f.n.1"
    assert orders.a.asked[0].fields == {**ARGUMENTS, "key": "c1/f.n.1"}


def test_the_same_key_is_the_same_write(orders: Orders) -> None:
    assert [orders.order() for _ in range(3)] == [("done", {"ticket": "T1"})] * 3
    orders.writes = orders.engine()  # another engine on the same log
    assert orders.order() == ("done", {"ticket": "T1"})
    assert len(orders.a.asked) == 1
    orders.order("c1/f.n.2")
    assert len(orders.a.asked) == 2


def test_the_same_key_at_the_same_time_is_sent_once(orders: Orders) -> None:
    orders.a.gate.clear()
    callers = [gevent.spawn(orders.order) for _ in range(5)]
    until(lambda: orders.a.asked)
    orders.a.gate.set()
    gevent.joinall(callers, timeout=20)
    assert [caller.value[0] for caller in callers] == ["done"] * 5
    assert len(orders.a.asked) == 1


def test_what_the_business_refuses_is_rejected_and_stays_so(orders: Orders) -> None:
    orders.a.answer = {"rc": "NO"}
    assert orders.order() == ("rejected", {})
    orders.a.answer = {"rc": "OK", "t": "T2"}
    assert orders.order() == ("rejected", {})


def test_what_was_not_sent_falls_over_and_what_was_sent_does_not(orders: Orders) -> None:
    orders.a.answer = REFUSED
    assert orders.order() == ("done", {"ticket": "T1"})
    assert len(orders.b.asked) == 1
    orders.a.answer = LOST
    assert orders.order("k2") == ("unknown", {})
    assert len(orders.b.asked) == 1


def test_what_was_never_sent_is_an_error_and_may_be_asked_again(orders: Orders) -> None:
    orders.a.answer = orders.b.answer = REFUSED
    assert orders.order() == ("error", {})
    orders.a.answer = {"rc": "OK", "t": "T1"}
    assert orders.order() == ("done", {"ticket": "T1"})


@pytest.mark.parametrize("answer", [{"rc": "STRANGE"}, {"rc": "OK", "t": ["x"]}])
def test_an_answer_that_cannot_be_read_leaves_it_unknown(orders: Orders, answer: dict[str, Any]) -> None:
    orders.a.answer = answer
    assert orders.order() == ("unknown", {})


def test_what_may_have_been_received_is_never_repeated(orders: Orders) -> None:
    retrying = Orders(PolicySettings(retry=RetrySettings(attempts=5, budget_pct=100)))
    retrying.a.answer = LOST
    assert retrying.order() == ("unknown", {})
    assert len(retrying.a.asked) == 1
    retrying.office.close()


def test_without_a_status_look_up_it_is_a_dead_letter_for_a_person(orders: Orders) -> None:
    orders.a.answer = LOST
    assert [orders.order()[0] for _ in range(3)] == ["unknown"] * 3
    assert len(orders.a.asked) == 1
    assert [(noted.key, noted.name, noted.backend) for noted in orders.writes.dead()] == [
        ("c1/f.n.1", "package.order", "a")
    ]
    orders.a.answer = {"rc": "OK", "t": "T7"}
    assert orders.writes.replay("c1/f.n.1").outcome == "done"
    assert orders.writes.dead() == []
    assert orders.order() == ("done", {"ticket": "T7"})
    with pytest.raises(KeyError):
        orders.writes.replay("c1/f.n.1")


def test_a_dead_letter_can_be_dropped(orders: Orders) -> None:
    orders.a.answer = LOST
    orders.order()
    orders.order()
    orders.writes.drop("c1/f.n.1")
    assert orders.writes.dead() == []
    with pytest.raises(KeyError):
        orders.writes.drop("c1/f.n.1")


def test_a_target_that_takes_a_key_once_is_asked_again() -> None:
    orders = Orders(PolicySettings(), idempotent=True)
    orders.a.answer = LOST
    assert orders.order() == ("unknown", {})
    orders.a.answer = {"rc": "OK", "t": "T1"}
    assert orders.order() == ("done", {"ticket": "T1"})
    assert [question.key for question in orders.a.asked] == ["c1/f.n.1"] * 2
    assert not orders.b.asked
    orders.office.close()


@pytest.mark.parametrize(
    ("status", "ended", "written"),
    [
        ({"rc": "OK", "t": "T9"}, ("done", {"ticket": "T9"}), 1),
        ({"rc": "NO"}, ("rejected", {}), 1),
        ({"rc": "NONE"}, ("done", {"ticket": "T1"}), 2),  # it is not there, so it is written now
        (LOST, ("unknown", {}), 1),
    ],
)
def test_a_status_look_up_tells_how_it_went(
    status: Mapping[str, Any] | WayError, ended: tuple[str, Mapping[str, Any]], written: int
) -> None:
    orders = Orders(PolicySettings(unknown=UnknownSettings(status_lookup="order.status", after_s=30)))
    orders.a.answer = LOST
    orders.s.answer = status
    assert orders.order() == ("unknown", {})
    assert orders.order() == ("unknown", {})  # too early to ask
    assert not orders.s.asked
    orders.office.clock.ahead_s = 31
    orders.a.answer = {"rc": "OK", "t": "T1"}
    assert orders.order() == ended
    assert len(orders.a.asked) == written
    orders.office.close()


def test_an_engine_that_died_before_it_heard_does_not_write_again() -> None:
    orders = Orders(PolicySettings(unknown=UnknownSettings(status_lookup="order.status", after_s=0)))
    orders.log.note(Noted("c1/f.n.1", "package.order", ARGUMENTS, 0.0, backend="a"), 0.0, 60)
    orders.s.answer = {"rc": "OK", "t": "T3"}
    assert orders.order() == ("done", {"ticket": "T3"})
    assert not orders.a.asked
    orders.office.close()


class Broken(MemoryWriteLog):
    def note(self, noted: Noted, now: float, keep_s: float) -> None:
        raise OSError("disk full")


def test_what_cannot_be_noted_is_not_sent() -> None:
    orders = Orders(PolicySettings(), Broken())
    assert orders.order() == ("error", {})
    assert not orders.a.asked
    orders.office.close()


def test_a_question_that_is_late_is_unknown(orders: Orders) -> None:
    def hang(_question: Question) -> Mapping[str, Any]:
        gevent.sleep(60)
        return {}

    orders.office.plan.requests["package.order"] = _hurried(orders)  # type: ignore[index]
    orders.a.answer = hang
    assert orders.order() == ("unknown", {})


def _hurried(orders: Orders) -> QuestionPlan:
    plan = orders.office.plan.requests["package.order"]
    return QuestionPlan(plan.name, plan.signature, plan.routes, plan.policy, 0.02, plan.place, write=True)
