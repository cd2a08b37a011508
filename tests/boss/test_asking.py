"""Look-ups through cache, single-flight, routes and guards. The ways are scripted; their own tests have real ones."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import gevent
import pytest

from cti.boss.caching import Kept
from cti.boss.guard.breaker import BreakerSettings, Window
from cti.boss.guard.bulkhead import ConcurrencySettings, Priority
from cti.boss.mapping import Mapped
from cti.boss.paths import FieldPath, parse_path
from cti.boss.policies import CacheSettings, PolicySettings, RetrySettings
from cti.boss.way import OUTCOME, Question, TargetOptions, WayError
from cti.flow.catalog import LookupSignature
from tests.boss.rig import SUBSCRIBER, Office, opened, question, target, until

CACHED = PolicySettings(cache=CacheSettings(ttl_s=60, swr_s=60, sie_s=3600, negative_s=10))
REFUSED = WayError("error", "refused", sent=False)
LOST = WayError("error", "reset", sent=True)


def ask(office: Office, deadline_s: float = 2.0) -> tuple[str, str, str | None]:
    found = office.asking.ask("balance.get", SUBSCRIBER, deadline_s)
    return found.outcome, found.how, found.reason


def test_an_answer_comes_by_its_types() -> None:
    with opened(question()) as office:
        found = office.asking.ask("balance.get", {"msisdn": "+86 138 0000 0000"}, 2.0)
        assert (found.outcome, found.values, found.how, found.backend) == (
            "ok",
            {"balance": Decimal("12.50")},
            "asked",
            "a",
        )
        assert office.ways["a"].asked[0].fields == SUBSCRIBER


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("nothing.get", SUBSCRIBER, "unknown-lookup"),
        ("balance.get", {}, "bad-argument"),
        ("balance.get", {"msisdn": "not a number"}, "bad-argument"),
        ("balance.get", {**SUBSCRIBER, "x": 1}, "bad-argument"),
    ],
)
def test_what_cannot_be_asked_is_an_error_and_troubles_nobody(
    name: str, arguments: dict[str, object], reason: str
) -> None:
    with opened(question()) as office:
        found = office.asking.ask(name, arguments, 2.0)
        assert (found.outcome, found.reason) == ("error", reason)
        assert not office.ways["a"].asked


# ---- cache ---------------------------------------------------------------------------------------------------------


def test_fresh_stale_if_error_and_gone() -> None:
    with opened(question(policy=CACHED)) as office:
        way = office.ways["a"]
        assert ask(office) == ("ok", "asked", None)
        office.clock.ahead_s = 59
        assert ask(office) == ("ok", "fresh", None)
        assert len(way.asked) == 1
        office.clock.ahead_s = 61
        way.answer = {"balance": "99"}
        assert ask(office) == ("ok", "stale", None)  # at once, and asked anew behind the caller's back
        until(lambda: len(way.asked) == 2)
        until(lambda: ask(office) == ("ok", "fresh", None))
        assert office.asking.ask("balance.get", SUBSCRIBER, 1.0).values == {"balance": Decimal(99)}
        office.clock.ahead_s = 61 + 121
        way.answer = LOST
        found = office.asking.ask("balance.get", SUBSCRIBER, 1.0)
        assert (found.outcome, found.how, found.reason) == ("ok", "if_error", "reset")
        assert found.as_of == pytest.approx(office.clock.now() - 121, abs=20)
        office.clock.ahead_s = 61 + 3722
        assert ask(office) == ("error", "asked", "reset")


def test_who_is_not_found_is_remembered_for_a_short_time() -> None:
    coded = Mapped(code=path("rc"), errors={"1": "not_found", "2": "locked"})
    with opened(question(target("a", coded), policy=CACHED)) as office:
        way = office.ways["a"]
        way.answer = {"rc": "1"}
        assert ask(office) == ("not_found", "asked", None)
        assert ask(office) == ("not_found", "fresh", None)
        office.clock.ahead_s = 11
        way.answer = {"rc": "2"}
        assert ask(office) == ("locked", "asked", None)


def test_a_target_that_hangs_leaves_time_for_the_next() -> None:
    """Two thirds of what is left, or what it is given; the last one has all of it."""

    def left(question: Question) -> float:
        return question.deadline - office.clock.monotonic()

    with opened(question(target("a"), target("b"), deadline_s=0.9)) as office:
        office.ways["a"].gate.clear()
        found = office.asking.ask("balance.get", SUBSCRIBER, 30.0)
        assert (found.outcome, found.backend) == ("ok", "b"), found.steps
        assert found.took_s >= 0.6
        assert found.steps[1:] == ("a: timeout, no-answer", "b: ok")
    given = target("a")
    object.__setattr__(given, "options", TargetOptions(within_ms=1))
    with opened(question(given, target("b"), deadline_s=60.0)) as office:
        office.ways["a"].gate.clear()
        assert office.asking.ask("balance.get", SUBSCRIBER, 30.0).backend == "b"
        [asked] = office.ways["b"].asked
        assert left(asked) > 30.0, "the last one has all that is left"


def test_without_a_policy_nothing_is_kept() -> None:
    with opened(question()) as office:
        assert [ask(office)[1] for _ in range(2)] == ["asked", "asked"]
        assert len(office.memory) == 0


def test_what_is_kept_can_be_read_by_nobody_else() -> None:
    with opened(question(policy=CACHED)) as office:
        ask(office)
        ((key, data),) = office.memory._entries.items()
        assert "13800000000" not in key
        assert b"12.5" not in data
        assert office.cache.find(key) is not None
        office.memory.put("balance.get/other", data, 60)
        assert office.cache.find("balance.get/other") is None  # an entry does not open in another's place
        office.memory.put(key, data[:-1] + bytes([data[-1] ^ 1]), 60)
        assert ask(office)[1] == "asked"


def test_entries_that_are_no_entries_are_not_there() -> None:
    for data in (b"", b"[]", b"{}", b'["ok",1,2,3]', b'["ok",{"a":{"$":"decimal","v":"x"}},0,"a"]', b"\xff"):
        with pytest.raises(ValueError):
            Kept.from_bytes(data)


# ---- single flight -------------------------------------------------------------------------------------------------


def test_a_thousand_callers_with_one_question_ask_once() -> None:
    with opened(question()) as office:
        way = office.ways["a"]
        way.gate.clear()
        callers = [gevent.spawn(ask, office, 20.0) for _ in range(1_000)]
        until(lambda: way.asked)
        gevent.idle()
        way.gate.set()
        gevent.joinall(callers)
        assert {caller.value for caller in callers} == {("ok", "asked", None)}
        assert len(way.asked) == 1


def test_an_impatient_caller_leaves_the_others_theirs() -> None:
    with opened(question()) as office:
        way = office.ways["a"]
        way.gate.clear()
        first = gevent.spawn(ask, office, 0.01)
        until(lambda: way.asked)
        second = gevent.spawn(ask, office, 20.0)
        assert first.get(timeout=20) == ("timeout", "none", "no-answer")
        first.kill()
        way.gate.set()
        assert second.get(timeout=20) == ("ok", "asked", None)
        assert len(way.asked) == 1


def test_who_wants_it_asked_anew_each_time_gets_it() -> None:
    with opened(question(policy=PolicySettings(collapse=False))) as office:
        way = office.ways["a"]
        way.gate.clear()
        callers = [gevent.spawn(ask, office, 20.0) for _ in range(3)]
        until(lambda: len(way.asked) == 3)
        way.gate.set()
        gevent.joinall(callers)


# ---- targets, guards -----------------------------------------------------------------------------------------------


def test_a_question_falls_over_to_the_next_target() -> None:
    with opened(question(target("a"), target("b"))) as office:
        office.ways["a"].answer = LOST
        found = office.asking.ask("balance.get", SUBSCRIBER, 2.0)
        assert (found.outcome, found.backend) == ("ok", "b")
        assert found.steps == ("route 1: always", "a: error, reset", "b: ok")


def test_what_the_business_says_is_an_answer_and_falls_over_to_nobody() -> None:
    coded = Mapped(code=path("rc"), errors={"1": "not_found"})
    with opened(question(target("a", coded), target("b"))) as office:
        office.ways["a"].answer = {"rc": "1"}
        assert ask(office)[0] == "not_found"
        assert not office.ways["b"].asked


@pytest.mark.parametrize("answer", [{"balance": "x"}, {}, {"balance": "NaN"}])
def test_an_answer_that_does_not_fit_is_an_error(answer: dict[str, str]) -> None:
    with opened(question()) as office:
        office.ways["a"].answer = answer
        assert ask(office) == ("error", "asked", "bad-answer")


def test_a_way_with_a_bug_ends_one_question() -> None:
    with opened(question()) as office:
        office.ways["a"].answer = lambda _question: {}[1]
        assert ask(office) == ("error", "asked", "bug-KeyError")
        office.ways["a"].answer = {"balance": "1"}
        assert ask(office)[0] == "ok"


def test_a_read_is_repeated_within_its_budget() -> None:
    policy = PolicySettings(retry=RetrySettings(attempts=2, budget_pct=10))
    with opened(question(policy=policy), breaker=BreakerSettings(min_calls=1_000)) as office:
        way = office.ways["a"]
        way.answer = LOST
        for _ in range(30):
            ask(office)
        assert len(way.asked) == 30 + 3  # a tenth, and three in any case


def test_who_is_ill_is_not_asked_any_more() -> None:
    breaker = BreakerSettings(window=Window(calls=10), min_calls=5, open_s=10, half_open_calls=1)
    with opened(question(), breaker=breaker) as office:
        way = office.ways["a"]
        way.answer = LOST
        reasons = [ask(office)[2] for _ in range(8)]
        assert reasons == ["reset"] * 5 + ["breaker-open"] * 3
        facts = office.backends["a"].facts()
        assert (facts["breaker"], facts["failures"]) == ("open", {"reset": 5, "breaker-open": 3})
        assert facts["last_failure"][0] == "reset"  # why it is ill, not that nobody asks any more
        office.clock.ahead_s = 11
        way.answer = {"balance": "1"}
        assert ask(office)[0] == "ok"
        assert office.backends["a"].facts()["breaker"] == "closed"


def test_a_service_that_is_ill_leaves_the_others_of_its_back_end() -> None:
    breaker = BreakerSettings(window=Window(calls=10), min_calls=2)
    bill = question(target("a", service="BILL"))
    with opened(question(), breaker=breaker) as office:
        office.plan.lookups["bill.get"] = bill  # type: ignore[index]
        office.ways["a"].answer = LOST
        for _ in range(3):
            ask(office)
        office.ways["a"].answer = {"balance": "1"}
        assert ask(office)[2] == "breaker-open"
        assert office.asking.ask("bill.get", SUBSCRIBER, 1.0).outcome == "ok"


def test_a_back_end_that_hangs_holds_its_own_places_and_no_others() -> None:
    plans = question(target("a")), question(target("b"))
    with opened(plans[0], concurrency=ConcurrencySettings(max=2, queue=1, queue_ms=50)) as office:
        way = office.ways["a"]
        way.gate.clear()
        hanging = [gevent.spawn(office.asking.ask, "balance.get", {"msisdn": f"1380000000{n}"}, 5.0) for n in range(4)]
        gevent.joinall(hanging[2:], timeout=20)
        ended = {(caller.value.outcome, caller.value.reason) for caller in hanging if caller.ready()}
        assert ended == {("throttled", "queue-late"), ("throttled", "queue-full")}
        assert office.backends["a"].facts()["running"] == 2
        way.gate.set()
        gevent.joinall(hanging, timeout=20)
        assert [caller.value.outcome for caller in hanging[:2]] == ["ok", "ok"]


def test_a_place_is_free_when_the_work_ends_not_when_patience_does() -> None:
    with opened(question(deadline_s=0.02), concurrency=ConcurrencySettings(max=1, queue=0)) as office:
        way = office.ways["a"]
        way.gate.clear()
        assert ask(office) == ("timeout", "none", "no-answer")
        until(lambda: not office.asking.flying)
        assert ask(office) == ("throttled", "asked", "queue-full")
        way.gate.set()
        until(lambda: office.backends["a"].facts()["running"] == 0)
        assert ask(office)[0] == "ok"


def test_agents_go_before_callers_and_callers_before_batch() -> None:
    with opened(
        question(policy=PolicySettings(collapse=False)),
        concurrency=ConcurrencySettings(max=1, queue=9, queue_ms=20_000),
    ) as office:
        way = office.ways["a"]
        way.gate.clear()
        order: list[Priority] = []

        def run(priority: Priority) -> None:
            office.asking.ask("balance.get", SUBSCRIBER, 20.0, priority)
            order.append(priority)

        first = gevent.spawn(run, Priority.IVR)
        until(lambda: way.asked)
        rest = [gevent.spawn(run, priority) for priority in (Priority.BATCH, Priority.IVR, Priority.AGENT)]
        until(lambda: office.backends["a"].facts()["waiting"] == 3)
        way.gate.set()
        gevent.joinall([first, *rest], timeout=20)
        assert order == [Priority.IVR, Priority.AGENT, Priority.IVR, Priority.BATCH]


def test_more_than_its_rate_is_throttled() -> None:
    with opened(question(), rate=(0.001, 2)) as office:
        assert [ask(office)[0] for _ in range(3)] == ["ok", "ok", "throttled"]


def test_the_moment_of_an_answer_is_filled_in() -> None:
    signature = LookupSignature.parse({"msisdn": "phone"}, {"balance": "decimal", "as_of": "datetime"})
    with opened(question(signature=signature, policy=CACHED)) as office:
        values = office.asking.ask("balance.get", SUBSCRIBER, 1.0).values
        assert isinstance(values["as_of"], datetime)
        office.clock.ahead_s = 30
        assert office.asking.ask("balance.get", SUBSCRIBER, 1.0).values == values


def test_facts_hold_no_personal_data() -> None:
    with opened(question(policy=CACHED)) as office:
        ask(office)
        office.ways["a"].answer = LOST
        office.asking.ask("balance.get", {"msisdn": "13811112222"}, 1.0)
        assert "13811112222" not in str(office.backends["a"].facts())


def path(text: str) -> FieldPath:
    found = parse_path(text)
    assert isinstance(found, FieldPath)
    return found


@pytest.mark.parametrize(
    ("said", "ended"),
    [("not_found", ("not_found", None)), ("ok", ("ok", None)), ("strange", ("error", "unknown-code"))],
)
def test_a_way_may_tell_the_outcome_itself(said: str, ended: tuple[str, str | None]) -> None:
    with opened(question()) as office:
        office.ways["a"].answer = {OUTCOME: said, "balance": "1"}
        outcome, _, reason = ask(office)
        assert (outcome, reason) == ended
