"""Who meets a canary, when it goes back, and what is wrong with one in the entry table. No clock, no chance."""

from __future__ import annotations

import pytest

from cti.core.versions import VersionFigures
from cti.flow import load_entry
from cti.flow.canary import NEW, Back, Canary, is_chosen, judge, place_of
from tests.flow.flowkit import shipped

FLOWS = {"hotline": shipped("hotline")}
CALLERS = [f"138{number:08}" for number in range(2000)]


def chosen(percent: float, version: str = "v1") -> list[str]:
    return [caller for caller in CALLERS if is_chosen(Canary(NEW, percent), version, None, caller)]


def test_the_share_is_kept_and_a_caller_always_meets_the_same_version() -> None:
    assert 160 <= len(chosen(10)) <= 240
    assert chosen(10) == chosen(10)
    assert chosen(0) == []
    assert chosen(100) == CALLERS


def test_more_percent_only_adds_callers_and_another_version_takes_others() -> None:
    assert set(chosen(10)) < set(chosen(30))
    assert len(set(chosen(10)) & set(chosen(10, "v2"))) < 60


def test_a_caller_without_a_number_falls_by_chance() -> None:
    assert is_chosen(Canary(NEW, 10), "v1", 0.05, None)
    assert not is_chosen(Canary(NEW, 10), "v1", 0.5, None)
    assert 0 <= place_of("\ud800") < 1


@pytest.mark.parametrize(
    ("back", "figures", "says"),
    [
        (Back(error_rate=0.05), VersionFigures(100, errors=6, contained=90), "error rate 6.0% of 100 calls"),
        (Back(error_rate=0.05), VersionFigures(100, errors=5, contained=90), ""),
        (Back(error_rate=0.05), VersionFigures(49, errors=49), ""),
        (Back(error_rate=0.05, min_calls=1), VersionFigures(1, errors=1), "error rate 100.0%"),
        (Back(containment=0.5), VersionFigures(100, contained=49), "containment 49.0%"),
        (Back(containment=0.5), VersionFigures(100, contained=50), ""),
        (Back(abandonment=0.2), VersionFigures(100, queued=50, abandoned=11), "abandonment 22.0% of 50"),
        (Back(abandonment=0.2), VersionFigures(100, queued=49, abandoned=49), ""),
        (Back(), VersionFigures(100, errors=100, queued=100, abandoned=100), ""),
        (Back(error_rate=0, abandonment=0, containment=1), VersionFigures(), ""),
    ],
)
def test_it_goes_back_past_a_threshold_and_not_before(back: Back, figures: VersionFigures, says: str) -> None:
    reason = judge(back, figures)
    assert bool(reason) == bool(says)
    assert says in reason


def test_counts_that_grow_call_by_call_take_it_back_once_enough_are_in() -> None:
    back = Back(error_rate=0.05, min_calls=50)
    growing = [VersionFigures(n, errors=n // 10, contained=n - n // 10) for n in range(1, 80)]
    assert next(one.calls for one in growing if judge(back, one)) == 50


def entry(canary: str) -> tuple[Canary | None, list[str]]:
    text = f"entries:\n  - {{flow: hotline, canary: {canary}}}\n"
    loaded = load_entry(text, "entry.yaml", flows=FLOWS)
    table = loaded.table
    return table.entries[0].canary if table else None, [issue.code for issue in loaded.issues]


def test_a_canary_is_read() -> None:
    found, issues = entry("{version: abc123, percent: 10, back: {error_rate: 5%, abandonment: 20, min_calls: 30}}")
    assert issues == []
    assert found == Canary("abc123", 10.0, Back(error_rate=0.05, abandonment=0.2, min_calls=30))
    assert entry("{percent: 2.5%}")[0] == Canary(NEW, 2.5)


@pytest.mark.parametrize(
    ("canary", "code"),
    [
        ("{}", "missing-option"),
        ("{percent: 101}", "bad-option"),
        ("{percent: 5, version: latest}", "bad-option"),
        ("{percent: 5, verson: new}", "unknown-option"),
        ("{percent: 5, back: {}}", "missing-option"),
        ("{percent: 5, back: {errors: 5}}", "unknown-option"),
        ("{percent: 5, back: {error_rate: many}}", "bad-option"),
        ("{percent: 5, back: {error_rate: 1, min_calls: 0}}", "bad-option"),
        ("[10]", "bad-option"),
    ],
)
def test_what_is_wrong_with_one_is_told(canary: str, code: str) -> None:
    found, issues = entry(canary)
    assert found is None
    assert code in issues
