"""The flows that ship: no finding, every test passes and together they take every node and exit, in two languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.app import load_flows
from cti.flow.coverage import cover
from cti.runtime.library import FlowLibrary
from tests.flow.flowkit import NOW

FLOWS = Path(__file__).parents[2] / "ivr_flows"
PAGE = Path(__file__).parents[2] / "docs" / "shipped-flows.md"
SERVICES = {
    *("hotline", "fixed_line", "bill", "package", "topup", "fault", "complaint", "number", "identity", "callback"),
    *("csat", "after_hours", "outage", "fax_bill", "sms", "senior", "busy", "bill_reminder", "fax_form", "chat"),
}


@pytest.fixture(scope="module")
def library() -> FlowLibrary:
    return load_flows(FLOWS)


def test_every_service_is_there_in_two_languages_without_a_finding(library: FlowLibrary) -> None:
    assert set(library.plans) == SERVICES
    assert library.issues == []
    languages = {tuple(plan.flows[name].languages) for name, plan in library.plans.items()}
    assert languages == {("zh-CN", "en-US")}


def test_the_page_of_the_shipped_flows_lists_all_with_their_media(library: FlowLibrary) -> None:
    rows = [row.split("|") for row in PAGE.read_text(encoding="utf-8").splitlines() if row.startswith("| `")]
    told = {row[1].strip(" `"): row[2].strip() for row in rows}
    assert told.keys() == SERVICES
    for name, plan in library.plans.items():
        assert told[name] in plan.flows[name].media, name


def test_their_tests_pass_and_take_every_node_and_exit(library: FlowLibrary) -> None:
    results = library.run_tests()
    flat = [result for of_flow in results.values() for result in of_flow]
    assert {result.name: [str(failure) for failure in result.failures] for result in flat if not result.passed} == {}
    assert [str(missing) for coverage in cover(library.plans, flat) for missing in coverage.missing] == []


@pytest.mark.parametrize(
    ("medium", "called", "caller", "flow"),
    [
        ("voice", "10086", "13800000000", "hotline"),
        ("voice", "10086", "+86 138-0000-0000", "hotline"),
        ("voice", "10086", "01088880000", "fixed_line"),
        ("voice", "10086", "+861088880000", "fixed_line"),
        ("voice", "10000", "13800000000", "fixed_line"),
        ("voice", "10050", "01088880000", "outage"),
        ("voice", "10086", None, "hotline"),
        ("voice", "10086", "1001", "hotline"),
        ("voice", "10086", "x%0AEvent-Name: CHANNEL_HANGUP", "hotline"),
        ("sms", "10086", "13800000000", "sms"),
        ("chat", "web", None, "chat"),
        ("fax", "10020", "01088880001", "fax_form"),
        ("fax", "10020", None, "fax_form"),
    ],
)
def test_numbers_reach_their_flows(
    library: FlowLibrary, medium: str, called: str, caller: str | None, flow: str
) -> None:
    match = library.entry.match(medium=medium, called=called, caller=caller, attributes={}, now=NOW, chance=0.5)
    assert match is not None
    assert match.flow == flow
