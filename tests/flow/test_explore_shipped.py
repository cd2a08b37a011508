"""In the flows that are delivered the exploration finds nothing."""

from __future__ import annotations

from functools import cache

import pytest

from cti.flow.explore_report import Report, explored
from cti.flow.explore_walk import Budget
from tests.flow.explore_reference import FLOWS, delivered

LONG = {"bill_reminder", "fixed_line", "hotline"}
NAMES = sorted(file.stem for file in FLOWS.glob("*.yaml") if file.stem != "entry")


@cache
def report_of(name: str) -> Report:
    return explored(delivered()[name], Budget())


def nothing_is_wrong(name: str) -> None:
    report = report_of(name)
    assert report.bound == ""
    assert not report.failed, [str(one.finding) for one in report.findings]
    assert [one.finding.code for one in report.findings if not (one.script and one.script.shows)] == []
    assert [one.who for one in report.people if not one.script.shows] == []


@pytest.mark.parametrize("name", [name for name in NAMES if name not in LONG])
def test_nothing_is_wrong(name: str) -> None:
    nothing_is_wrong(name)


@pytest.mark.nightly
@pytest.mark.parametrize("name", sorted(LONG))
def test_nothing_is_wrong_in_the_long_ones(name: str) -> None:
    nothing_is_wrong(name)


@pytest.mark.nightly
def test_the_hotline_is_walked_whole_but_for_a_night_that_it_does_not_have() -> None:
    report = report_of("hotline")
    assert {flow for flow, node, _ in report.unreached if node != "closed"} == {"after_hours"}
    assert [one.states for one in report.never] == [("closed", "holiday")]
    assert report.states < 5_000, "merging has become worse"
