"""Over capacity new callers are refused, one way or another; those inside notice nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cti.core.calls import Caller, NewCall
from cti.core.records import StoreHealth
from cti.runtime.admission import Admission, Limits, TrunkLimit
from cti.runtime.load_watch import LoadWatch
from cti.runtime.overload import BEGIN_LOOKS, END_LOOKS, LOOK_S, Bounds, Overload, Reading

from .platform import Limits as Given
from .platform import Platform, path, summary, uuid_of

BOUNDS = Bounds(cpu_pct=90.0, late_s=0.5, backlog=1000, idle_pct=5.0, records=500)
CALM = Reading(20.0, 0.001, {"a": 3, "b": 0}, {"a": 60.0, "b": 50.0})


class Watch:
    """Implements `cti.ports.Clock`."""

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> float:
        return self.at

    monotonic = now


def call(number: str | None = "13800000000", trunk: str = "", switch: str = "a") -> NewCall:
    return NewCall("uuid", switch, Caller(number, "", "10086"), trunk=trunk)


@pytest.mark.parametrize(
    ("reading", "on_a", "on_b"),
    [
        (Reading(95.0, 0.001), "cpu", "cpu"),
        (Reading(20.0, 0.8), "late", "late"),
        (Reading(20.0, 0.001, {"a": 1001, "b": 999}), "backlog", None),
        (Reading(20.0, 0.001, {}, {"a": 2.0, "b": 6.0}), "switch_cpu", None),
        (Reading(20.0, 0.001, records=501), "records", "records"),
        (CALM, None, None),
    ],
    ids=[
        "the engine computes all the time",
        "its timers are late",
        "events wait",
        "the switch has nothing left",
        "records wait",
        "calm",
    ],
)
def test_what_is_too_much_and_for_whom(reading: Reading, on_a: str | None, on_b: str | None) -> None:
    overload = Overload(BOUNDS)
    for _ in range(BEGIN_LOOKS - 1):
        overload.look(reading)
    assert overload.reason("a") is None
    overload.look(reading)
    assert (overload.reason("a"), overload.reason("b")) == (on_a, on_b)


def test_a_moment_of_work_is_no_overload_and_a_moment_of_rest_not_its_end() -> None:
    overload, busy = Overload(BOUNDS), Reading(99.0, 0.0)
    for reading in [busy] * (BEGIN_LOOKS - 1) + [CALM] + [busy] * (BEGIN_LOOKS - 1):
        overload.look(reading)
    assert overload.reason("a") is None
    overload.look(busy)
    for reading in [CALM] * (END_LOOKS - 1) + [Reading(85.0, 0.0)] + [CALM] * (END_LOOKS - 1):
        overload.look(reading)
    assert overload.reason("a") == "cpu"
    overload.look(CALM)
    assert overload.reason("a") is None


def test_a_bound_of_nothing_is_not_looked_at() -> None:
    overload = Overload(Bounds(0, 0, 0, 0, 0))
    for _ in range(BEGIN_LOOKS):
        overload.look(Reading(100.0, 60.0, {"a": 30_000}, {"a": 0.0}, 50_000))
    assert (overload.reason("a"), overload.states()) == (None, {})


def test_the_watch_reads_the_share_of_a_core_and_the_switches() -> None:
    class Busy:
        backlog, idle_pct = 7, None

    overload = Overload(BOUNDS)
    LoadWatch(overload, lambda: {"a": Busy()}, lambda: 9).look(LOOK_S * 2, LOOK_S)
    assert overload.reading == Reading(50.0, LOOK_S, {"a": 7}, {}, 9)


def test_records_are_late_only_where_the_database_answers() -> None:
    assert StoreHealth(True, 3, 2, 0, 0, 0, 0).late == 5
    assert StoreHealth(False, 3, 2, 0, 0, 0, 0).late == 0


def test_who_redials_without_end_stays_out_for_a_minute() -> None:
    watch = Watch()
    admission = Admission(Limits(per_caller_min=2), watch)
    found = []
    for second in (0, 10, 20, 59, 61, 100, 121, 240):
        watch.at = 1000.0 + second
        found.append(admission.refusal(call()))
    assert found == [
        None,
        None,
        "per_caller_minute",
        "per_caller_minute",
        "per_caller_minute",
        "per_caller_minute",
        None,
        None,
    ]
    assert admission.refusal(call("13800000001")) is None
    assert [admission.refusal(call(None)) for _ in range(3)] == [None] * 3  # withheld numbers are not one caller


def test_a_trunk_has_limits_of_its_own() -> None:
    watch = Watch()
    admission = Admission(Limits(per_trunk={"a": TrunkLimit(calls=2), "b": TrunkLimit(per_s=1)}), watch)
    for trunk in ("a", "a", "b"):
        assert admission.refusal(call(trunk=trunk)) is None
        admission.entered(call(trunk=trunk))
    assert [admission.refusal(call(trunk=trunk)) for trunk in ("a", "b", "c", "")] == [
        "trunk_calls",
        "trunk_per_second",
        None,
        None,
    ]
    watch.at += 1.0
    admission.left(call(trunk="a"), rejected=False)
    assert [admission.refusal(call(trunk=trunk)) for trunk in ("a", "b")] == [None, None]
    for trunk in ("a", "b"):
        admission.left(call(trunk=trunk), rejected=False)
    assert admission.empty()


def test_a_trunk_whose_rate_is_not_bounded_is_not_remembered_by_arrivals() -> None:
    admission = Admission(Limits(per_trunk={"a": TrunkLimit(calls=2)}), Watch())
    admission.entered(call("1", "a"))
    assert admission._trunk_arrivals == {}


def test_while_a_back_end_is_ill_only_a_share_is_let_in() -> None:
    ill = [True]
    admission = Admission(Limits(calls=4, ill_pct=50.0, per_caller=0), Watch(), ill=lambda: ill[0])
    for _ in range(2):
        assert admission.refusal(call()) is None
        admission.entered(call())
    assert admission.refusal(call()) == "overload_backend"
    ill[0] = False
    assert admission.refusal(call()) is None


def test_a_new_caller_hears_that_all_lines_are_busy_and_who_is_in_goes_on(platform: Platform) -> None:
    inside = platform.call("menu")
    platform.actor(inside)
    overload = platform.application.overload
    overload.bounds = BOUNDS
    for _ in range(BEGIN_LOOKS):
        overload.look(Reading(100.0, 0.0))
    refused = platform.call("menu", number="13800000001")
    detail = platform.over(refused)
    assert (*summary(detail), path(detail)) == ("rejected", "busy", (), [("sorry", "next"), ("bye", "end")])
    assert (detail.call.entry, platform.spoken(refused)) == ("overload_cpu", ["All lines are busy."])
    assert summary(platform.over(inside)) == ("flow_end", "quiet", ())


def test_who_only_stays_is_hung_up_but_not_who_waits_in_a_queue(make_platform: Callable[..., Platform]) -> None:
    platform = make_platform(limits=Given(silent_s=0.5))
    platform.phone("1001", answer_after=None)
    waiting = platform.call("queue", number="13800000002")
    silent = platform.call("long")
    detail = platform.over(silent)
    assert summary(detail)[0] == "limit"
    assert (detail.call.error or "").startswith("silent-stay: nothing came from the caller for")
    assert not waiting.cause
    assert uuid_of(waiting) in platform.application.engine._actors
