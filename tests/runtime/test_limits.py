"""Calls over a limit hear the busy flow and are on record as rejected; the others notice nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .platform import Limits, Platform, path, summary, uuid_of

Make = Callable[..., Platform]
BUSY = ("rejected", "busy", ())
BUSY_PATH = [("sorry", "next"), ("bye", "end")]
NUMBERS = [f"1380000{number:04}" for number in range(40)]


@pytest.mark.parametrize(
    ("limits", "numbers", "reason"),
    [
        (Limits(calls=2), NUMBERS[:3], "calls"),
        (Limits(per_caller=2), [NUMBERS[0]] * 3, "per_caller"),
        (Limits(per_second=2), NUMBERS[:3], "per_second"),
    ],
    ids=["in total", "of one caller", "in one second"],
)
def test_the_call_over_the_limit_hears_that_all_lines_are_busy(
    make_platform: Make, limits: Limits, numbers: list[str], reason: str
) -> None:
    platform = make_platform(limits=limits)
    callers = [platform.call("long", number=number) for number in numbers]
    refused = platform.over(callers[-1])
    assert (*summary(refused), path(refused)) == (*BUSY, BUSY_PATH)
    assert (refused.call.flow, refused.call.entry) == ("busy", reason)
    assert platform.spoken(callers[-1]) == ["All lines are busy."]
    assert not any(caller.cause for caller in callers[:-1])
    for caller in callers[:-1]:
        caller.hangup()
    assert [summary(platform.over(caller)) for caller in callers[:-1]] == [("caller_hangup", "left", ())] * 2


def test_a_place_is_free_again_after_the_end(make_platform: Make) -> None:
    platform = make_platform(limits=Limits(calls=1, per_caller=1))
    for _ in range(3):
        assert summary(platform.over(platform.call("menu"))) == ("flow_end", "quiet", ())


def test_another_caller_is_not_held_back_by_one_who_has_too_many(make_platform: Make) -> None:
    platform = make_platform(limits=Limits(per_caller=1))
    platform.call("long")
    second = platform.call("long")
    other = platform.call("menu", number=NUMBERS[7])
    assert summary(platform.over(other)) == ("flow_end", "quiet", ())
    assert summary(platform.over(second)) == BUSY


def test_withheld_numbers_are_not_one_caller(make_platform: Make) -> None:
    platform = make_platform(limits=Limits(per_caller=1))
    callers = [platform.call("menu", number="anonymous") for _ in range(3)]
    details = [platform.over(caller) for caller in callers]
    assert [summary(detail) for detail in details] == [("flow_end", "quiet", ())] * 3
    assert {detail.call.caller for detail in details} == {None}


def test_a_flood_is_hung_up_when_even_the_announcement_is_over_capacity(
    make_platform: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = make_platform(limits=Limits(calls=1))
    admission = platform.application.engine._admission
    admission.limits = type(admission.limits)(calls=1, announcements=2)
    callers = [platform.call("long", number=number) for number in NUMBERS[:8]]
    uuids = [uuid_of(caller) for caller in callers]
    details = [platform.over(caller) for caller in callers[1:]]
    assert [summary(d)[0] for d in details] == ["rejected"] * 7
    heard = [caller for caller in callers[1:] if platform.spoken(caller) == ["All lines are busy."]]
    assert len(heard) == 2
    assert {caller.cause for caller in callers[1:] if caller not in heard} == {"SWITCH_CONGESTION"}
    assert len(set(uuids)) == 8
    figures = platform.application.engine.figures()
    assert (figures.rejected, figures.started, figures.ended) == (7, 8, {"rejected": 7})


def test_a_number_that_nobody_is_behind(platform: Platform) -> None:
    platform.call("menu")
    detail = platform.over(platform.call("4711"))
    assert (*summary(detail), detail.call.entry) == (*BUSY, "no entry")
