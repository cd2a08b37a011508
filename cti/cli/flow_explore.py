"""`cti flow explore`: walks through flows by itself: every key, silence, wrong key, hang-up, answer of the outside.

Each finding comes with the shortest call that shows it, as a test to be pasted under the flow's `tests:`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING, Any

from cti.cli.flow_common import add_flows, chosen

if TYPE_CHECKING:
    from cti.flow.explore_report import Report
    from cti.flow.explore_scripts import Script

BUDGET_S = 60.0
MOST_STATES = 10_000_000


def add_to(verbs: Any) -> None:
    verb = verbs.add_parser("explore", help="walk every path of the flows and tell what is wrong", description=__doc__)
    verb.add_argument("flow", nargs="?", help="only this flow")
    verb.add_argument(
        "--budget",
        type=_budget,
        default=(BUDGET_S, 200_000),
        metavar="TIME|STATES",
        help="the bound for each flow: seconds (90s) or states (50000); default 60s and 200000",
    )
    verb.add_argument("--format", choices=("text", "json"), default="text")
    verb.add_argument("--no-tests", action="store_true", help="print no tests with the findings")
    add_flows(verb)
    verb.set_defaults(run=explore)


def _budget(text: str) -> tuple[float, int]:
    """(seconds, states)."""
    from cti.flow.units import parse_duration

    if text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_STATES:
        return 86_400.0, int(text)
    seconds = parse_duration(text)
    if not seconds:
        raise argparse.ArgumentTypeError(f"a time such as 90s, or a number of states, not {text[:20]!r}")
    return seconds, MOST_STATES


def explore(options: argparse.Namespace) -> int:
    """Exit status 1 when there is a finding that is an error."""
    from cti.app import load_flows
    from cti.flow.explore_report import explored
    from cti.flow.explore_walk import Budget

    seconds, states = options.budget
    reports = []
    for plan in chosen(options.flow, load_flows(options.flows).plans).values():
        begun = time.monotonic()
        report = explored(plan, Budget(states=states, seconds=seconds, clock=time.monotonic))
        reports.append(report)
        if options.format == "text":
            _print(report, time.monotonic() - begun, not options.no_tests)
    if options.format == "json":
        json.dump([report.as_dict() for report in reports], sys.stdout, ensure_ascii=False, indent=2)
        print()
    return int(any(report.failed for report in reports))


def _print(report: Report, seconds: float, tests: bool) -> None:
    whole = f"the bound of {report.bound} was reached: not everything was walked" if report.bound else "all of it"
    reached = report.nodes - len(report.unreached)
    print(f"{report.flow}: {report.states} states, {report.ways} ways in {seconds:.1f} s, {whole}")
    print(
        f"  {report.merged} ways led to a state known before, {report.taken_over} were known from a call of a subflow"
    )
    print(f"  budget: {report.budget}")
    print(f"  {reached} of {report.nodes} nodes reached" + (" (its subflows included)" if report.nodes else ""))
    for barred in report.never:
        print(f"  {barred.node.place} [never] {barred}")
    for _, node, place in () if report.bound else report.unreached:  # within a bound it would be no finding
        print(f"  {place} [never-reached] no call came to '{node}'")
    for case in report.people:
        what = f"{case.seconds:.1f} s and {case.keys} key(s)" if case.seconds is not None else "no person"
        print(f"  to a person, a caller {case.who}: {what} at worst")
    for shown in report.findings:
        print(f"  {shown.finding}")
        if tests and shown.script is not None:
            _print_test(shown.script)
    if tests and any(one.seconds is None for one in report.people):
        one = next(one for one in report.people if one.seconds is None)
        print(f"  how a caller {one.who} comes to no person:")
        _print_test(one.script)


def _print_test(script: Script) -> None:
    if not script.shows:
        print("      # as near as a test comes to it:")
    for line in script.text.splitlines():
        print(f"      {line}")
